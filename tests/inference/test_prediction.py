import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from senet.data import InputTransform, Loading
from senet.data.sources.image_paths import find_images
from senet.errors import DataError
from senet.inference.classifier import build_classifier
from senet.inference.prediction import Guess, predictions, top_k

TRANSFORM = InputTransform((16, 16), 20, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for i in range(7):
        pixels = draw.integers(0, 256, (24 + i, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    return tmp_path


def network(channels=3, classes=6):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(classes)
    )


def ready(**more):
    model = network()
    model(torch.zeros(2, 3, 16, 16))
    return build_classifier(model, TRANSFORM, **more)


def plain(model, path):
    """The same with torchvision alone."""
    steps = v2.Compose(
        [
            v2.Resize(20),
            v2.CenterCrop(16),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(TRANSFORM.mean, TRANSFORM.std),
        ]
    )
    with torch.no_grad():
        return model(steps(Image.open(path).convert("RGB"))[None])[0].softmax(0)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_guesses_are_those_of_a_plain_forward_pass(folder, workers):
    made, given = ready(), find_images([folder])
    found = list(predictions(made, given.samples, Loading(workers), 3, batch_size=3))
    assert [prediction.sample for prediction in found] == list(range(7))
    for prediction in found:
        expected, numbers = plain(made.model, folder / given.samples.name(prediction.sample)).topk(3)
        assert [guess.number for guess in prediction.guesses] == numbers.tolist()
        assert [guess.probability for guess in prediction.guesses] == pytest.approx(expected.tolist(), abs=1e-6)


def test_an_image_that_cannot_be_read_is_an_error_that_names_it(folder):
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:300])
    found = predictions(ready(), find_images([folder]).samples, Loading(), 3, batch_size=2)
    assert [next(found).sample, next(found).sample] == [0, 1]
    with pytest.raises(DataError, match="truncated after 300 bytes") as caught:
        next(found)
    assert str(folder / "3.png") in caught.value.where


@pytest.mark.parametrize("broken", [(3,), (0, 1), (6,), range(7)])
def test_a_skipped_image_has_a_row_and_moves_no_other(folder, broken):
    made, paths = ready(), find_images([folder]).samples
    whole = list(predictions(made, paths, Loading(), 2, batch_size=2))
    for i in broken:
        (folder / f"{i}.png").write_bytes(b"")
    found = list(predictions(made, paths, Loading(on_error="skip"), 2, batch_size=2))
    for before, now in zip(whole, found, strict=True):
        if now.sample in broken:
            assert now.guesses == ()
            assert now.error.what == "the file is empty, not an image"
        else:
            assert now.error is None
            assert [g.number for g in now.guesses] == [g.number for g in before.guesses]
            assert [g.probability for g in now.guesses] == pytest.approx([g.probability for g in before.guesses])


def test_more_guesses_than_classes_are_all_classes(folder):
    found = next(predictions(ready(), find_images([folder]).samples, Loading(), 50))
    assert len(found.guesses) == 6
    assert sum(guess.probability for guess in found.guesses) == pytest.approx(1)


def test_ties_go_to_the_lower_number():
    assert top_k(torch.zeros(1, 3), 2) == [(Guess(0, pytest.approx(1 / 3)), Guess(1, pytest.approx(1 / 3)))]


def test_rows_come_before_all_images_are_read(folder):
    (folder / "6.png").unlink()
    (folder / "6.png").symlink_to(folder / "nowhere")
    assert next(predictions(ready(), find_images([folder]).samples, Loading(), 1, batch_size=1)).sample == 0
