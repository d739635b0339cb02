from dataclasses import asdict

import pytest
import torch
from torch import nn

from senet.data import InputTransform
from senet.errors import DataError, WeightsError
from senet.inference.classifier import build_classifier, count_outputs
from senet.inference.compute import Compute
from senet.inference.evaluation import score_split
from senet.inference.score import ClassAccuracy
from senet.training import Recipe, score
from toy import ToyFeed, ToyHeldOut, toy_network

FEED = ToyFeed()


def ready(model=None, transform=FEED.transform, **more):
    return build_classifier(model or toy_network(), transform, **more)


def test_classes_are_counted_as_a_slow_loop_counts_them():
    made, split = ready(), FEED.test
    found = score_split(made, split)
    expected = {number: [0, 0] for number in range(3)}
    for image, label in zip(split.images, split.labels.tolist(), strict=True):
        with torch.no_grad():
            guess = int(made.model((image[None].float() / 255 - 0.5) / 0.3).argmax())
        expected[label][0] += 1
        expected[label][1] += guess == label
    assert found.classes == tuple(ClassAccuracy(*pair) for pair in expected.values())
    assert found.score.top1 == pytest.approx(100 * sum(h.correct for h in found.classes) / len(split))
    assert found.total == found.score.images == len(split)


def test_the_whole_is_what_training_measures():
    plain = score(toy_network().eval(), FEED.test, FEED.transform.normalise, Compute())
    assert asdict(score_split(ready(), FEED.test).score) == asdict(plain)


def test_a_recipe_says_how_it_is_computed_as_well_and_every_batch_can_be_seen():
    seen = []
    arguments = toy_network().eval(), FEED.test, FEED.transform.normalise
    found = score(
        *arguments, Recipe(), lambda images, logits, labels: seen.append((len(images), logits.shape, len(labels)))
    )
    assert found == score(*arguments, Recipe().compute)
    assert seen == [(len(labels), (len(labels), 3), len(labels)) for _, labels in FEED.test]


def test_a_class_without_images_has_no_accuracy():
    some = ToyHeldOut(FEED.test.images[FEED.test.labels != 1], FEED.test.labels[FEED.test.labels != 1])
    accuracies = [hits.accuracy for hits in score_split(ready(), some).classes]
    assert accuracies[1] is None
    assert None not in (accuracies[0], accuracies[2])


def test_images_that_were_left_out_show():
    class Short(ToyHeldOut):
        def __iter__(self):
            return iter(list(super().__iter__())[:1])

    found = score_split(ready(), Short(FEED.test.images.repeat(2, 1, 1, 1), FEED.test.labels.repeat(2)))
    assert (found.score.images, found.total) == (20, 44)


def test_no_image_at_all_is_no_score():
    with pytest.raises(DataError, match="none of the 0 images"):
        score_split(ready(), ToyHeldOut(FEED.test.images[:0], FEED.test.labels[:0]))


def test_progress_is_told():
    told = []
    score_split(ready(), FEED.test, lambda done, total: told.append((done, total)))
    assert told == [(20, 22), (22, 22)]


def test_logits_that_are_not_finite_are_no_guess():
    model = toy_network()
    nn.init.constant_(model.fc.weight, float("inf"))
    with pytest.raises(WeightsError, match="not finite"):
        score_split(ready(model), FEED.test)


def test_bf16_is_near_and_weights_of_half_precision_are_taken():
    whole = score_split(ready(), FEED.test).score.loss
    assert score_split(ready(precision="bf16"), FEED.test).score.loss == pytest.approx(whole, rel=0.05)
    assert score_split(ready(toy_network().half()), FEED.test).score.loss == pytest.approx(whole, rel=0.05)


class Tuple(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 2)

    def forward(self, x):
        return self.fc(x.flatten(1)), x


@pytest.mark.parametrize(
    ("model", "transform", "said"),
    [
        (toy_network(), InputTransform((8, 8), 8, (0.5,) * 3, (0.3,) * 3), "the model fails on"),
        (toy_network()[:6], FEED.transform, r"is \(1, 8, 4, 4\), not \(1, classes\)"),
        (Tuple(), FEED.transform, "is tuple"),
    ],
)
def test_a_model_that_does_not_fit_its_input_is_refused(model, transform, said):
    with pytest.raises(WeightsError, match=said) as caught:
        count_outputs(ready(model, transform), "weights.safetensors")
    assert caught.value.where == "weights.safetensors"
    assert count_outputs(ready(), "weights.safetensors") == 3
