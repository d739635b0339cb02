# Everything in a recipe does what it says.
import copy
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import StochasticDepth

from catalogue_of_blocks import OWN, SMALL_GATES, each
from senet.attention import SE
from senet.errors import DivergedError, ResourceError, UsageError
from senet.layers import DropPath
from senet.networks import create
from senet.training import Recipe
from senet.training.checkpoint.progress import StepId
from senet.training.feeds import memory_feed
from senet.training.recipe.settings import Ema, MixupCutmix, Optimizer, Views, WeightDecay
from senet.training.recipe.transforms import sampling_order, train_transforms
from senet.training.setup.batch_checks import explain_out_of_memory
from senet.training.setup.freeze import FineTuneConfig
from senet.training.setup.prepare_model import prepare_network, set_drop_path, zero_init_residual
from senet.training.step.ema import ModelEma
from senet.training.step.learner import OVERFLOWS, Learner
from senet.training.step.mixup_cutmix import build_mixer
from senet.training.step.optimizer import build_optimizer
from senet.weight_decay import decay_groups
from shaken import shaken
from toy import ToyFeed, toy_dataset, toy_network

FEED = ToyFeed()
IMAGES, LABELS = FEED.images[:12], FEED.labels[:12]
AT = StepId(0, 1, 1)
PLAIN = Recipe(batch_size=12, lr=0.1, momentum=0.0, weight_decay=0.0)


def learner(recipe=PLAIN, model=None):
    made = Learner(model or toy_network(dropout=0.0), FineTuneConfig(recipe), 3, FEED.transform.normalise)
    made.begin_epoch(1)
    return made


def stepped(recipe=PLAIN, model=None, times=1):
    made = learner(recipe, model)
    for i in range(times):
        made.step(IMAGES, LABELS, StepId(0, 1, i + 1))
    return made


def weights(made):
    return {name: value.detach().clone() for name, value in made.model.named_parameters()}


def gradients(model, recipe=PLAIN):
    model = copy.deepcopy(model).train()
    loss = F.cross_entropy(model(FEED.transform.normalise(IMAGES)), LABELS, label_smoothing=recipe.label_smoothing)
    return dict(zip(dict(model.named_parameters()), torch.autograd.grad(loss, list(model.parameters())), strict=True))


def without_norms():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_an_accumulated_batch_is_the_whole_batch(parts):
    whole, apart = (weights(stepped(replace(PLAIN, accumulate=n), without_norms())) for n in (1, parts))
    for name in whole:
        torch.testing.assert_close(apart[name], whole[name], atol=1e-6, rtol=1e-5)


def test_accumulation_computes_in_parts_and_never_in_one_image():
    for images, expected in ((12, [4, 4, 4]), (5, [3, 2]), (2, [2])):
        sizes = []
        made = learner(replace(PLAIN, accumulate=3))
        made.model.register_forward_pre_hook(lambda module, inputs, sizes=sizes: sizes.append(len(inputs[0])))
        made.step(IMAGES[:images], LABELS[:images], AT)
        assert sizes == expected


def test_the_norm_of_all_gradients_together_is_clipped():
    model = toy_network(dropout=0.0)
    before = weights(learner(model=model))
    norm = torch.cat([g.flatten() for g in gradients(model).values()]).norm()
    for bound in (0.01, 1e6):
        after = weights(stepped(replace(PLAIN, clip_norm=bound), copy.deepcopy(model)))
        moved = torch.cat([(after[n] - before[n]).flatten() for n in before]).norm()
        assert moved.item() == pytest.approx(0.1 * min(bound, norm.item()), rel=1e-3)


