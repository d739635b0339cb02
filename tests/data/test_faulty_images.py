"""Files that are broken, hostile or odd, in training, in evaluation and under the check."""

import errno
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from zoo import TRANSFORM, chunk, decode, encoded, feed, folder, look, photo, png, scene

from senet.data import DataConfig, load
from senet.data.check.check import check
from senet.data.images import decode as images
from senet.data.images.decode import open_rgb
from senet.data.loader.fetch import EvalTransform, Fetcher, FetchJob
from senet.data.sources.image_folder import FolderSource
from senet.data.sources.image_paths import find_images
from senet.errors import DataError

BROKEN = {
    "truncated": lambda: encoded(scene(1, 200, 200), "JPEG")[:1500],
    "empty": lambda: b"",
    "not-an-image": lambda: b"<!DOCTYPE html><html>404</html>",
}


@dataclass(frozen=True)
class Thumbnail:
    """Takes little time over a large image."""

    def __call__(self, image):
        return image.resize((4, 4), Image.Resampling.NEAREST)


def all_batches(batches):
    return list(batches)


def kinds(root):
    return check(FolderSource(root)).counts()


@pytest.fixture
def root(tmp_path):
    return folder(tmp_path / "photos")


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_row_01_a_truncated_image_is_named_with_its_sample_and_its_bytes(root, format):
    data = encoded(scene(1, 200, 200), format)
    (root / "train" / "dog" / "02.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=f"truncated after {len(data) // 2:,} bytes") as error:
        all_batches(feed(root).train_batches(1, 1))
    assert error.value.where == "train/dog/02.jpg (sample 8)"
    assert error.value.exit_code == 3
    assert "skip" in error.value.do
    assert kinds(root)["truncated"] == 1


@pytest.mark.parametrize("kind", BROKEN)
def test_row_02_a_broken_image_stops_evaluation_or_shows_in_the_number_of_images(root, kind):
    (root / "test" / "cat" / "01.jpg").write_bytes(BROKEN[kind]())
    with pytest.raises(DataError, match=r"[\s\S]*test/cat/01.jpg"):
        all_batches(feed(root).test)
    test = feed(root, on_error="skip").test
    images, labels = all_batches(test)[0]
    assert (len(images), len(labels), len(test)) == (5, 5, 6)
    whole, _ = all_batches(feed(folder(root.parent / "whole")).test)[0]
    assert torch.equal(images, whole[[0, 2, 3, 4, 5]]), "the others are what they were, in their order"
    assert labels.tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("kind", BROKEN)
def test_row_01_a_skipped_image_leaves_the_others_of_its_training_batch_as_they_were(root, kind):
    before = {tuple(images.shape): None for images, _ in feed(root, batch_size=12).train_batches(1, 1)}
    (whole, labels), *_ = feed(root, batch_size=12).train_batches(1, 1)
    (root / "train" / "cat" / "03.jpg").write_bytes(BROKEN[kind]())
    (left, left_labels), *_ = feed(root, batch_size=12, on_error="skip").train_batches(1, 1)
    position = feed(root, batch_size=12).sample_ids(1, 1, 0).index("train/cat/03.jpg")
    others = [i for i in range(12) if i != position]
    assert before == {(12, 3, 16, 16): None}
    assert torch.equal(left, whole[others])
    assert torch.equal(left_labels, labels[others])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"just a text\n", "not an image but text"),
        (b"\n <!DOCTYPE html><html></html>", "an HTML page"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"PK\x03\x04....", "a zip"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
    ],
)
def test_row_03_what_is_no_image_under_an_images_name_is_called_what_it_is(root, content, said):
    (root / "train" / "dog" / "02.jpg").write_bytes(content)
    with pytest.raises(DataError, match=said) as error:
        all_batches(feed(root).train_batches(1, 1))
    assert error.value.where == "train/dog/02.jpg (sample 8)"
    assert error.value.exit_code == 3
    (found,) = check(FolderSource(root)).findings
    assert said in found.detail
    assert (found.kind, found.severity) == ("not-an-image" if content else "empty", "error")


