# What images are taken for: against scikit-learn, slow loops and counts by hand.
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import nn

from senet.distributed.process_group import SINGLE_PROCESS
from senet.inference.compute import Compute
from senet.inference.confusion_file import class_rows, confusion_json, output_labels, read_confusion
from senet.inference.confusion_matrix import ClassCounts, ConfusionMatrix, average_metrics, from_dict
from senet.inference.confusion_meter import KEPT, SIDE, ConfusionMeter, png_data_uri
from senet.inference.evaluation import accumulate_counts

OUTPUTS = 7


def drawn(seed, images=300):
    """Classes of which one has no image and one is never guessed."""
    draw = np.random.default_rng(seed)
    true, guess = draw.integers(0, OUTPUTS - 1, images), draw.integers(1, OUTPUTS, images)
    return true, np.where(draw.random(images) < 0.5, np.maximum(true, 1), guess)


def classified(true, guess):
    pairs, counts = np.unique(np.stack([true, guess], 1), axis=0, return_counts=True)
    return ConfusionMatrix(
        OUTPUTS, tuple((int(t), int(g), int(n)) for (t, g), n in zip(pairs, counts, strict=True)), ()
    )


@pytest.mark.parametrize("seed", range(5))
def test_rates_and_averages_are_those_of_scikit_learn(seed):
    true, guess = drawn(seed)
    found, every = classified(true, guess), range(OUTPUTS)
    rates = precision_recall_fscore_support(true, guess, labels=every, zero_division=np.nan)
    for of, precision, recall, f1, support in zip(found.class_counts(), *rates, strict=True):
        mine = [np.nan if value is None else value for value in asdict(of.rates).values()]
        assert mine == pytest.approx([100 * precision, 100 * recall, 100 * f1], nan_ok=True)
        assert of.images == support
    assert found.class_counts()[0].rates.precision is None  # it is never guessed
    assert found.class_counts()[-1].rates.recall is None  # it has no image
    for kind, mine in average_metrics(found.class_counts()).items():
        present = sorted(set(true))
        *theirs, _ = precision_recall_fscore_support(true, guess, labels=present, average=kind, zero_division=0)
        assert list(asdict(mine).values()) == pytest.approx([100 * value for value in theirs])
    matrix = np.zeros((OUTPUTS, OUTPUTS), int)
    for t, g, n in found.pairs:
        matrix[t, g] = n
    assert (matrix == confusion_matrix(true, guess, labels=every)).all()


def test_a_class_that_nothing_is_of_and_nothing_taken_for_has_no_rates():
    assert set(asdict(ClassCounts(0, 0, 0).rates).values()) == {None}
    assert asdict(ClassCounts(4, 0, 0).rates) == {"precision": None, "recall": 0, "f1": 0}


def test_the_most_confused_pairs_come_first():
    found = ConfusionMatrix(3, ((0, 0, 9), (0, 1, 2), (1, 0, 5), (2, 2, 1)), ())
    assert found.confused == [(1, 0, 5), (0, 1, 2)]


class Named:
    """A split whose logits are its images, some of which are left out."""

    def __init__(self, logits, labels, size=16):
        self.logits, self.labels, self.size = logits, labels, size

    def __len__(self):
        return len(self.labels)

    def named(self):
        for first in range(0, len(self.labels), self.size):
            part = range(first, min(first + self.size, len(self.labels)))
            kept = [i for i in part if i % 5]
            yield (self.logits[kept], self.labels[kept]), tuple(f"{i}.png" for i in kept)


