"""Shards that are missing, cut, changed or hostile: each is named, and nothing in one is run or written."""

import contextlib
import json
import os
import pickle
import random
import tarfile

import pytest
from tars import add, numbers, opened, picture, sample, shards, tar
from zoo import folder

from senet.data.check.check import check
from senet.data.shards.pack import ShardSize, pack
from senet.data.shards.source import ShardSource
from senet.data.shards.tar.index import _digest as digest_of
from senet.data.shards.tar.index_cache import tar_index_file
from senet.data.shards.tar.scan import scan_tar
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError

BLOCK = 512


@pytest.fixture
def packed(tmp_path):
    pack(FolderSource(folder(tmp_path / "photos", train=8)), tmp_path / "out", ShardSize(samples=4))
    return tmp_path / "out"


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def kinds(root):
    return {
        (finding.kind, finding.path)
        for finding in check(ShardSource(str(root))).findings
        if finding.severity == "error"
    }


def test_a_missing_packed_shard_is_named(packed):
    (packed / "train-00002.tar").unlink()
    with pytest.raises(DataError, match=r"missing: train-00002\.tar") as error:
        opened(packed)
    assert error.value.exit_code == 3
    assert ("missing-shard", "train-00002.tar") in kinds(packed)


def test_a_truncated_packed_shard_is_named(packed):
    path = packed / "train-00002.tar"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match="has 3,000 bytes, its index says 20,480") as error:
        opened(packed)
    assert "train-00002.tar" in error.value.where
    assert {("shard", path.name), ("corrupt-shard", path.name)} <= kinds(packed)


def test_one_flipped_bit_is_found_by_the_fingerprint_that_every_run_begins_with(packed):
    data = opened(packed)
    flip(packed / "train-00001.tar", 700)
    with pytest.raises(DataError, match="corrupt") as error:
        data.fingerprint()
    assert "train-00001.tar" in error.value.where
    assert ("corrupt-shard", "train-00001.tar") in kinds(packed)


@pytest.mark.parametrize("name", ["train-00003.tar", "train-00000.tar"])
def test_a_gap_in_the_numbers_of_plain_shards_is_a_missing_shard(tmp_path, name):
    shards(tmp_path, 6)
    for path in list(tmp_path.glob("train-*.tar")):
        path.rename(path.with_name(f"{path.stem}-of-00006.tar"))
    name = name.replace(".tar", "-of-00006.tar")
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"missing: {name}"):
        opened(tmp_path)
    assert ("missing-shard", name) in kinds(tmp_path)


@pytest.mark.parametrize("size", [100, BLOCK, 3 * BLOCK, 4 * BLOCK, 5 * BLOCK + 7, 8 * BLOCK])
def test_a_plain_shard_that_is_cut_anywhere_is_named_never_just_shorter(tmp_path, size):
    path = shards(tmp_path, 2) / "train-00001.tar"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match="cannot read the shard") as error:
        opened(tmp_path)
    assert "train-00001.tar" in error.value.where
    assert ("shard", "train-00001.tar") in kinds(tmp_path)


def test_a_broken_header_in_the_middle_is_named_never_taken_for_the_end(tmp_path):
    path = shards(tmp_path, 2) / "train-00001.tar"
    flip(path, 4 * BLOCK + 10)
    with pytest.raises(DataError, match="a broken header at byte 2,048"):
        opened(tmp_path)


NO_TAR = {
    "empty": b"",
    "gzip": b"\x1f\x8b" + bytes(600),
    "page": b"<html>" * 200,
    "noise": random.Random(0).randbytes(5000),
}


@pytest.mark.parametrize("data", NO_TAR.values(), ids=NO_TAR)
def test_what_is_no_tar_is_named(tmp_path, data):
    (shards(tmp_path, 2) / "train-00001.tar").write_bytes(data)
    with pytest.raises(DataError, match="cannot read the shard"):
        opened(tmp_path)