def one_bit_png(side_x, side_y):
    """A whole black PNG that is a thousand times smaller than its pixels."""
    squeezed = zlib.compressobj(1)
    row = bytes(1 + side_x // 8)
    rows = b"".join(squeezed.compress(row * 100) for _ in range(side_y // 100)) + squeezed.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side_x, side_y, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


MEMORY = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from zoo import feed
from senet.data.check.check import check
from senet.data.sources.image_folder import FolderSource
from senet.errors import DataError
list(feed(Path({root!r})).test)  # everything is imported
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for workers in (0, 1):
    try:
        list(feed(Path({root!r}), workers=workers).train_batches(1, 1))
    except DataError as error:
        print(error)
print(check(FolderSource(Path({root!r}))).counts())
own, workers = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(max(own, workers) - before)
"""


def test_row_04_a_decompression_bomb_is_refused_by_its_header_and_memory_stays_flat(root):
    """Decoded, it would take 2,500 MB and more."""
    (root / "train" / "cat" / "00.jpg").write_bytes(one_bit_png(50_000, 50_000))
    code = MEMORY.format(tests=str(Path(__file__).parent), root=str(root))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert (
        out.count("Image size (2500000000 pixels) exceeds limit of 178956970 pixels, could be decompression bomb") == 2
    )
    assert out.count("train/cat/00.jpg (sample 0)") == 2, "in this process and in a worker"
    *_, counts, kilobytes = out.splitlines()
    assert counts == "{'bomb': 1}"
    assert int(kilobytes) < 100_000


def test_row_04_the_pixel_limit_can_be_lowered(root):
    with pytest.raises(DataError, match="32 x 24 pixels: more than the limit of 500"):
        all_batches(feed(root, max_pixels=500).train_batches(1, 1))


def test_row_04_photos_of_96_megapixels_pass_the_limit(root):
    (root / "train" / "cat" / "00.jpg").write_bytes(one_bit_png(12_000, 8_000))
    large = feed(root, batch_size=12, transforms=(Thumbnail(),))
    assert [len(labels) for _, labels in large.train_batches(1, 1)] == [12]
    assert check(FolderSource(root)).clean
    # the decoder says that it is large
    assert kinds(root) == dict.fromkeys(("mode", "format", "decoder", "blank", "size"), 1)


def zoo_of_modes(tmp_path):
    """One picture, grey, in every mode that a file may have; the value that RGB must have everywhere."""
    white = Image.new("L", (8, 8), 255)
    deep = Image.fromarray(np.full((8, 8), 65535, np.uint16))
    shots = {
        "cmyk.jpg": white.convert("CMYK"),
        "palette.png": white.convert("P"),
        "grey.jpg": white,
        "grey-alpha.png": white.convert("LA"),
        "rgba.png": white.convert("RGBA"),
        "one-bit.png": white.convert("1"),
        "sixteen.png": deep,
        "sixteen.tif": deep,
    }
    for name, image in shots.items():
        image.save(tmp_path / name)
    return list(shots)


def test_row_05_every_mode_becomes_rgb_and_sixteen_bits_are_scaled_not_clipped(tmp_path):
    for name in zoo_of_modes(tmp_path):
        pixels = decode(tmp_path / name)
        assert pixels.shape == (3, 8, 8), name
        assert (pixels == 255).all(), name
    middle = Image.fromarray(np.full((4, 4), 0x1234, np.uint16))
    middle.save(tmp_path / "middle.png")
    assert (decode(tmp_path / "middle.png") == 0x12).all()


def deep_png(colour, values):
    """A PNG of 2 x 2 equal pixels of 16 bits a channel, which Pillow cannot write in colour."""
    row = b"\x00" + struct.pack(f">{len(values)}H", *values) * 2
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(row * 2)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("colour", "values", "becomes"),
    [
        (2, (0x12FF, 0x80FF, 0xFE01), (0x12, 0x80, 0xFE)),
        (4, (0x12FF, 0x0000), (0x12, 0x12, 0x12)),
        (6, (0x12FF, 0x80FF, 0xFE01, 0x0000), (0x12, 0x80, 0xFE)),
    ],
    ids=["RGB", "grey and alpha", "RGBA"],
)
def test_row_05_sixteen_bits_of_colour_keep_the_upper_eight_and_lose_transparency(tmp_path, colour, values, becomes):
    (tmp_path / "deep.png").write_bytes(deep_png(colour, values))
    assert [set(channel.flatten().tolist()) for channel in decode(tmp_path / "deep.png")] == [{v} for v in becomes]


def test_row_05_transparent_pixels_keep_their_colour(tmp_path):
    clear = Image.new("RGBA", (4, 4), (200, 100, 50, 0))
    clear.save(tmp_path / "clear.png")
    clear.convert("P").save(tmp_path / "palette.png", transparency=0)
    assert decode(tmp_path / "clear.png")[:, 0, 0].tolist() == [200, 100, 50]
    assert (decode(tmp_path / "palette.png")[:, 0, 0] - torch.tensor([200, 100, 50])).abs().max() < 30


def test_row_05_the_whole_zoo_trains_and_is_scored_alike(root, tmp_path):
    for split in ("train", "test"):
        zoo_of_modes(root / split / "cat")
    whole = all_batches(feed(root, batch_size=50, transforms=(TRANSFORM.cropped,)).train_batches(1, 1))[0][0]
    assert len(whole) == 12 + 8
    scored, _ = all_batches(feed(root).test)[0]
    assert (scored[3:11] == 255).all()
    assert sum((image == 255).all().item() for image in whole) == 8


def test_row_05_modes_that_are_converted_are_counted_by_the_check(root):
    for i in range(3):
        scene(90 + i).convert("CMYK").save(root / "train" / "cat" / f"c{i}.jpg")
    found = [finding for finding in check(FolderSource(root)).findings if finding.kind == "mode"]
    assert [finding.detail for finding in found] == ["CMYK becomes RGB (3 images, this is the first)"]
    assert check(FolderSource(root)).clean


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_row_05_of_an_animation_the_first_frame_counts_and_the_check_says_so(root, format):
    frames = [Image.new("RGB", (24, 24), color) for color in ((250, 0, 0), (0, 0, 250))]
    path = root / "train" / "cat" / f"moving.{format.lower()}"
    frames[0].save(path, format, save_all=True, append_images=frames[1:])
    pixels = decode(path).float().mean((1, 2))
    assert pixels[0] > 240
    assert pixels[2] < 10
    found = [finding for finding in check(FolderSource(root)).findings if finding.kind == "frames"]
    assert [finding.detail for finding in found] == ["2 frames or pages; the first counts"]


def test_row_05_floating_point_pixels_are_refused_because_their_range_is_unknown(tmp_path):
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match="range is unknown"):
        decode(tmp_path / "f.tif")


def with_orientation(path, tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    scene(5).save(path, exif=exif, quality=95)


def test_row_06_exif_orientation_is_ignored_alike_in_memory_in_training_and_in_evaluation(tmp_path):
    upright, turned = (folder(tmp_path / name) for name in ("upright", "turned"))
    for split in ("train", "test"):
        scene(5).save(upright / split / "cat" / "00.jpg", quality=95)
        with_orientation(turned / split / "cat" / "00.jpg", tag=6)
    batches = [next(feed(root, batch_size=12).train_batches(1, 1))[0] for root in (upright, turned)]
    assert torch.equal(*batches)
    assert torch.equal(*(next(iter(feed(root).test))[0] for root in (upright, turned)))
    assert torch.equal(*(decode(root / "test" / "cat" / "00.jpg") for root in (upright, turned)))
    given = [find_images([root / "test" / "cat" / "00.jpg"]).samples for root in (upright, turned)]
    assert torch.equal(
        *(Fetcher(paths, EvalTransform(TRANSFORM))[FetchJob(0, (0,), (), (0,))].images for paths in given)
    )


SEEN = {
    "training": lambda root: all_batches(feed(root).train_batches(1, 1)),
    "workers": lambda root: all_batches(feed(root, workers=2).train_batches(1, 1)),
    "evaluation": lambda root: all_batches(feed(root).test),
    "memory": lambda root: load(DataConfig(f"folder:{root}")),
}


@pytest.mark.parametrize("see", SEEN.values(), ids=SEEN)
def test_row_06_that_exif_orientation_is_ignored_is_said_once(root, see, monkeypatch, caplog):
    monkeypatch.setattr(images, "WARNED", set())
    see(root)
    assert caplog.text == ""
    for split in ("train", "test"):
        for i in range(3):
            with_orientation(root / split / "dog" / f"0{i}.jpg", tag=6)
    see(root)
    see(root)
    (record,) = caplog.records
    assert "dog/0" in record.getMessage()
    assert "EXIF orientation is ignored" in record.getMessage()


def test_row_06_exif_orientation_is_counted_by_the_check(root):
    for i, tag in enumerate((1, 6, 6)):
        with_orientation(root / "train" / "cat" / f"0{i}.jpg", tag)
    found = [finding for finding in check(FolderSource(root)).findings if finding.kind == "orientation"]
    assert [finding.detail for finding in found] == ["EXIF orientation 6 is ignored (2 images, this is the first)"]


def garbage(tmp_path):
    """Files whose pixels are whole and whose other parts are not."""
    plain = encoded(scene(3), "JPEG", quality=95)
    app = b"\xff\xe1" + (2 + 60_000).to_bytes(2, "big") + b"Exif\x00\x00" + b"\xa5" * 59_994
    yield "exif.jpg", plain[:2] + app + plain[2:]
    profile = b"\xff\xe2" + (2 + 114).to_bytes(2, "big") + b"ICC_PROFILE\x00\x01\x01" + b"\xa5" * 100
    yield "icc.jpg", plain[:2] + profile + plain[2:]
    bomb = b"Comment\x00\x00" + zlib.compress(bytes(50 * 2**20))
    yield "text.png", png(8, 8, chunk(b"zTXt", bomb))
    yield "exif.png", png(8, 8, chunk(b"eXIf", b"\xa5" * 100))
    yield "icc.png", png(8, 8, chunk(b"iCCP", b"x\x00\x00" + b"\xa5" * 50))


def test_row_07_garbage_in_exif_profiles_and_text_chunks_does_not_matter_where_pixels_are_whole(tmp_path):
    for name, data in garbage(tmp_path):
        (tmp_path / name).write_bytes(data)
        assert decode(tmp_path / name).shape[0] == 3, name
        assert look(tmp_path / name).problem is None, name


def test_row_07_training_on_files_with_garbage_says_nothing_and_leaves_nothing_out(root):
    for name, data in garbage(root):
        (root / "train" / "cat" / name).write_bytes(data)
    assert [len(labels) for _, labels in feed(root, batch_size=50).train_batches(1, 1)] == [12 + 5]


def test_row_07_garbage_beside_the_pixels_is_noted_once_a_kind(root):
    text = dict(garbage(root))["text.png"]
    for i in range(4):
        (root / "train" / "cat" / f"text{i}.png").write_bytes(text)
    found = [finding for finding in check(FolderSource(root)).findings if finding.kind == "metadata"]
    assert len(found) == 1
    assert "(4 images, this is the first)" in found[0].detail


def test_row_14_a_file_that_vanishes_is_tried_again_and_then_counts_as_broken(root, monkeypatch):
    pauses = []
    monkeypatch.setattr(images.time, "sleep", pauses.append)
    failing, skipping = feed(root, batch_size=12), feed(root, batch_size=12, on_error="skip")
    (root / "train" / "cat" / "03.jpg").unlink()
    with pytest.raises(DataError, match="no such image: the file is gone") as error:
        all_batches(failing.train_batches(1, 1))
    assert pauses == [0.05, 0.1, 0.2]
    assert (error.value.where, error.value.exit_code) == ("train/cat/03.jpg (sample 3)", 3)
    assert [len(labels) for _, labels in skipping.train_batches(1, 1)] == [11]
    assert [len(labels) for _, labels in feed(root, batch_size=12).train_batches(1, 1)] == [11], "listed without it"


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOENT])
@pytest.mark.parametrize("failures", [3, 4])
def test_row_14_a_network_file_system_may_fail_three_times(tmp_path, monkeypatch, code, failures):
    path, tries = photo(tmp_path / "x.jpg", 1), []
    whole = Path.read_bytes

    def flaky(self):
        tries.append(self)
        if len(tries) <= failures:
            raise OSError(code, "gone", str(self))
        return whole(self)

    monkeypatch.setattr(images, "PAUSE", 0.0)
    monkeypatch.setattr(Path, "read_bytes", flaky)
    if failures == 3:
        assert decode(path).shape == (3, 24, 32)
    else:
        with pytest.raises(DataError, match=r"x\.jpg"):
            decode(path)
    assert len(tries) == 4


def test_row_14_permission_is_not_tried_again(tmp_path, monkeypatch):
    tries = []

    def refused(self):
        tries.append(self)
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(DataError, match="Permission denied"):
        decode(tmp_path / "x.jpg")
    assert len(tries) == 1


def test_bytes_at_random_never_raise_anything_but_a_data_error(tmp_path):
    rng = np.random.default_rng(0)
    for format in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = bytearray(encoded(scene(2), format))
        for _ in range(30):
            hit = bytearray(whole)
            for position in rng.integers(0, len(hit), 12):
                hit[position] = rng.integers(0, 256)
            (tmp_path / "x.jpg").write_bytes(hit)
            found = look(tmp_path / "x.jpg", max_pixels=10**6)
            assert (found.problem is None) == bool(found.thumbnail)


def test_decoded_pixels_are_pillows(tmp_path):
    data = encoded(scene(4), "JPEG", quality=90)
    import io

    assert np.array_equal(np.asarray(open_rgb(data)), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