def test_label_smoothing_is_in_the_gradient():
    recipe, model = replace(PLAIN, label_smoothing=0.2), toy_network(dropout=0.0)
    before, expected = weights(learner(model=model)), gradients(model, recipe)
    after = weights(stepped(recipe, model))
    for name in before:
        torch.testing.assert_close(after[name], before[name] - 0.1 * expected[name], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("ramp", [True, False])
def test_row_69_ema_with_buffers_against_a_slow_loop(ramp):
    made = learner(replace(PLAIN, ema=Ema(0.7, ramp=ramp)))
    mean = {name: value.double() for name, value in made.model.state_dict().items()}
    for i in range(1, 6):
        made.step(IMAGES, LABELS, StepId(0, 1, i))
        decay = min(0.7, (1 + i) / (10 + i)) if ramp else 0.7
        for name, value in made.model.state_dict().items():
            mean[name] = decay * mean[name] + (1 - decay) * value.double() if value.is_floating_point() else value
    with made.eval_weights():
        for name, value in made.model.state_dict().items():
            torch.testing.assert_close(value.double(), mean[name].double(), atol=1e-6, rtol=1e-5)
    assert not torch.equal(made.average.state["bn1.running_mean"], made.model.bn1.running_mean)


def test_after_evaluation_the_model_has_its_own_weights_to_the_byte():
    made = stepped(replace(PLAIN, ema=Ema(0.5)), times=3)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    with made.eval_weights():
        assert not torch.equal(made.model.fc.weight, before["fc.weight"])
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())
    made.finish()
    assert torch.equal(made.model.fc.weight, made.average.state["fc.weight"])


def test_frozen_norms_keep_statistics_scale_and_shift_whatever_the_momentum():
    recipe = replace(
        PLAIN, epochs=2, momentum=0.9, weight_decay=0.1, decay=WeightDecay(norms=True), freeze_norms_from=2
    )
    made = stepped(recipe, times=2)
    norms = {n: v.clone() for n, v in made.model.state_dict().items() if n.startswith("bn")}
    made.begin_epoch(2)
    convolution = made.model.conv1.weight.detach().clone()
    for i in range(3):
        made.step(IMAGES, LABELS, StepId(0, 2, i + 1))
    assert all(torch.equal(made.model.state_dict()[n], v) for n, v in norms.items())
    assert not torch.equal(made.model.conv1.weight, convolution)
    made.finish()
    assert all(parameter.requires_grad for parameter in made.model.parameters())


def test_norms_move_before_their_epoch():
    recipe = replace(PLAIN, epochs=2, freeze_norms_from=2)
    before = weights(learner(recipe))
    assert not torch.equal(stepped(recipe).model.bn1.weight, before["bn1.weight"])


@pytest.mark.parametrize("decay", [WeightDecay(b, n, g) for b in (0, 1) for n in (0, 1) for g in (0, 1)], ids=str)
@each((*SMALL_GATES, OWN, SE(reduction=4, norm=True)))
def test_decay_reaches_what_it_says_and_the_groups_are_a_partition(spec, decay):
    model = create("resnet8", num_classes=3, attention=spec)
    decayed, spared = (set(map(id, group)) for group in decay_groups(model, decay.biases, decay.norms, decay.gates))
    assert decayed | spared == {id(p) for p in model.parameters()}
    assert not decayed & spared
    for name, parameter in model.named_parameters():
        kind = "gates" if "attention" in name else "norms" if ".bn." in name else "biases" if "bias" in name else None
        assert (id(parameter) in decayed) == (kind is None or bool(getattr(decay, kind))), name
    groups = build_optimizer(model, Recipe(decay=decay)).param_groups
    assert [group["weight_decay"] for group in groups] == [5e-4, 0.0][: 1 + bool(spared)]


def by_hand(recipe, times=3):
    """Parameters of the linear layer after some steps, in plain arithmetic on the gradients that torch finds."""
    model = without_norms()
    state = {name: {} for name, _ in model.named_parameters()}
    for t in range(1, times + 1):
        found = gradients(model)
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(RULES[recipe.optimizer.kind](p, found[name], state[name], recipe, t))
    return dict(model.named_parameters())


def sgd(p, g, s, r, t):
    g = g + r.weight_decay * p * (p.ndim > 1)
    s["v"] = r.momentum * s.get("v", 0) + g if t > 1 else g
    return p - r.lr * (g + r.momentum * s["v"] if r.optimizer.nesterov else s["v"])


def rmsprop(p, g, s, r, t):
    g = g + r.weight_decay * p * (p.ndim > 1)
    a = r.optimizer.smoothing
    s["m"] = a * s.get("m", 0) + (1 - a) * g * g
    s["v"] = r.momentum * s.get("v", 0) + g / (s["m"].sqrt() + r.optimizer.eps)
    return p - r.lr * s["v"]


