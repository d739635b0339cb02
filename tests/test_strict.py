# Dataclasses from plain values: every key known, none missing, every type as annotated.

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from senet.errors import UsageError
from senet.utils.dataclass_io import LARGEST, dataclass_from_dict, read_toml


@dataclass(frozen=True)
class Point:
    x: int
    y: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Shape:
    name: str
    kind: Literal["open", "closed"] = "open"
    filled: bool = False
    points: tuple[Point, ...] = ()
    size: tuple[int, float] | None = None
    at: Point | None = None
    tags: dict[str, Any] = field(default_factory=dict)


WHOLE = {
    "name": "triangle",
    "kind": "closed",
    "filled": True,
    "points": [{"x": 1}, {"x": 2, "y": 3}],
    "size": [4, 5],
    "at": {"x": 0, "y": 1.5},
    "tags": {"a": [1, None], "b": {}},
}


def test_plain_values_become_the_dataclass():
    shape = dataclass_from_dict(Shape, WHOLE)
    assert shape == Shape(
        name="triangle",
        kind="closed",
        filled=True,
        points=(Point(1), Point(2, 3.0)),
        size=(4, 5.0),
        at=Point(0, 1.5),
        tags={"a": [1, None], "b": {}},
    )
    assert [type(value) for value in (shape.points[1].y, shape.size[1], shape.points)] == [float, float, tuple]
    assert dataclass_from_dict(Shape, {"name": "x"}) == Shape(name="x")


def test_none_is_for_what_may_be_none():
    assert dataclass_from_dict(Shape, {"name": "x", "at": None, "size": None}) == Shape(name="x")
    with pytest.raises(UsageError, match="name=None is not text"):
        dataclass_from_dict(Shape, {"name": None})


def test_a_table_of_the_callers_is_copied():
    tags = {"a": 1}
    shape = dataclass_from_dict(Shape, {"name": "x", "tags": tags})
    tags["a"] = 2
    assert shape.tags == {"a": 1}


# A change to good values -> what is said, and what to do.
WRONG = {
    "an unknown key": ({"fileld": True}, "unknown key fileld", "did you mean filled?"),
    "an unknown key within": ({"at": {"x": 1, "z": 2}}, "unknown key at.z", "known: x, y"),
    "an unknown key in a list": ({"points": [{"x": 1}, {"xx": 1}]}, "unknown key points[1].xx", "did you mean x?"),
    "a missing key within": ({"at": {"y": 1}}, "the key at.x is missing", ""),
    "a missing key in a list": ({"points": [{"y": 1}]}, "the key points[0].x is missing", ""),
    "another choice": ({"kind": "opne"}, "kind='opne' is not one of open, closed", ""),
    "a choice that cannot be hashed": ({"kind": ["open"]}, "kind=['open'] is not one of open, closed", ""),
    "a number for a switch": ({"filled": 1}, "filled=1 is not true or false", ""),
    "a switch for a number": ({"at": {"x": True}}, "at.x=True is not a whole number", ""),
    "a switch for a real number": ({"at": {"x": 1, "y": False}}, "at.y=False is not a number", ""),
    "a real number for a whole one": ({"at": {"x": 1.0}}, "at.x=1.0 is not a whole number", ""),
    "text for a number": ({"at": {"x": "1"}}, "at.x='1' is not a whole number", ""),
    "a number for text": ({"name": 1}, "name=1 is not text", ""),
    "a table for a list": ({"points": {"x": 1}}, "points={'x': 1} is not a list", ""),
    "text for a list": ({"points": "12"}, "points='12' is not a list", ""),
    "a list for a table": ({"at": [1]}, "at=[1] is not a table", ""),
    "a list for a free table": ({"tags": [1]}, "tags=[1] is not a table", ""),
    "fewer values": ({"size": [1]}, "size=[1] is not 2 values", ""),
    "more values": ({"size": [1, 2, 3]}, "size=[1, 2, 3] is not 2 values", ""),
    "another type in a pair": ({"size": [1.5, 2]}, "size[0]=1.5 is not a whole number", ""),
    "a long value is cut": ({"name": ["a" * 1000]}, f"name=['{'a' * 98} is not text", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_as_annotated_is_refused_with_its_key(case):
    change, said, do = WRONG[case]
    with pytest.raises(UsageError) as caught:
        dataclass_from_dict(Shape, {**WHOLE, **change})
    assert (caught.value.what, caught.value.do) == (said, do)


def test_a_missing_key_and_the_table_it_is_missing_in():
    with pytest.raises(UsageError, match="the key name is missing"):
        dataclass_from_dict(Shape, {})
    with pytest.raises(UsageError, match=r"the key study\.name is missing"):
        dataclass_from_dict(Shape, {}, "study.")


FILES = {
    "lr = 1\nlr = 2\nx = 3": "not a readable shape: Cannot overwrite a value (at line 2",
    "name 2": "not a readable shape: Expected '=' after a key",
    "name = " + "[" * 100_000: "not a readable shape",
}


@pytest.mark.parametrize("text", FILES, ids=lambda text: text[:10])
def test_a_file_that_is_no_toml_is_named(text, tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_toml(path, "shape", lambda said: dataclass_from_dict(Shape, said))
    assert caught.value.what.startswith(FILES[text])
    assert caught.value.where == str(path)


def test_a_file_that_is_not_there_not_text_or_too_large(tmp_path):
    with pytest.raises(UsageError, match=r"not a readable shape: .*No such file"):
        read_toml(tmp_path / "s.toml", "shape", dict)
    (tmp_path / "s.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(UsageError, match="not a readable shape"):
        read_toml(tmp_path / "s.toml", "shape", dict)
    (tmp_path / "s.toml").write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(UsageError, match=f"larger than {LARGEST} bytes: not a shape"):
        read_toml(tmp_path / "s.toml", "shape", dict)


def test_errors_of_the_values_name_the_file_and_the_place_in_it(tmp_path):
    path: Path = tmp_path / "s.toml"
    path.write_text("name = 1")

    def understand(said):
        raise UsageError("impossible", where="points", do="think")

    with pytest.raises(UsageError) as caught:
        read_toml(path, "shape", lambda said: dataclass_from_dict(Shape, said))
    assert (caught.value.what, caught.value.where) == ("name=1 is not text", str(path))
    with pytest.raises(UsageError) as caught:
        read_toml(path, "shape", understand)
    assert (caught.value.where, caught.value.do) == (f"{path}: points", "think")
    path.write_text("name = 'x'\nat = {x = 1}")
    assert read_toml(path, "shape", lambda said: dataclass_from_dict(Shape, said)) == Shape(name="x", at=Point(1))