def tallied(split):
    meter, model = ConfusionMeter(), nn.Sequential(nn.Flatten(), nn.Linear(OUTPUTS, OUTPUTS, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(OUTPUTS))
    accumulate_counts(model, meter.batches(split), lambda images: images, Compute(), meter.update)
    return meter.compute(SINGLE_PROCESS)


@pytest.mark.parametrize("spread", [2.0, 0.0])
def test_the_worst_mistakes_are_those_of_a_slow_loop_and_keep_their_names(spread):
    torch.manual_seed(0)
    logits = spread * torch.randn(200, OUTPUTS, 1, 1) + torch.eye(OUTPUTS)[torch.arange(200) % OUTPUTS][..., None, None]
    labels = torch.randint(0, OUTPUTS, (200,))  # where nothing is spread, many losses are equal
    found, expected, pairs = tallied(Named(logits, labels)), [], {}
    for i in range(200):
        if i % 5 == 0:
            continue
        row, label = logits[i].flatten(), int(labels[i])
        guess, likely = int(row.argmax()), row.softmax(0)
        pairs[label, guess] = pairs.get((label, guess), 0) + 1
        if guess != label:
            expected.append((-float(nn.functional.cross_entropy(row[None], labels[i : i + 1])), i, guess, likely))
    assert found.pairs == tuple((*pair, n) for pair, n in sorted(pairs.items()))
    expected = sorted(expected, key=lambda row: row[0])[:KEPT]
    assert [mistake.name for mistake in found.mistakes] == [f"{i}.png" for _, i, *_ in expected]
    for mistake, (loss, i, guess, likely) in zip(found.mistakes, expected, strict=True):
        assert (mistake.true, mistake.predicted) == (int(labels[i]), guess)
        assert mistake.loss == pytest.approx(-loss, rel=1e-5)
        assert mistake.probability == pytest.approx(float(likely[guess]), rel=1e-5)
        assert mistake.probability_of_true == pytest.approx(float(likely[labels[i]]), rel=1e-5)
        assert mistake.picture == ""  # its images are no pictures


def test_logits_that_are_not_finite_give_a_file_that_can_be_read(tmp_path):
    found = tallied(Named(torch.full((9, OUTPUTS, 1, 1), float("nan")), torch.arange(9) % OUTPUTS))
    (tmp_path / "confusion.json").write_text(confusion_json(found, output_labels("abcdefg")))
    again, _ = read_confusion(tmp_path / "confusion.json")
    assert again.pairs == found.pairs
    assert [mistake.name for mistake in again.mistakes] == [mistake.name for mistake in found.mistakes]


def pixels(uri):
    import base64
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_picture_is_the_image_pixel_by_pixel_or_smaller():
    torch.manual_seed(0)
    grey, rgb, large = (
        torch.randint(0, 256, shape, dtype=torch.uint8) for shape in ((1, 8, 9), (3, 8, 9), (3, 300, 200))
    )
    assert (pixels(png_data_uri(grey)) == grey[0].numpy()).all()
    assert (pixels(png_data_uri(rgb)) == rgb.permute(1, 2, 0).numpy()).all()
    assert pixels(png_data_uri(large)).shape == (SIDE, SIDE * 2 // 3, 3)
    assert len(png_data_uri(torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8))) * KEPT < 1e6
    assert png_data_uri(torch.zeros(2, 8, 8, dtype=torch.uint8)) == png_data_uri(torch.zeros(3, 8, 8)) == ""


def test_the_file_says_what_was_found_and_what_is_computed_of_it(tmp_path):
    found, path = classified(*drawn(0)), tmp_path / "confusion.json"
    path.write_text(confusion_json(found, output_labels("abcdefg")))
    assert read_confusion(path) == (found, output_labels("abcdefg"))
    said = json.loads(path.read_text())
    assert said["classes"] == class_rows(found, output_labels("abcdefg"))
    assert said["averages"]["weighted"]["recall"] == pytest.approx(
        100 * sum(n for t, g, n in found.pairs if t == g) / 300
    )


@pytest.mark.parametrize("text", ["", "[]", '{"classes": []}', '{"classes": [{"name": "a"}]}'])
def test_another_file_is_none(text, tmp_path):
    (tmp_path / "confusion.json").write_text(text)
    assert read_confusion(tmp_path / "confusion.json") is None
    assert read_confusion(tmp_path / "nowhere.json") is None


def test_a_class_beyond_the_outputs_is_refused():
    with pytest.raises(ValueError, match="none of the outputs"):
        from_dict({"outputs": 2, "pairs": [[0, 2, 1]], "mistakes": []})
