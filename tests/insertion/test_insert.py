"""What insert() promises of the model that it returns."""

import copy

import pytest
import torch
from held import weighing
from tiny import SHAPE, Tiny, Unit, images, tiny
from torch import nn
from torchvision.models import resnet50

from catalogue_of_blocks import OWN, SMALL, VARIANTS, each, each_of, row_of
from senet import CBAM, SE, SK, create, load_weights
from senet.errors import UsageError
from senet.insertion import blocks, insert, places, remove, replace

IMAGE = (1, 3, 32, 32)
STRATEGIES = "standard", "pre", "post", "identity", "conv3x3"
each_block = each((*SMALL, OWN))


def inserted(model, spec=SE(reduction=4), **options):  # noqa: B008  # a spec is frozen
    return insert(model, spec, example=SHAPE, **options)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_unit_has_one_place_for_each_strategy(strategy):
    found = [p for p in places(tiny(), SHAPE) if p.strategy == strategy and p.kind == "residual"]
    assert [p.stage for p in found] == [2, 2, 3, 3]
    assert len({p.name for p in found}) == 4


def test_the_standard_place_follows_the_branchs_last_norm():
    found = [p for p in places(tiny(), SHAPE) if p.strategy == "standard" and p.kind == "residual"]
    assert [p.name for p in found] == ["stage1.0.bn3", "stage1.1.bn3", "stage2.0.bn3", "stage2.1.bn3"]
    assert [(p.channels, p.size) for p in found] == [(16, (12, 12))] * 2 + [(32, (6, 6))] * 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_computes_what_the_paper_draws(strategy):
    model = inserted(tiny(), where=strategy).eval().double()
    gates = [model.get_submodule(name) for name in blocks(model)]
    held = [lambda y, gate=gate: gate.weights(y) * y for gate in gates]
    expected = weighing(strategy)(model, held, images().double())
    assert len(gates) == 4
    assert torch.allclose(model(images().double()), expected, atol=1e-12)