def test_a_shard_that_vanishes_while_it_is_read_is_named(tmp_path):
    data = opened(shards(tmp_path, 2))
    (tmp_path / "train-00001.tar").unlink()
    with pytest.raises(DataError) as error:
        list(data.train_batches(1, 1))
    assert error.value.where.startswith("train-00001.tar/")


def test_a_shard_that_shrinks_while_it_is_read_is_named(tmp_path):
    data = opened(shards(tmp_path, 2))
    (tmp_path / "train-00001.tar").write_bytes(b"")
    with pytest.raises(DataError, match=r"truncated within 0000.*ppm") as error:
        list(data.train_batches(1, 1))
    assert "train-00001.tar" in error.value.where


def test_row_01_an_image_that_cannot_be_read_is_named_and_may_be_skipped(tmp_path, caplog):
    shards(tmp_path, 2)
    tar(tmp_path / "train-00001.tar", [*sample(1), ("bad.ppm", b"P6 2"), ("bad.cls", b"1"), *sample(3)])
    with pytest.raises(DataError) as error:
        list(opened(tmp_path).train_batches(1, 1))
    assert error.value.where == "train-00001.tar/bad.ppm (sample 6)"
    assert sum(len(images) for images, _ in opened(tmp_path, on_error="skip").train_batches(1, 1)) == 7
    assert "left out: train-00001.tar/bad.ppm" in caplog.text
    assert any(path == "train-00001.tar/bad.ppm" for _, path in kinds(tmp_path))


HOSTILE = {
    "../../escape.ppm": {},
    "/etc/escape.ppm": {},
    "C:\\escape.ppm": {},
    "a\\..\\escape.ppm": {},
    "link.ppm": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
    "hard.ppm": {"type": tarfile.LNKTYPE, "linkname": "../outside"},
    "device.ppm": {"type": tarfile.CHRTYPE},
    "pipe.ppm": {"type": tarfile.FIFOTYPE},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_row_17_members_that_lead_out_are_refused_by_name_and_nothing_is_written(tmp_path, name):
    root = shards(tmp_path / "deep" / "shards", 2)
    with tarfile.open(root / "train-00001.tar", "w") as archive:
        add(archive, name, b"" if HOSTILE[name] else picture(1), **HOSTILE[name])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="refused") as error:
        opened(root)
    assert "escape" in error.value.what or name in error.value.what
    assert ("unsafe", f"train-00001.tar/{name}") in {
        (finding.kind, finding.path) for finding in check(ShardSource(str(root))).findings
    } or ("unsafe", name) in kinds(root)
    assert sorted(tmp_path.rglob("*")) == before


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_row_18_pickles_are_never_run_but_counted(tmp_path, caplog):
    payload = pickle.dumps(Payload(tmp_path / "run"))
    root = shards(tmp_path / "shards", 2)
    extras = [(f"{n:06}.{ending}", payload) for n in (5, 6) for ending in ("pyd", "pkl", "npy", "pth")]
    members = [(name, data) for n in (5, 6) for name, data in (*sample(n), *extras) if name.startswith(f"{n:06}")]
    tar(root / "train-00001.tar", members)
    data = opened(root)
    assert "members of shards that are never unpickled: 8 (train 8): .npy (2), .pkl (2), .pth (2)" in caplog.text
    assert len(next(data.train_batches(1, 1))[0]) == 7
    assert {f.kind for f in check(ShardSource(str(root))).findings if f.severity == "note"} >= {"pickled"}
    assert not (tmp_path / "run").exists()


