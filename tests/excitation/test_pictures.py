import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from senet.data.loader.array_samples import ArraySamples
from senet.data.loader.samples import pack_paths
from senet.excitation.images.thumbnails import make_thumbnails, missing_thumbnails_note

ORIENTATION = 0x0112


def opened(uri):
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def photos(tmp_path):
    def made(*images, **options):
        for number, image in enumerate(images):
            if isinstance(image, bytes):
                (tmp_path / f"{number}.jpg").write_bytes(image)
            else:
                image.save(tmp_path / f"{number}.jpg", **options)
        return pack_paths(tmp_path, [tmp_path / f"{number}.jpg" for number in range(len(images))])

    return made


def photo(width, height, colour="white"):
    return Image.new("RGB", (width, height), colour)


@pytest.mark.parametrize(
    ("size", "small"),
    [((480, 240), (96, 48)), ((60, 90), (48, 72)), ((900, 90), (96, 48)), ((48, 48), (48, 48)), ((32, 32), (64, 64))],
)
def test_pictures_are_small(photos, size, small):
    assert opened(make_thumbnails(photos(photo(*size)), [0], 1)[0]).size == small


def test_a_line_of_pixels_stays_small(photos):
    assert max(opened(make_thumbnails(photos(photo(4000, 1)), [0], 1)[0]).size) <= 96


def test_pictures_are_few_kilobytes(photos):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8))
    assert len(make_thumbnails(photos(noise), [0], 1)[0]) < 4000


def test_the_most_wanted_come_first_and_the_rest_is_counted(photos):
    samples = photos(*[photo(9, 9)] * 4)
    found = make_thumbnails(samples, [2, 0, 2, 3, 1], 3)
    assert list(found) == [2, 0, 3]
    assert missing_thumbnails_note([2, 0, 2, 3, 1], found) == "3 pictures beside the gates; 1 other image by name alone"
    assert missing_thumbnails_note([2, 0], found) == ""
    assert make_thumbnails(samples, [1], 0) == {}


def test_what_cannot_be_read_takes_no_place(photos):
    samples = photos(b"no image", photo(9, 9), b"", photo(9, 9))
    (samples.root / "2.jpg").unlink()
    assert list(make_thumbnails(samples, [0, 1, 2, 3], 2)) == [1, 3]


def test_photos_stand_as_their_camera_says(photos):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    side = Image.new("RGB", (100, 50))
    side.paste("white", (0, 0, 50, 50))
    turned = opened(make_thumbnails(photos(side, exif=exif), [0], 1)[0])
    assert turned.size == (48, 96)
    assert turned.convert("L").getpixel((24, 10)) > 200
    assert turned.getexif().get(ORIENTATION, 1) == 1


def test_broken_exif_does_not_matter(photos):
    assert list(make_thumbnails(photos(photo(9, 9), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), [0], 1)) == [0]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_in_memory_show_their_pixels(channels):
    pixels = torch.zeros(3, channels, 8, 8, dtype=torch.uint8)
    pixels[1, :, :4] = 255
    found = make_thumbnails(ArraySamples("test", pixels, torch.arange(3)), [1], 9)
    grey = opened(found[1]).convert("L")
    assert grey.size == (48, 48)
    assert grey.getpixel((20, 20)) > 250
    assert grey.getpixel((20, 28)) < 5