def adamw(p, g, s, r, t):
    b1, b2 = r.momentum, r.optimizer.second_moment
    s["m"], s["v"] = b1 * s.get("m", 0) + (1 - b1) * g, b2 * s.get("v", 0) + (1 - b2) * g * g
    step = s["m"] / (1 - b1**t) / ((s["v"] / (1 - b2**t)).sqrt() + r.optimizer.eps)
    return p * (1 - r.lr * r.weight_decay * (p.ndim > 1)) - r.lr * step


RULES = {"sgd": sgd, "rmsprop": rmsprop, "adamw": adamw}


@pytest.mark.parametrize(
    "rule",
    [
        Optimizer(),
        Optimizer(nesterov=False),
        Optimizer("rmsprop", smoothing=0.9, eps=1e-3),
        Optimizer("adamw", second_moment=0.99, eps=1e-6),
    ],
    ids=str,
)
def test_optimizers_by_hand(rule):
    recipe = replace(PLAIN, lr=0.01, momentum=0.9, weight_decay=0.1, optimizer=rule)
    expected, found = by_hand(recipe), weights(stepped(recipe, without_norms(), times=3))
    for name in found:
        torch.testing.assert_close(found[name], expected[name].detach(), atol=1e-5, rtol=1e-4)


class Overflowing(nn.Module):
    """Makes gradients infinite in chosen backward passes."""

    def __init__(self, model, when):
        super().__init__()
        self.model, self.when, self.calls = model, when, 0

    def forward(self, x):
        self.calls += 1
        y = self.model(x)
        if self.calls in self.when:
            y.register_hook(lambda gradient: gradient * math.inf)
        return y


FP16 = replace(PLAIN, precision="fp16")


def test_row_63_an_overflow_halves_the_scale_moves_nothing_and_is_in_the_history():
    made = learner(FP16, Overflowing(toy_network(dropout=0.0), {1, 2}))
    before = {n: v.clone() for n, v in made.model.state_dict().items()}
    assert [made.step(IMAGES, LABELS, StepId(0, 1, i)) for i in (1, 2)] == [None, None]
    assert all(torch.equal(v, before[n]) for n, v in made.model.state_dict().items())
    assert made.counts.scales == [(1, 1, 2.0**15), (1, 2, 2.0**14)]
    assert made.step(IMAGES, LABELS, StepId(0, 1, 3)) is not None
    assert (made.counts.overflows, made.counts.in_a_row) == (2, 0)
    assert not torch.equal(made.model.model.fc.weight, before["model.fc.weight"])


def test_row_63_an_overflow_in_the_first_step_leaves_no_momentum():
    made = learner(replace(FP16, momentum=0.9), Overflowing(toy_network(dropout=0.0), {1}))
    assert made.step(IMAGES, LABELS, AT) is None
    moments = [moments["momentum_buffer"] for moments in made.optimizer.state.values()]
    assert len(moments) == len(list(made.model.parameters()))
    assert not any(moment.any() for moment in moments)


def test_row_63_a_scale_that_falls_without_end_stops_with_its_history():
    made = learner(FP16, Overflowing(toy_network(dropout=0.0), range(1, 100)))
    assert [made.step(IMAGES, LABELS, StepId(0, 1, i)) for i in range(1, OVERFLOWS)] == [None] * (OVERFLOWS - 1)
    with pytest.raises(DivergedError, match=f"fell {OVERFLOWS} times in a row: 32768, 16384") as error:
        made.step(IMAGES, LABELS, StepId(0, 1, OVERFLOWS))
    assert error.value.where == f"epoch 1, step {OVERFLOWS}"


def test_fp16_follows_float32():
    half, full = (weights(stepped(replace(PLAIN, precision=p), times=3)) for p in ("fp16", "float32"))
    for name in full:
        torch.testing.assert_close(half[name], full[name], atol=2e-2, rtol=2e-2)
    assert any(not torch.equal(half[name], full[name]) for name in full)