SPOILT = {
    "no-label": [("1.ppm", picture(1))],
    "no-image": [("1.cls", b"1")],
    "two-images": [("1.ppm", picture(1)), ("1.jpg", b"x"), ("1.cls", b"1")],
    "twice": [("1.ppm", picture(1)), ("1.cls", b"1"), ("1.cls", b"0")],
    "label": [("1.ppm", picture(1)), ("1.cls", b"\xff")],
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_sample_that_is_not_whole_is_named_never_left_out(tmp_path, kind):
    tar(shards(tmp_path, 2) / "train-00001.tar", [*sample(5), *SPOILT[kind], *sample(7)])
    with pytest.raises(DataError, match=r"^1(\.cls)?: ") as error:
        opened(tmp_path)
    assert "train-00001.tar" in error.value.where
    assert {found for found, _ in kinds(tmp_path)} == {kind}


@pytest.mark.parametrize(
    "text", [b'{"label": true}', b'{"label": 1.5}', b"{}", b"[]", b"{", pytest.param(b"[" * 100_000, id="deep")]
)
def test_a_json_label_that_is_neither_number_nor_name_is_refused(tmp_path, text):
    tar(shards(tmp_path, 2) / "train-00001.tar", [("1.ppm", picture(1)), ("1.json", text)])
    with pytest.raises(DataError, match="cannot read the label"):
        opened(tmp_path)


def test_a_header_that_claims_gigabytes_fills_no_memory(tmp_path):
    path = tmp_path / "train-0.tar"
    info = tarfile.TarInfo("name")
    info.type, info.size = tarfile.XHDTYPE, 2**31
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.truncate(2**31 + 10_240)  # sparse: it takes no disk
    with pytest.raises(DataError, match="a header of 2,147,483,648 bytes"):
        scan_tar(path)


def test_headers_within_headers_do_not_exhaust_the_stack(tmp_path):
    info = tarfile.TarInfo("name")
    info.type = tarfile.GNUTYPE_LONGNAME
    (tmp_path / "t.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) * 5000)
    with pytest.raises(DataError, match="cannot read the shard"):
        scan_tar(tmp_path / "t.tar")


def edited(text):
    said = json.loads(text)
    said["offsets"] = said["offsets"][::-1]
    return json.dumps(said)


BROKEN = {"cut": lambda text: text[:50], "edited": edited, "empty": lambda _: "", "other": lambda _: "[1, 2]"}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("foreign", [False, True])
def test_row_26_a_table_that_is_broken_is_made_anew_with_a_note(packed, tmp_path, caplog, how, foreign):
    root = shards(tmp_path / "plain", 2) if foreign else packed
    first = opened(root)
    shard = root / "train-00001.tar"
    table = tar_index_file(shard, None if foreign else object())
    whole = table.read_text()
    table.write_text(BROKEN[how](whole))
    again = opened(root)
    assert "is scanned again" in caplog.text
    assert again.train.samples.offsets.tolist() == first.train.samples.offsets.tolist()
    assert again.sample_ids(1, 1, 0) == first.sample_ids(1, 1, 0)
    assert table.read_text() == whole


def test_row_26_a_plain_shard_that_was_written_again_is_scanned_again_without_a_word(tmp_path, caplog):
    opened(shards(tmp_path, 2))
    tar(tmp_path / "train-00001.tar", [m for n in (20, 21, 22) for m in sample(n)])
    seen = [n for images, _ in opened(tmp_path).train_batches(1, 1) for n in numbers(images)]
    assert sorted(seen) == [0, 1, 2, 3, 4, 20, 21, 22]
    assert caplog.text == "", "the table is ours, in the cache, and no fault of the user's"


def older(text):
    said = json.loads(text)
    body = {**{key: value for key, value in said.items() if key != "sha256"}, "version": 0}
    return json.dumps({"sha256": digest_of(body), **body})


@pytest.mark.parametrize("foreign", [False, True])
def test_a_whole_table_of_another_version_is_worth_a_note_beside_a_packed_shard_alone(
    foreign, packed, tmp_path, caplog
):
    root = shards(tmp_path / "plain", 2) if foreign else packed
    opened(root)
    table = tar_index_file(root / "train-00001.tar", None if foreign else object())
    whole = table.read_text()
    table.write_text(older(whole))
    opened(root)
    assert ("is out of date: the shard is scanned again" in caplog.text) is not foreign
    assert table.read_text() == whole


def test_a_second_opening_scans_nothing(tmp_path, monkeypatch):
    opened(shards(tmp_path, 2))
    monkeypatch.setattr("senet.data.shards.tar.index_cache.scan_tar", lambda path: pytest.fail("scanned"))
    opened(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["splits"]["train"][0].update(name="../out/train-00000.tar"),
        lambda said: said["splits"]["train"][0].update(name="..\\x.tar"),
        lambda said: said["splits"]["train"][0].update(samples=-1),
        lambda said: said["splits"]["train"][0].update(bytes="many"),
        lambda said: said.update(version=2),
        lambda said: said.update(splits=[]),
        lambda said: said.pop("classes"),
        lambda said: said.update(classes=["cat", "cat"]),
    ],
)
def test_row_54_an_index_that_is_broken_or_hostile_is_refused(packed, change):
    path = packed / "index.json"
    said = json.loads(path.read_text())
    change(said)
    path.write_text(json.dumps(said))
    with pytest.raises(DataError) as error:
        opened(packed)
    assert "index.json" in error.value.where


def test_an_index_of_other_counts_than_its_shards_is_refused(packed):
    path = packed / "index.json"
    said = json.loads(path.read_text())
    said["splits"]["train"][0]["samples"] = 3
    path.write_text(json.dumps(said))
    with pytest.raises(DataError, match="4 samples that are not those of the index"):
        opened(packed)


@pytest.mark.parametrize("names", [(), ("train-0.tar",), ("test-0.tar",)])
def test_a_folder_without_training_or_held_out_shards_is_refused(tmp_path, names):
    for name in names:
        tar(tmp_path / name, sample(0))
    with pytest.raises(DataError, match="shards of train"):
        opened(tmp_path)


def test_check_finds_classes_leaks_and_broken_images_as_in_folders(tmp_path):
    shards(tmp_path, 2)
    tar(tmp_path / "test-00000.tar", [*sample(3), *sample(50, 9), ("x.jpg", b""), ("x.cls", b"1")])
    report = check(ShardSource(str(tmp_path)))
    found = {(finding.kind, finding.path) for finding in report.findings}
    assert found >= {
        ("leak", "test-00000.tar/000003.ppm"),
        ("unknown-class", "test/9"),
        ("empty", "test-00000.tar/x.jpg"),
    }
    assert [(split.name, split.images, split.readable) for split in report.splits] == [
        ("train", 10, 10),
        ("test", 3, 2),
    ]
    assert not report.clean


def test_check_of_packed_shards_is_that_of_the_folder(tmp_path):
    from senet.data.check.check import check

    root = folder(tmp_path / "photos")
    pack(FolderSource(root), tmp_path / "out", ShardSize(samples=5))
    one, other = check(FolderSource(root)), check(ShardSource(str(tmp_path / "out")))
    assert (one.splits, one.classes, one.findings) == (other.splits, other.classes, other.findings)
    assert check(ShardSource(str(tmp_path / "out")), workers=2) == other


def test_random_bytes_in_a_shard_are_an_error_or_samples_within_it_never_a_crash(tmp_path):
    draw = random.Random(0)
    good = tar(tmp_path / "t.tar", [m for n in range(4) for m in sample(n)]).read_bytes()
    whole = 0
    for _ in range(300):
        data = bytearray(good)
        for _ in range(draw.randrange(1, 6)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        (tmp_path / "t.tar").write_bytes(data)
        with contextlib.suppress(DataError):
            table = scan_tar(tmp_path / "t.tar")
            assert all(o >= 0 and o + s <= len(data) for o, s in zip(table.offsets, table.sizes, strict=True))
            whole += len(table.offsets) > 0
    assert 0 < whole < 300
