import json

import pytest

from senet.data.labels.labels import Labels, labels_from_names, numbered_labels, read_labels, require_same_labels
from senet.errors import DataError


def written(tmp_path, value):
    path = tmp_path / "classes.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_list_names_every_output(tmp_path):
    assert read_labels(written(tmp_path, ["dog", "cat"])) == Labels(("dog", "cat"), (0, 1), ("", ""))


def test_an_object_may_leave_outputs_out_and_may_say_what_people_call_them(tmp_path):
    said = {"n02": {"index": 7, "name": "hen"}, "n01": {"index": 3, "name": "tench"}}
    labels = read_labels(written(tmp_path, said))
    assert labels == Labels(("n01", "n02"), (3, 7), ("tench", "hen"))
    assert [labels.name(number) for number in (3, 4, 7)] == ["n01", "4", "n02"]
    assert [labels.title(number) for number in (3, 4, 7)] == ["tench", "", "hen"]
    assert read_labels(written(tmp_path, {"b": 0, "a": 1})) == Labels(("b", "a"), (0, 1), ("", ""))


def test_outputs_without_names_are_numbers():
    assert numbered_labels(3).names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("{", "not a readable list"),
        pytest.param("[" * 100_000, "not a readable list", id="deep"),
        (7, "not a list of names"),
        ([], "not a list of names"),
        (["a", "a"], "a name twice"),
        ({}, "no classes"),
        ({"a": 1, "b": 1}, "two classes have the number of 'b'"),
        ({"a": -1}, "'a' has no number: -1"),
        ({"a": True}, "'a' has no number: True"),
        ({"a": {"index": "0"}}, "'a' has no number"),
        ({"a": {"index": 0, "name": 3}}, "'a' has no number"),
    ],
)
def test_anything_else_is_refused(said, error, tmp_path):
    with pytest.raises(DataError, match=error) as caught:
        read_labels(written(tmp_path, said))
    assert caught.value.where == str(tmp_path / "classes.json")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_labels(tmp_path / "nowhere.json")


def test_a_users_labels_have_to_agree_with_those_of_the_weights():
    stored = ("dog", "cat", "otter")
    require_same_labels(labels_from_names(stored), stored, "w")
    require_same_labels(Labels(("dog", "otter"), (0, 2), ("Hund", "Otter")), stored, "w")
    for other in (
        labels_from_names(("cat", "dog", "otter")),
        labels_from_names(("dog", "otter")),
        Labels(("otter",), (1,), ("",)),
        Labels(("otter",), (7,), ("",)),
        labels_from_names((*stored, "zebra")),
    ):
        with pytest.raises(DataError, match="another number"):
            require_same_labels(other, stored, "w")