@each_block
def test_the_model_stays_the_users(spec):
    model = tiny()
    before = copy.deepcopy(model.state_dict())
    model.stem.eval()
    model.stage1[0].conv1.weight.requires_grad_(False)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    new = inserted(model, spec)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(new) is Tiny  # holds no block itself
    assert type(new.stage1[0]) is not Unit
    assert isinstance(new.stage1[0], Unit)
    assert type(new.stage1[0]).__name__ == "Unit"
    assert [m.training for m in model.modules()] == [
        m.training for name, m in new.named_modules() if "attention" not in name
    ]
    assert not new.stem.training
    assert not new.stage1[0].conv1.weight.requires_grad
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(value, new.state_dict()[name])
    assert blocks(new)
    assert not blocks(model)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_checkpoint_of_the_original_loads_and_its_own_reloads():
    new, other = inserted(tiny()), tiny()
    nn.init.normal_(other.fc.weight)
    missing, unexpected = new.load_state_dict(other.state_dict(), strict=False)
    assert torch.equal(new.fc.weight, other.fc.weight)
    assert unexpected == []
    assert all("_attention." in key for key in missing)
    again = inserted(tiny())
    again.load_state_dict(new.state_dict())
    assert torch.equal(again.eval()(images()), new.eval()(images()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@each_block
def test_half_precision_stays(spec, dtype):
    model = inserted(tiny(), spec).to(dtype).eval()
    assert model(images().to(dtype)).dtype == dtype
    if spec is OWN or not row_of(spec).stays:
        late = inserted(tiny().to(dtype), spec, init="preserve").eval()
        assert torch.equal(late(images().to(dtype)), remove(late)(images().to(dtype)))


@each_block
def test_autocast_keeps_the_dtype_of_the_map(spec):
    model = inserted(tiny(), spec).eval()
    seen = []
    host = model.get_submodule(next(iter(blocks(model))).rpartition(".")[0])
    host.register_forward_hook(lambda m, a, out: seen.append((a[0].dtype, out.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        model(images())
    assert seen == [(torch.bfloat16, torch.bfloat16)]


@each_block
def test_remove_gives_the_original_back(spec):
    model = tiny().eval()
    back = remove(inserted(model, spec))
    assert list(back.state_dict()) == list(model.state_dict())
    assert torch.equal(back(images()), model(images()))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in back.modules())
    with pytest.raises(UsageError, match="nothing was inserted"):
        remove(back)


def test_replace_keeps_the_places():
    model = inserted(tiny(), where="standard", stages=(3,))
    new = replace(model, CBAM(reduction=4), init="preserve")
    assert [b.place for b in blocks(new).values()] == [b.place for b in blocks(model).values()]
    assert torch.equal(new.eval()(images()), tiny().eval()(images()))
    with pytest.raises(UsageError, match="replaces a 3x3"):
        replace(model, SK())


def test_twice_is_an_error_unless_asked():
    model = inserted(tiny())
    with pytest.raises(UsageError, match="has attention already, in 4 places"):
        inserted(model)
    twice = inserted(model, CBAM(reduction=4), again=True)
    assert len(blocks(twice)) == 8
    assert "stage1.0.bn3_attention2.channel.fc1.weight" in twice.state_dict()
    assert list(remove(twice).state_dict()) == list(tiny().state_dict())


@each_block
def test_attention_of_any_kind_is_seen_and_hides_no_unit(spec):
    model = inserted(tiny(), spec)
    own = create("resnet8", attention=spec)
    for having, example, plain in ((model, SHAPE, tiny()), (own, IMAGE, create("resnet8", attention=None))):
        with pytest.raises(UsageError, match="has attention already") as error:
            insert(having, SE(reduction=4), example=example)
        assert "again=True" in error.value.do
        units = [(p.name, p.stage, p.size) for p in places(having, example) if p.strategy == "post"]
        assert units == [(p.name, p.stage, p.size) for p in places(plain, example) if p.strategy == "post"]
        twice = insert(having, SE(reduction=4), where="post", example=example, again=True)
        assert len(blocks(twice)) - len(blocks(having)) == len(units) > 0


@each_of((*VARIANTS, OWN), (*SMALL, OWN))
def test_initial_values_follow_the_global_seed(spec):
    def values(model, seed):
        torch.manual_seed(seed)
        new = inserted(model, spec)
        return {name: p for name, p in new.state_dict().items() if "_attention." in name and p.ndim > 1}

    model = tiny()
    first, again, other = values(model, 0), values(model, 0), values(model, 5)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


PAPER = {  # arXiv 1709.01507v4: table 14's strategies, table 17's stages; SE(16) without biases
    ("standard", None): 28_071_976,
    ("post", None): 28_071_976,
    ("conv3x3", None): 25_714_216,
    ("standard", (2,)): 25_581_608,
    ("standard", (3,)): 25_688_104,
    ("standard", (4,)): 26_343_464,
}


@pytest.mark.parametrize(("where", "stages"), PAPER, ids=str)
def test_resnet50_has_the_parameters_of_the_papers_tables(where, stages):
    with torch.device("meta"):
        plain = resnet50()
    new = insert(plain, SE.paper(), where=where, stages=stages, example=(1, 3, 64, 64))
    assert parameters(new) == PAPER[where, stages]
    assert parameters(plain) == 25_557_032


def test_inserted_into_torchvisions_resnet50_it_is_our_se_resnet50():
    torch.manual_seed(0)
    new = insert(resnet50(), SE(), example=(1, 3, 64, 64)).eval()
    ours = create("se_resnet50", geometry="torch").eval()
    plain = create("resnet50", geometry="torch")
    load_weights(plain, remove(new).state_dict())
    state = ours.state_dict() | plain.state_dict()
    units = [n for n, m in ours.named_modules() if n.endswith("attention")]
    for ours_name, name in zip(units, blocks(new), strict=True):
        state |= {f"{ours_name}.{k}": v for k, v in new.get_submodule(name).state_dict().items()}
    ours.load_state_dict(state)
    x = torch.randn(2, 3, 96, 96)
    assert torch.allclose(new.double()(x.double()), ours.double()(x.double()), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "spec"), [("SE(reduction=4)", SE(reduction=4)), ("CBAM(reduction=4)", CBAM(reduction=4)), ("SE", SE())]
)
def test_a_spec_may_be_text(text, spec):
    torch.manual_seed(0)
    one = inserted(tiny(), text)
    torch.manual_seed(0)
    other = inserted(tiny(), spec)
    assert {each.spec for each in blocks(one).values()} == {spec}
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_another_spec_in_its_place_may_be_text():
    model = replace(inserted(tiny(), "SE(reduction=2)"), "CBAM(reduction=8)", init="preserve")
    assert {each.spec for each in blocks(model).values()} == {CBAM(reduction=8)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("none", "no block to insert"),
        ("None", "no block to insert"),
        ("ES", "no attention is called 'ES'"),
        ("SE(reductoin=4)", "did you mean reduction"),
        ("SE(4)", "are named"),
        ("", "cannot read the attention spec"),
    ],
)
def test_text_that_is_no_spec_says_what_is_wrong(text, words):
    for call in (insert, replace):
        with pytest.raises(UsageError, match=words):
            call(tiny(), text)


@pytest.mark.parametrize("first", STRATEGIES)
def test_a_model_with_blocks_has_the_places_that_it_has_without(first):
    model = inserted(tiny(), where=first)
    before = list(model.state_dict()), list(blocks(model))
    assert places(model, SHAPE) == places(tiny(), SHAPE)
    assert (list(model.state_dict()), list(blocks(model))) == before
    for second in STRATEGIES:
        twice = blocks(inserted(model, CBAM(reduction=4), where=second, again=True))
        added = {name: block for name, block in twice.items() if name not in blocks(model)}
        assert [block.place for block in added.values()] == [
            block.place for block in blocks(inserted(tiny(), where=second)).values()
        ]
