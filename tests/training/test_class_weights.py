"""Class weights: torch's weighted cross entropy over the whole batch, however it is computed."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from senet.cli.train.recipe_flags import RecipeFlags, given_values
from senet.data import Augmentation, Dataset, Split
from senet.errors import UsageError
from senet.training import Recipe, memory_feed, train_in_memory
from senet.training.checkpoint.progress import StepId
from senet.training.recipe.recipe import to_dict
from senet.training.recipe.settings import MixupCutmix
from senet.training.setup.freeze import FineTuneConfig
from senet.training.step.class_weights import class_weights, class_weights_notices
from senet.training.step.learner import Learner
from senet.training.step.mixup_cutmix import build_mixer
from senet.utils.dataclass_io import dataclass_from_dict
from toy import ToyFeed

FEED, AT = ToyFeed(), StepId(0, 1, 1)
IMAGES, LABELS = FEED.images[:11], torch.tensor([0, 0, 0, 1, 2, 0, 0, 1, 0, 0, 0])
WEIGHTS = (0.5, 3.0, 7.0)
PLAIN = Recipe(batch_size=11, lr=0.1, momentum=0.0, weight_decay=0.0, class_weights=WEIGHTS)


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def stepped(recipe):
    made = Learner(network(), FineTuneConfig(recipe), 3, FEED.transform.normalise, class_weights=torch.tensor(WEIGHTS))
    made.begin_epoch(1)
    return made.step(IMAGES, LABELS, AT), dict(made.model.named_parameters())


def by_hand(logits, targets, smoothing):
    """Image by image and class by class, as torch's documentation has it."""
    total, weighed = torch.zeros(()), 0.0
    for row, label in zip(logits.log_softmax(1), targets.tolist(), strict=True):
        smooth = sum(WEIGHTS[k] * row[k] for k in range(3)) * smoothing / 3
        total = total - (1 - smoothing) * WEIGHTS[label] * row[label] - smooth
        weighed += WEIGHTS[label]
    return total / weighed


def against(recipe, expected_loss):
    """Hold a step to the gradient of a loss."""
    loss, after = stepped(recipe)
    model = network()
    expected = expected_loss(model)
    gradients = torch.autograd.grad(expected, list(model.parameters()))
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for (name, value), gradient in zip(model.named_parameters(), gradients, strict=True):
        torch.testing.assert_close(after[name], value - 0.1 * gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("parts", [1, 2, 5])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_batch_in_parts_is_torchs_weighted_mean_over_all_of_it(parts, smoothing):
    recipe = replace(PLAIN, accumulate=parts, label_smoothing=smoothing)
    inputs, weight = FEED.transform.normalise(IMAGES), torch.tensor(WEIGHTS)
    against(recipe, lambda model: F.cross_entropy(model(inputs), LABELS, weight, label_smoothing=smoothing))
    against(recipe, lambda model: by_hand(model(inputs), LABELS, smoothing))


@pytest.mark.parametrize("parts", [1, 3])
def test_mixed_targets_weigh_each_share_and_are_averaged_over_images_as_in_torch(parts):
    recipe = replace(PLAIN, accumulate=parts, mix=MixupCutmix(mixup=0.4))
    inputs, shares = build_mixer(recipe.mix, 3)(FEED.transform.normalise(IMAGES), LABELS, AT)
    against(recipe, lambda model: F.cross_entropy(model(inputs), shares, torch.tensor(WEIGHTS)))

    def looped(model):
        rows = model(inputs).log_softmax(1)
        each = [-sum(WEIGHTS[k] * s[k] * r[k] for k in range(3)) for r, s in zip(rows, shares, strict=True)]
        return torch.stack(each).mean()

    against(recipe, looped)


def held(train=LABELS, classes=("a", "b", "c")):
    rest = Split(FEED.images[11:20], FEED.labels[11:20])
    return Dataset(
        "toy", classes, Split(IMAGES[: len(train)], train), rest, rest, Augmentation(0, flip=False), (0.5,), (0.3,)
    )


def feed_of(train=LABELS):
    return memory_feed(held(train), Recipe(batch_size=4))


def test_balanced_is_scikit_learns_of_the_training_images_alone():
    found = class_weights(Recipe(class_weights="balanced"), feed_of())
    expected = compute_class_weight("balanced", classes=torch.arange(3).numpy(), y=LABELS.numpy())
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
    assert found[LABELS].mean().item() == pytest.approx(1)
    assert class_weights(Recipe(), feed_of()) is None


@pytest.mark.parametrize(
    ("weights", "labels", "said"),
    [
        ((1.0, 2.0), LABELS, r"lists 2 weights, but the data has 3 classes: a, b, c\n.*--class-weights balanced"),
        ("balanced", LABELS.clamp(max=1), r"no training image is of c\n.*list a weight for each"),
    ],
)
def test_weights_that_do_not_fit_the_data_are_refused_before_a_step(weights, labels, said):
    recipe, feed = Recipe(epochs=1, class_weights=weights), feed_of(labels)
    with pytest.raises(UsageError, match=said):
        class_weights_notices(recipe, feed)
    with pytest.raises(UsageError, match=said):
        train_in_memory(network(), feed, recipe, 0)


def test_a_feed_without_labels_cannot_be_balanced():
    with pytest.raises(UsageError, match="does not say the labels"):
        class_weights(Recipe(class_weights="balanced"), FEED)


@pytest.mark.parametrize(
    ("weights", "said"),
    [((), "empty"), ((1.0, 0.0), r"class_weights\[1\]=0.0"), ((-1.0,), r"\[0\]"), ((float("nan"),), r"\[0\]")],
)
def test_impossible_weights_are_refused(weights, said):
    with pytest.raises(UsageError, match=said):
        Recipe(class_weights=weights)


def test_rare_classes_are_not_made_up_for_twice():
    with pytest.raises(UsageError, match=r"twice\n.*--sampling shuffle"):
        Recipe(class_weights="balanced", sampling="balanced")


def test_the_word_is_read_from_files_and_flags_and_a_misspelt_one_is_refused():
    assert dataclass_from_dict(Recipe, {"class_weights": "balanced"}).class_weights == "balanced"
    assert dataclass_from_dict(Recipe, {"class_weights": [1, 2.5]}).class_weights == (1.0, 2.5)
    assert given_values(RecipeFlags(class_weights=("balanced",))) == {"class_weights": "balanced"}
    assert given_values(RecipeFlags(class_weights=(1.0,))) == {"class_weights": (1.0,)}
    with pytest.raises(UsageError, match="class_weights='balancd'"):
        dataclass_from_dict(Recipe, {"class_weights": "balancd"})
    assert "class_weights" not in to_dict(Recipe())


def test_the_note_names_classes_weights_and_what_it_does_to_a_comparison():
    (said,) = class_weights_notices(replace(PLAIN), feed_of())
    assert "a 0.5, b 3, c 7" in said
    assert "do not compare" in said
    assert class_weights_notices(Recipe(), feed_of()) == ()


def test_a_run_with_equal_weights_is_a_run_without():
    recipe = Recipe(epochs=1, batch_size=4)
    one, other = (
        train_in_memory(copy.deepcopy(network()), feed_of(), replace(recipe, class_weights=weights), 0)
        for weights in (None, (2.0, 2.0, 2.0))
    )
    assert [row.loss for row in other.rows] == pytest.approx([row.loss for row in one.rows], rel=1e-5)
