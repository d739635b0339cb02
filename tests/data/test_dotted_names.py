"""Names of members that have more dots than one: every sample is read, or every member is counted and named."""

import pytest
from tars import numbers, opened, picture, sample, tar

from senet.data.check.check import check
from senet.data.shards.source import ShardSource
from senet.data.shards.tar.scan import scan_tar
from senet.errors import DataError


def pair(name, number, image="ppm", label="cls"):
    return (f"{name}.{image}", picture(number)), (f"{name}.{label}", str(number % 2).encode())


def written(root, *members):
    """A shard of train with these members, and one of test with plain ones."""
    tar(root / "test-0.tar", [m for n in (90, 91) for m in sample(n)])
    tar(root / "train-0.tar", members)
    return root


WHOLE = {
    "a dot in every name": [f"img.{i:03}" for i in range(12)],
    "in some": [*(f"img.{i:03}" for i in range(6)), *(f"{i:03}" for i in range(6))],
    "in a folder's name, too": [f"a.b/c.{i}" for i in range(12)],
    "versions": [f"photo{i}.v2.0" for i in range(12)],
    "in a folder's name alone": [f"a.b/{i:03}" for i in range(12)],
}


@pytest.mark.parametrize("case", WHOLE)
def test_row_97_samples_that_are_whole_at_the_last_dot_are_read(tmp_path, caplog, case):
    names = WHOLE[case]
    root = written(tmp_path, *(member for i, name in enumerate(names) for member in pair(name, i)))
    data = opened(root)
    seen = sorted(
        (n, int(y)) for images, ys in data.train_batches(1, 1) for n, y in zip(numbers(images), ys, strict=True)
    )
    assert seen == [(i, i % 2) for i in range(12)]
    by_last = case != "in a folder's name alone"
    assert ("train: names are split at their last dot" in caplog.text) == by_last
    kinds = [finding.kind for finding in check(ShardSource(str(root))).findings if finding.path == "train-0.tar"]
    assert kinds == ["dots"] * by_last


def test_row_97_a_mask_beside_its_image_is_a_part_that_is_counted(tmp_path):
    plain = [m for i in range(4) for m in (*pair(f"{i}", i), (f"{i}.seg.png", b"mask"))]
    root = written(tmp_path / "plain", *plain)
    assert opened(root).unused == ShardSource(str(root)).read("train").unused
    assert [(one.why, one.split, one.count, one.examples) for one in opened(root).unused] == [
        ("member", "train", 4, (".seg.png (4)",))
    ]
    dotted = [m for i in range(4) for m in (*pair(f"p{i}.v2", i), (f"p{i}.v2.seg.png", b"mask"))]
    data = opened(written(tmp_path / "dotted", *dotted))
    assert len(data.train) == 4
    assert [(one.count, one.examples) for one in data.unused] == [(4, (".seg.* (4)",))]


def errors(report):
    return [one for one in report.findings if one.severity == "error"]


NOT_WHOLE = {
    "two views of one sample": ([("s.left.jpg", b"x"), ("s.right.jpg", b"x"), ("s.cls", b"1")], "dots"),
    "input and target": ([("s.input.png", b"x"), ("s.target.png", b"x")], "dots"),
    "images of one key without labels": ([("img.001.jpg", b"x"), ("img.002.jpg", b"x")], "dots"),
    "a caption for a label": ([("1.jpg", b"x"), ("1.txt", b"a cat")], "no-label"),
    "a label of two endings": ([("1.jpg", b"x"), ("1.cls.txt", b"1")], "no-label"),
    "an index for a label": ([("1.JPG", b"x"), ("1.index", b"1")], "no-label"),
    "images first, labels after": ([("1.jpg", b"x"), ("2.jpg", b"x"), ("1.cls", b"1"), ("2.cls", b"0")], "apart"),
    "a folder that was put in a tar": ([("train/cat/1.jpg", b"x"), ("train/dog/2.jpg", b"x")], "no-label"),
    "two samples of one name": ([*sample(1), *sample(2), *sample(1)], "twice"),
}
REMEDIES = {
    "two views of one sample": "the first dot of a name, so .left.jpg, .right.jpg are parts of one sample",
    "a caption for a label": "it has .txt: if that is the label, name it .cls",
    "a label of two endings": "it has .cls.txt",
    "images first, labels after": "tar --sort=name",
    "a folder that was put in a tar": "unpack it and name the folder, folder:PATH",
}


@pytest.mark.parametrize("case", NOT_WHOLE)
def test_row_97_what_is_not_whole_is_named_with_what_to_write(tmp_path, case):
    members, kind = NOT_WHOLE[case]
    root = written(tmp_path, *members)
    with pytest.raises(DataError) as error:
        opened(root)
    assert REMEDIES.get(case, "") in error.value.what
    assert error.value.do == f"senet data check shards:{root} lists all"
    found = check(ShardSource(str(root)))
    assert {one.kind for one in errors(found) if one.path.startswith("train-0.tar/")} == {kind}
    assert kind in found.remedies()


def test_row_97_every_member_is_a_sample_or_counted(tmp_path):
    """However names are mixed: samples, faults' members and what is passed over are all there are."""
    members = [*sample(1), ("._000001.ppm", b"mac"), ("README", b""), ("1.2.3.txt", b""), ("meta.v1.json", b"{}")]
    table = scan_tar(tar(tmp_path / "t.tar", [*members, *pair("UP", 2, "PPM", "CLS"), ("UP.json", b"{}")]))
    assert (len(table), table.faults) == (2, ())
    assert dict(table.passed) == {"": 2, "2.3.txt": 1, "v1.json": 1, "json": 1}