@pytest.mark.parametrize("poison", ["loss", "gradient"])
def test_row_62_what_is_not_finite_stops_before_the_step(poison):
    model = toy_network(dropout=0.0)
    made = learner(model=Overflowing(model, {1}) if poison == "gradient" else model)
    if poison == "loss":
        made.prepare = lambda images: torch.full(images.shape, math.nan)
    before = weights(made)
    with pytest.raises(DivergedError, match=f"the {poison}.* at learning rate 0.1\nepoch 1, step 1") as error:
        made.step(IMAGES, LABELS, AT)
    assert error.value.exit_code == 5
    assert all(torch.equal(value, before[name]) for name, value in weights(made).items())


def test_row_62_steps_may_be_left_out_by_number_without_a_trace_in_the_norms():
    made = learner(replace(PLAIN, skip_non_finite=1))
    before = {n: v.clone() for n, v in made.model.state_dict().items()}
    prepare, made.prepare = made.prepare, lambda images: torch.full(images.shape, math.nan)
    assert made.step(IMAGES, LABELS, AT) is None
    assert all(torch.equal(v, before[n]) for n, v in made.model.state_dict().items())
    assert made.counts.non_finite == 1
    with pytest.raises(DivergedError):
        made.step(IMAGES, LABELS, AT)
    made.prepare = prepare
    assert made.step(IMAGES, LABELS, AT) is not None


def test_channels_last_is_the_layout_of_images_and_convolutions():
    for wanted in (True, False):
        layouts = []
        made = learner(replace(PLAIN, channels_last=wanted))
        made.model.conv2.register_forward_pre_hook(
            lambda module, inputs, layouts=layouts: layouts.append(
                inputs[0].is_contiguous(memory_format=torch.channels_last)
            )
        )
        made.step(IMAGES, LABELS, AT)
        assert layouts == [wanted]
        assert made.model.conv2.weight.is_contiguous(memory_format=torch.channels_last) == wanted


def test_compile_compiles_the_forward_pass_and_keeps_the_names(monkeypatch):
    compiled, real = [], torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **k: compiled.append(f) or real(f, backend="eager"))
    plain = stepped()
    made = stepped(replace(PLAIN, compile=True))
    assert len(compiled) == 1
    assert weights(made).keys() == weights(plain).keys()
    for name, value in weights(made).items():
        torch.testing.assert_close(value, weights(plain)[name])


def test_mixup_and_cutmix_are_convex_and_a_function_of_the_moment():
    inputs = FEED.transform.normalise(IMAGES)
    for mix in (MixupCutmix(mixup=0.4), MixupCutmix(cutmix=1.0), MixupCutmix(0.4, 1.0)):
        first, again, other = (build_mixer(mix, 3)(inputs, LABELS, StepId(0, 1, step)) for step in (1, 1, 2))
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        assert not torch.equal(first[0], other[0])
        torch.testing.assert_close(first[1].sum(1), torch.ones(12))
        partner = inputs.roll(1, 0)
        share = first[1][torch.arange(12), LABELS][LABELS.roll(1) != LABELS].mean()
        low, high = torch.minimum(inputs, partner), torch.maximum(inputs, partner)
        assert ((first[0] >= low - 1e-6) & (first[0] <= high + 1e-6)).all()
        if not mix.cutmix:
            torch.testing.assert_close(first[0], share * inputs + (1 - share) * partner)
        elif not mix.mixup:
            kept = (first[0] == inputs).float().mean()
            assert kept >= share - 1e-6  # pixels that are equal in both count twice


def test_mixing_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    build_mixer(MixupCutmix(mixup=0.4), 3)(FEED.transform.normalise(IMAGES), LABELS, AT)
    assert torch.equal(torch.rand(2), expected)


def test_a_mixed_batch_moves_the_weights_elsewhere():
    assert not torch.equal(
        weights(stepped())["fc.weight"], weights(stepped(replace(PLAIN, mix=MixupCutmix(0.4))))["fc.weight"]
    )


def test_drop_path_grows_in_a_line():
    model = nn.Sequential(*(StochasticDepth(0.5, "row") for _ in range(4)))
    prepare_network(model, replace(PLAIN, drop_path=0.2))
    assert [module.p for module in model] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    with pytest.raises(UsageError, match=r"drop_path=0.1, but the network has no drop-path"):
        set_drop_path(toy_network(), 0.1)


