import numpy as np
import pytest
import torch
from PIL import Image
from zoo import decode

from senet.data import DataConfig, load
from senet.errors import DataError


def picture(path, color=(10, 20, 30), size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path)


@pytest.fixture
def root(tmp_path):
    for split, count in (("train", 10), ("test", 4)):
        for label, name in enumerate(("cat", "dog")):
            for i in range(count):
                picture(tmp_path / split / name / f"{i}.png", (100 * label + i, 0, 0))
    return tmp_path


def read(root, **changes):
    return load(DataConfig(f"folder:{root}", **changes))


def test_class_folders_become_labels_in_sorted_order(root):
    data = read(root)
    assert data.classes == ("cat", "dog")
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 8)
    assert (data.test.images[data.test.labels == 1][:, 0] >= 100).all()
    assert (data.test.images[data.test.labels == 0][:, 0] < 100).all()


def test_a_val_folder_beside_test_is_the_validation_split(root):
    for name in ("cat", "dog"):
        picture(root / "val" / name / "v.png", (7, 7, 7))
    data = read(root)
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 2, 8)
    assert (data.validation.images == 7).all()


def test_a_val_folder_alone_is_the_test_split(root):
    (root / "test").rename(root / "val")
    assert (len(read(root).validation), len(read(root).test)) == (2, 8)


def test_labels_go_by_name_where_test_lacks_a_class(root):
    for path in (root / "test" / "cat").iterdir():
        path.unlink()
    (root / "test" / "cat").rmdir()
    assert read(root).test.labels.tolist() == [1] * 4


def test_a_class_without_training_images_is_named(root):
    picture(root / "test" / "dgo" / "0.png")
    with pytest.raises(DataError, match="did you mean dog"):
        read(root)


def test_row_10_hidden_and_tool_folders_are_no_classes(root):
    for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        picture(root / "train" / name / "0.png")
    picture(root / "train" / "cat" / "._0.png", (255, 255, 255))
    assert read(root).classes == ("cat", "dog")
    assert (read(root).train.images[:, 1] == 0).all()


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x89PNG\r\n\x1a\n" + b"0" * 50])
def test_a_broken_image_is_named(root, content):
    path = root / "train" / "cat" / "3.png"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read(root)
    assert error.value.where.startswith(f"{path.relative_to(root)} (sample ")


@pytest.mark.parametrize("format", ["jpg", "png"])
def test_row_01_a_truncated_image_is_named(tmp_path, format):
    path = tmp_path / f"cut.{format}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cannot read the image") as error:
        decode(path)
    assert error.value.where == f"{path.name} (sample 0)"


def test_a_decompression_bomb_is_refused_before_decoding(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    picture(path, size=(64, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="decompression bomb"):
        decode(path)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    picture(tmp_path / f"x.{suffix}", (255, 255, 255), mode=mode)
    pixels = decode(tmp_path / f"x.{suffix}")
    assert pixels.shape == (3, 8, 8)
    assert (pixels == 255).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert torch.equal(decode(tmp_path / "deep.png")[0], torch.from_numpy((values >> 8).astype(np.uint8)))


def test_an_odd_image_gets_the_size_of_the_others_and_many_sizes_ask_for_one(root):
    usual = read(root)
    picture(root / "train" / "dog" / "big.png", size=(9, 12))
    assert (read(root).size, read(root).sizes.resized) == (usual.size, 1)
    for i in range(40):
        picture(root / "train" / "dog" / f"{i}.png", size=(20 + i, 12))
    with pytest.raises(DataError, match="--image-size") as error:
        read(root)
    assert "x12" in error.value.what
    assert read(root, image_size=5).size == (5, 5)


def test_a_rectangle_is_resized_by_its_short_side_and_cropped_in_the_centre(tmp_path):
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    Image.fromarray(image).save(tmp_path / "wide.png")
    assert (decode(tmp_path / "wide.png", size=10) == 200).all()


def test_an_empty_folder_and_missing_parts_say_how_to_lay_it_out(tmp_path):
    with pytest.raises(DataError, match="no class folders"):
        read(tmp_path)
    (tmp_path / "train" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match="neither val/ nor test/"):
        read(tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="no images"):
        read(tmp_path)
    picture(tmp_path / "train" / "cat" / "0.png")
    picture(tmp_path / "test" / "cat" / "0.png")
    with pytest.raises(DataError, match="1 class folders"):
        read(tmp_path)


def test_a_dangling_link_is_named(root):
    (root / "train" / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(DataError, match=r"no such image[\s\S]*gone.png"):
        read(root)


def test_changed_pixels_change_the_fingerprint(root):
    before = read(root).fingerprint()
    picture(root / "train" / "cat" / "0.png", (99, 99, 99))
    assert read(root).fingerprint() != before
