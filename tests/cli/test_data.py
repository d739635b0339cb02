import json

import pytest
import torch
from cyclopts import App
from PIL import Image

from senet.cli.data.command import data
from senet.data import DataConfig, load
from senet.errors import DataError, UsageError

app = App(result_action="return_value")
app.command(data)


@pytest.fixture
def root(tmp_path):
    for split, shades in (("train", (10, 60, 110)), ("test", (160,))):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / split / name).mkdir(parents=True)
            for shade in shades:
                Image.linear_gradient("L").point(lambda v, s=shade + label: (v * s) % 256).save(
                    tmp_path / split / name / f"{shade}.png"
                )
    return tmp_path


def run(*arguments):
    app(["data", "check", *map(str, arguments)], exit_on_error=False)


def test_a_clean_folder_prints_its_splits_and_does_not_fail(root, capsys):
    run(root)
    out = capsys.readouterr().out
    assert "2 classes" in " ".join(out.split())
    assert [line.split() for line in out.splitlines() if line.split()[:1] == ["train"]] == [
        ["train", "2", "6", "6", "3", "to", "3"]
    ]
    assert "nothing to report" in out


def test_row_01_errors_are_listed_and_make_exit_code_3(root, capsys):
    for i in range(7):
        (root / "train" / "cat" / f"broken{i}.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="7 errors") as error:
        run(root)
    assert error.value.exit_code == 3
    out = capsys.readouterr().out
    assert "train/cat/broken0.jpg" in out
    assert "broken5.jpg" not in out
    assert "and 2 more" in out


def test_notes_alone_do_not_fail(root, capsys):
    (root / "train" / ".DS_Store").write_bytes(b"")
    run(root)
    out = capsys.readouterr().out
    assert "note" in out
    assert ".DS_Store" in out


def test_json_has_every_finding(root, capsys):
    for i in range(7):
        (root / "train" / "cat" / f"broken{i}.jpg").write_bytes(b"")
    with pytest.raises(DataError):
        run(root, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["clean"] is False
    assert found["counts"] == {"empty": 7}
    assert [finding["path"] for finding in found["findings"]] == [f"train/cat/broken{i}.jpg" for i in range(7)]
    assert found["splits"][0] == {"name": "train", "classes": 2, "images": 13, "readable": 6, "least": 3, "most": 10}


def test_row_16_names_with_codes_and_markup_are_shown_not_obeyed(root, capsys):
    for name in ("\x1b[31mred.jpg", "[bold]b.jpg", "line\nend.jpg"):
        (root / "train" / "cat" / name).write_bytes(b"")
    with pytest.raises(DataError):
        run(root)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    for shown in (r"\x1b[31mred.jpg", "[bold]b.jpg", r"line\nend.jpg"):
        assert shown in out


def test_workers_find_the_same(root, capsys):
    (root / "train" / "cat" / "broken.jpg").write_bytes(b"")
    printed = []
    for workers in (0, 2):
        with pytest.raises(DataError):
            run(root, "--json", "--workers", workers)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_a_path_that_is_no_data_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="no class folders"):
        run(tmp_path)


def pack(*arguments):
    app(["data", "pack", *map(str, arguments)], exit_on_error=False)


def test_a_folder_is_packed_and_its_shards_are_checked_like_it(root, capsys):
    pack(root, "--out", root / "shards", "--samples-per-shard", 4)
    assert capsys.readouterr().out == "train: 6 images in 2 shards\ntest: 2 images in 1 shard\n"
    run(root / "shards")
    assert "nothing to report" in capsys.readouterr().out


def test_a_shard_that_is_corrupt_is_listed_and_makes_exit_code_3(root, capsys):
    pack(root, "--out", root / "shards")
    path = root / "shards" / "test-00000.tar"
    data = bytearray(path.read_bytes())
    data[-1] = 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="1 error") as error:
        run(root / "shards")
    assert error.value.exit_code == 3
    assert "corrupt-shard" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "size"), [("256MB", 256_000_000), ("1 GB", 10**9), ("64k", 64_000), ("500", 500)])
def test_sizes_are_read(text, size):
    from senet.cli.data.command import _bytes

    assert _bytes(text) == size


@pytest.mark.parametrize("arguments", [("--shard-size", "many"), ("--shard-size", "0MB"), ("--samples-per-shard", "0")])
def test_sizes_that_are_none_are_refused(root, arguments):
    with pytest.raises(UsageError):
        pack(root, "--out", root / "shards", *arguments)
    assert not (root / "shards").exists()


def test_shards_of_a_folder_are_kept_in_memory_with_the_same_images(root):
    pack(root, "--out", root / "shards")
    folder, shards = (load(DataConfig(name)) for name in (f"folder:{root}", f"shards:{root / 'shards'}"))
    assert (folder.classes, len(folder.train)) == (shards.classes, 4)  # one of each class validates
    assert torch.equal(folder.test.images, shards.test.images)
    parts = [torch.cat((data.train.images, data.validation.images)) for data in (folder, shards)]
    images = [{image.numpy().tobytes() for image in part} for part in parts]
    assert len(images[0]) == 6
    assert images[0] == images[1]