@pytest.mark.parametrize("name", ["se_resnet8", "cbam_resnet18", "se_preact_resnet110"])
def test_drop_path_reaches_our_networks(name):
    model = create(name, num_classes=3)
    prepare_network(model, replace(PLAIN, drop_path=0.5))
    rates = [module.drop_prob for module in model.modules() if isinstance(module, DropPath)]
    assert rates[-1] == 0.5
    assert rates == sorted(rates)


@each((None, *SMALL_GATES, OWN))
def test_a_dropped_branch_leaves_the_shortcut_and_a_kept_one_is_scaled_after_its_gate(spec):
    model = shaken(create("resnet8", num_classes=3, attention=spec))
    prepare_network(model, replace(PLAIN, drop_path=0.5))
    unit, x = model.stage4[0].eval(), torch.randn(40, 32, 8, 8)
    y, shortcut = unit.branch(x), unit.shortcut(x)
    branch = y if unit.attention is None else unit.attention(y)
    unit.drop.train()
    out = unit(x)
    dropped = torch.tensor([torch.equal(o, s.relu()) for o, s in zip(out, shortcut, strict=True)])
    assert 8 <= int(dropped.sum()) <= 32
    torch.testing.assert_close(out[~dropped], (2 * branch + shortcut).relu()[~dropped])


def test_zero_branches_starts_every_unit_as_its_shortcut():
    model = create("resnet8", num_classes=3)
    prepare_network(model, replace(PLAIN, initialisation="zero_branches"))
    unit, x = model.stage2[0].eval(), torch.randn(2, 16, 8, 8)
    torch.testing.assert_close(unit(x), x.relu())
    with pytest.raises(UsageError, match="zero_branches"):
        zero_init_residual(create("preact_resnet110"))


def test_balanced_sampling_draws_every_class_as_often():
    labels = torch.tensor([0] * 900 + [1] * 100)
    drawn = labels[sampling_order(Recipe(sampling="balanced"))(labels, 0, 1)]
    assert drawn.float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert torch.equal(sampling_order(Recipe())(labels, 0, 1).sort().values, torch.arange(1000))


def test_views_name_their_transforms():
    released = Views(rotation=10.0, pixel_jitter=20)
    names = [type(t).__name__ for t in train_transforms(Recipe(views=released))]
    assert names == ["Rotation", "RandomResizedCrop", "Flip", "PixelJitter"]
    cifar = Views(size=32, padding=4, flip=False, trivial=True, colour=0.4)
    names = [type(t).__name__ for t in train_transforms(Recipe(views=cifar))]
    assert names == ["RandomCrop", "TrivialAugment", "ColourJitter"]
    assert train_transforms(Recipe()) == ()


def test_views_of_another_size_than_images_in_memory_are_refused():
    data = toy_dataset()
    with pytest.raises(UsageError, match=r"views.size=32, but the images of toy are 8 x 8"):
        memory_feed(data, Recipe(views=Views(size=32)))
    plain = memory_feed(data, Recipe(views=Views(size=8, padding=2)))
    assert (plain.augmentation.padding, plain.batching.transforms) == (2, ())
    assert memory_feed(data, Recipe(views=Views(size=8, padding=2, colour=0.4))).augmentation.padding == 0
    assert memory_feed(data, Recipe(augment=False)).augmentation.flip is False


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory: 9 bytes")])
def test_row_64_out_of_memory_says_the_batch_and_what_halves_it(error):
    with (
        pytest.raises(ResourceError, match=r"batch_size=256 in 2 parts\n.*epoch 1, step 1\n.*accumulate = 4"),
        explain_out_of_memory(Recipe(batch_size=256, accumulate=2), "epoch 1, step 1"),
    ):
        raise error


def test_row_65_other_errors_of_a_device_pass():
    with pytest.raises(RuntimeError, match="illegal access"), explain_out_of_memory(PLAIN, ""):
        raise RuntimeError("illegal access")


def test_average_copies_counters():
    model = toy_network()
    average = ModelEma(model, Ema(0.9))
    model.bn1.num_batches_tracked += 7
    average.update()
    assert average.state["bn1.num_batches_tracked"] == 7
