# begin(): what training begins with. Trunks are compared with models of torchvision's, timm's and of one's own that
# are built and loaded here by hand.

import nets
import pytest
import timm
import torch
import torchvision

import senet
from catalogue_of_blocks import OWN, SMALL, SMALL_GATES, each, row_of
from senet.attention import CBAM, SE, is_attention
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks, insert, remove
from senet.models import ModelRequest, Placement, StartConfig, begin, save_inserted
from senet.models.factory.config import ModelConfig, model_metadata
from senet.models.factory.name import ModelName, read_name
from senet.models.saved.record import parse_record
from senet.networks import create
from senet.weights import write_state
from senet.weights.infer_network import NetworkOptions
from shaken import shaken

SIDE = 32
IMAGE = (3, SIDE, SIDE)
SPEC = "SE(reduction=4)"
SHUFFLENET = "torchvision:shufflenet_v2_x0_5"
TIMMS = "timm:resnet10t"


def images():
    return torch.randn(2, *IMAGE, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
def before(model, classifier, x):
    """What enters the classifier."""
    entered = []
    handle = model.get_submodule(classifier).register_forward_pre_hook(lambda _, args: entered.append(args[0]))
    model.eval()(x)
    handle.remove()
    return entered[0]


def saved(path, model):
    torch.save(model.state_dict(), path)
    return str(path)


def theirs(source, classes):
    if source == TIMMS:
        return shaken(timm.create_model("resnet10t", num_classes=classes))
    return shaken(torchvision.models.shufflenet_v2_x0_5(num_classes=classes))


# Of every kind with trained weights: network, weights, the plain model as its own library builds it, its classifier.
def of_a_library(source):
    def make(folder):
        plain = theirs(source, 9)
        return source, saved(folder / "w.pth", plain), plain, "fc"

    return make


def of_ours(folder):
    plain = shaken(create("resnet8", num_classes=9))
    return "resnet8", saved(folder / "w.pth", plain), plain, "head.fc"


def of_ones_own(folder):
    plain = shaken(nets.Net(4))
    return "nets:Net", saved(folder / "w.pth", plain), plain, "fc"


def of_a_file_of_weights(folder):
    plain = shaken(create("resnet8", num_classes=9))
    senet.save_weights(plain, folder / "w.safetensors")
    return str(folder / "w.safetensors"), None, plain, "head.fc"


def of_a_file_of_a_library(folder):
    plain = theirs(SHUFFLENET, 9)
    config = ModelConfig(read_name(SHUFFLENET), NetworkOptions(num_classes=9))
    write_state(plain.state_dict(), folder / "w.safetensors", model_metadata(plain, config))
    return str(folder / "w.safetensors"), None, plain, "fc"


TRAINED = {
    "torchvision's": of_a_library(SHUFFLENET),
    "timm's": of_a_library(TIMMS),
    "ours": of_ours,
    "one's own": of_ones_own,
    "a file of weights of ours": of_a_file_of_weights,
    "a file of weights of torchvision's": of_a_file_of_a_library,
}


@pytest.mark.parametrize("kind", TRAINED)
def test_a_new_head_keeps_the_trunk_bit_for_bit_and_is_all_that_is_fresh(kind, tmp_path):
    network, weights, plain, classifier = TRAINED[kind](tmp_path)
    begun = begin(ModelRequest(network, start=StartConfig(weights, head="new"), seed=3), 6, IMAGE)
    assert begun.fresh == (classifier,)
    assert torch.equal(before(begun.model, classifier, images()), before(plain, classifier, images()))
    layer = begun.model.get_submodule(classifier)
    assert (layer.out_features, layer.in_features) == (6, plain.get_submodule(classifier).in_features)
    assert set(begun.loaded.skipped) == {f"{classifier}.weight", f"{classifier}.bias"}
    assert (begun.init, begun.plain is begun.model) == (None, True)


@pytest.mark.parametrize("kind", TRAINED)
def test_row_94_blocks_in_trained_weights_preserve_and_the_head_is_new(kind, tmp_path):
    network, weights, plain, classifier = TRAINED[kind](tmp_path)
    begun = begin(ModelRequest(network, SPEC, start=StartConfig(weights, head="new")), 6, IMAGE)
    assert (begun.init, begun.fresh) == ("preserve", (classifier,))
    assert blocks(begun.model)
    assert torch.equal(before(begun.model, classifier, images()), before(plain, classifier, images()))
    assert begun.model.get_submodule(classifier).out_features == 6
    assert not blocks(begun.plain)
    with torch.no_grad():
        assert torch.equal(begun.plain.eval()(images()), begun.model.eval()(images()))


@pytest.mark.parametrize("kind", TRAINED)
def test_kept_heads_give_the_sources_logits(kind, tmp_path):
    network, weights, plain, classifier = TRAINED[kind](tmp_path)
    rows = plain.get_submodule(classifier).out_features
    begun = begin(ModelRequest(network, SPEC, start=StartConfig(weights)), rows, IMAGE)
    assert (begun.init, begun.fresh) == ("preserve", ())
    with torch.no_grad():
        assert torch.equal(begun.model.eval()(images()), plain.eval()(images()))


@pytest.mark.parametrize("kind", TRAINED)
def test_paper_can_be_asked_for_and_moves_the_outputs(kind, tmp_path):
    network, weights, plain, classifier = TRAINED[kind](tmp_path)
    rows = plain.get_submodule(classifier).out_features
    begun = begin(ModelRequest(network, SPEC, start=StartConfig(weights, init="paper")), rows, IMAGE)
    assert begun.init == "paper"
    with torch.no_grad():
        assert not torch.equal(begun.model.eval()(images()), plain.eval()(images()))
        assert torch.equal(remove(begun.model).eval()(images()), plain.eval()(images()))


@pytest.mark.parametrize("network", [SHUFFLENET, TIMMS, "nets:Net", "resnet8"])
def test_random_weights_are_fresh_as_a_whole_and_blocks_are_the_papers(network):
    begun = begin(ModelRequest(network, SPEC, Placement("standard" if network != "resnet8" else "pre")), 4, IMAGE)
    assert (begun.fresh, begun.init, begun.loaded) == (None, "paper", None)
    assert blocks(begun.model)
    assert not any(name.endswith("gate.scale") for name in begun.model.state_dict())


def test_attention_of_ours_with_random_weights_is_in_its_own_slots():
    begun = begin(ModelRequest("resnet8", SPEC), 4, IMAGE)
    assert (str(begun.model.spec.attention), blocks(begun.model), begun.init) == (SPEC, {}, None)
    preserved = begin(ModelRequest("resnet8", SPEC, start=StartConfig(init="preserve")), 4, IMAGE)
    plain = begin(ModelRequest("resnet8"), 4, IMAGE).model
    assert (preserved.model.spec.attention, preserved.init) == (None, "preserve")
    with torch.no_grad():
        assert torch.equal(preserved.model.eval()(images()), plain.eval()(images()))


@each((*SMALL, OWN))
def test_weights_of_ours_with_attention_fill_its_slots_again(spec, tmp_path):
    model = shaken(create("resnet8", attention=spec, num_classes=5))
    senet.save_weights(model, tmp_path / "w.safetensors")
    for wanted in (
        ModelRequest("resnet8", str(spec), start=StartConfig(str(tmp_path / "w.safetensors"))),
        ModelRequest("resnet8", start=StartConfig(str(tmp_path / "w.safetensors"))),
        ModelRequest(str(tmp_path / "w.safetensors")),
    ):
        begun = begin(wanted, 5, IMAGE)
        assert (begun.fresh, begun.init, blocks(begun.model)) == ((), None, {})
        with torch.no_grad():
            assert torch.equal(begun.model.eval()(images()), model.eval()(images()))


def inserted_folder(folder, classes=9):
    model = shaken(insert(theirs(SHUFFLENET, classes), SE(reduction=4), example=(1, *IMAGE)))
    save_inserted(model, folder, source=SHUFFLENET, classes=classes)
    return model


def test_an_inserted_folder_is_gone_on_with_as_it_is_or_with_a_new_head(tmp_path):
    model = inserted_folder(tmp_path / "w")
    kept = begin(ModelRequest(str(tmp_path / "w")), 9, IMAGE)
    assert (kept.fresh, kept.init) == ((), None)
    assert blocks(kept.model) == blocks(model)
    with torch.no_grad():
        assert torch.equal(kept.model.eval()(images()), model.eval()(images()))
    for wanted in (
        ModelRequest(str(tmp_path / "w"), start=StartConfig(head="new")),
        ModelRequest(SHUFFLENET, start=StartConfig(str(tmp_path / "w"), head="new")),
    ):
        new = begin(wanted, 6, IMAGE)
        assert new.fresh == ("fc",)
        assert blocks(new.model) == blocks(model)
        assert new.model.fc.out_features == 6
        assert torch.equal(before(new.model, "fc", images()), before(model, "fc", images()))
    with pytest.raises(UsageError, match="it has its weights") as caught:
        begin(ModelRequest(str(tmp_path / "w"), start=StartConfig("other.pth")), 9, IMAGE)
    assert "--weights" in caught.value.do


def test_a_new_head_of_ones_own_model_is_recorded_so_that_it_opens_again(tmp_path):
    _, weights, *_ = of_ones_own(tmp_path)
    begun = begin(ModelRequest("nets:Net", SPEC, start=StartConfig(weights, head="new")), 6, IMAGE)
    record = parse_record(begun.metadata.record, "here")
    assert (record.head, record.classes, record.source) == ("fc", 6, "nets:Net")
    shaken(begun.model)
    write_state(begun.model.state_dict(), tmp_path / "w.safetensors", begun.metadata)
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = begun.model.eval()(x)
        for network in ("nets:Net", nets.Net):
            assert torch.equal(senet.load(tmp_path / "w.safetensors", network=network).model(x), expected)
    again = begin(ModelRequest("nets:Net", start=StartConfig(str(tmp_path / "w.safetensors"))), 6, IMAGE)
    assert blocks(again.model) == blocks(begun.model)
    with torch.no_grad():
        assert torch.equal(again.model.eval()(x), expected)


def trained_by_its_function():
    model = nets.Net()
    values = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=values))
    return model


@pytest.mark.parametrize("head", ["keep", "new"])
def test_a_function_that_brings_its_weights_counts_as_trained(head, monkeypatch):
    monkeypatch.setattr(nets, "pretrained", trained_by_its_function, raising=False)
    plain = trained_by_its_function()
    begun = begin(ModelRequest("nets:pretrained", SPEC, start=StartConfig(head=head)), 4, IMAGE)
    assert (begun.init, begun.fresh) == ("preserve", () if head == "keep" else ("fc",))
    assert torch.equal(before(begun.model, "fc", images()), before(plain, "fc", images()))
    with torch.no_grad():
        assert torch.equal(begun.model.eval()(images()), plain.eval()(images())) == (head == "keep")


@pytest.mark.parametrize("head", ["keep", "new"])
def test_a_function_with_random_weights_does_not(head):
    begun = begin(ModelRequest("nets:Net", SPEC, start=StartConfig(head=head)), 4, IMAGE)
    assert (begun.init, begun.fresh) == ("paper", None)


CANNOT = ['SE(reduction=4, gate="relu", bias=False)', *(str(spec) for spec in SMALL if row_of(spec).stays)]


@pytest.mark.parametrize("spec", CANNOT)
def test_a_spec_that_cannot_preserve_is_refused_and_paper_is_named(spec, tmp_path):
    network, weights, *_ = of_ones_own(tmp_path)
    where = Placement("unit?.bn1")
    with pytest.raises(UsageError, match='cannot be inserted with init="preserve"') as caught:
        begin(ModelRequest(network, spec, where, StartConfig(weights)), 4, IMAGE)
    assert "--init paper" in caught.value.do
    assert 'init="paper"' in caught.value.do
    begun = begin(ModelRequest(network, spec, where, StartConfig(weights, init="paper")), 4, IMAGE)
    assert len(blocks(begun.model)) == 2


@pytest.mark.parametrize("attention", ["none", SPEC])
def test_attention_of_the_networks_own_cannot_be_taken_out_or_doubled(attention, tmp_path):
    inserted_folder(tmp_path / "w")
    se = shaken(create("se_resnet8", num_classes=4))
    senet.save_weights(se, tmp_path / "w.safetensors")
    for network in ("torchvision:mobilenet_v3_small", str(tmp_path / "w")):
        with pytest.raises(UsageError, match=f"--attention .*: {network} has attention already") as caught:
            begin(ModelRequest(network, attention), 9, IMAGE)
        assert "--attention" in caught.value.do
    with pytest.raises(UsageError, match="has attention already"):
        begin(ModelRequest(str(tmp_path / "w.safetensors"), "none"), 4, IMAGE)


def test_none_is_ours_without_its_attention_and_others_as_they_are():
    assert begin(ModelRequest("se_resnet8", "none"), 4, IMAGE).model.spec.attention is None
    plain = begin(ModelRequest(SHUFFLENET, "none"), 4, IMAGE)
    assert (blocks(plain.model), plain.init) == ({}, None)


def test_places_need_a_spec():
    for attention in ("none", "published"):
        with pytest.raises(UsageError, match="needs attention to insert, and there is none") as caught:
            begin(ModelRequest("resnet8", attention, Placement("pre")), 4, IMAGE)
        assert "--attention" in caught.value.do


def trunk_of(model):
    gates = tuple(f"{name}." for name, module in model.named_modules() if is_attention(module))
    return {name: value for name, value in model.state_dict().items() if not name.startswith(gates)}


@pytest.mark.parametrize("network", ["resnet8", pytest.param(SHUFFLENET, marks=pytest.mark.slow), TIMMS, "nets:Net"])
def test_the_trunk_of_a_seed_is_the_same_for_every_attention(network):
    attentions = ["none", *map(str, SMALL_GATES), str(OWN)]
    begun = [begin(ModelRequest(network, attention, seed=2), 4, IMAGE) for attention in attentions]
    trunks = [trunk_of(one.model) for one in begun]
    assert all(len(trunk) == len(trunks[0]) for trunk in trunks)
    assert all(torch.equal(value, trunk[name]) for trunk in trunks for name, value in trunks[0].items())
    assert len(begun[1].model.state_dict()) > len(trunks[0])
    other = trunk_of(begin(ModelRequest(network, "none", seed=3), 4, IMAGE).model)
    assert not all(torch.equal(value, other[name]) for name, value in trunks[0].items())


def test_placed_blocks_of_ours_are_in_the_same_trunk_as_its_slots():
    slots, placed = (begin(ModelRequest("resnet8", SPEC, p, seed=2), 4, IMAGE) for p in (Placement(), Placement("pre")))
    assert blocks(placed.model)
    one, other = trunk_of(slots.model), trunk_of(placed.model)
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_blocks_of_a_seed_are_the_same_wherever_there_are_others():
    """Block by block, so that studies of places compare equal starts."""
    everywhere, one = (
        begin(ModelRequest("resnet20", SPEC, Placement("pre", s), seed=2), 4, IMAGE) for s in (None, (3,))
    )
    assert len(blocks(everywhere.model)) > len(blocks(one.model)) > 0
    state = everywhere.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in one.model.state_dict().items())


def test_the_generator_is_left_alone_and_the_same_seed_begins_the_same():
    state = torch.get_rng_state()
    one, other = (begin(ModelRequest(SHUFFLENET, SPEC, seed=1), 4, IMAGE).model.state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_other_classes_than_the_weights_name_the_new_head(tmp_path):
    for make in (of_ours, of_a_library(SHUFFLENET)):
        network, weights, *_ = make(tmp_path)
        with pytest.raises(WeightsError, match="2 mis-shaped") as caught:
            begin(ModelRequest(network, start=StartConfig(weights)), 6, IMAGE)
        assert "--head new" in caught.value.do


@pytest.mark.parametrize("network", ["resnet8", SHUFFLENET])
def test_without_data_the_classes_are_the_weights(network, tmp_path):
    _, weights, plain, _ = (of_ours if network == "resnet8" else of_a_library(network))(tmp_path)
    begun = begin(ModelRequest(network, SPEC, start=StartConfig(weights)), None, IMAGE)
    with torch.no_grad():
        assert torch.equal(begun.model.eval()(images()), plain.eval()(images()))


def test_geometry_is_the_weights_or_the_one_asked_for_and_only_of_ours(tmp_path):
    plain = shaken(torchvision.models.resnet18(num_classes=4))
    weights = saved(tmp_path / "w.pth", plain)
    begun = begin(ModelRequest("resnet18", start=StartConfig(weights)), 4, IMAGE)
    assert begun.model.spec.geometry == "torch"
    assert begin(ModelRequest("resnet18", start=StartConfig(geometry="torch")), 4, IMAGE).model.spec.geometry == "torch"
    with pytest.raises(WeightsError, match="torch geometry"):
        begin(ModelRequest("resnet18", start=StartConfig(weights, geometry="caffe")), 4, IMAGE)
    with pytest.raises(UsageError, match="has no choice of geometry"):
        begin(ModelRequest(SHUFFLENET, start=StartConfig(geometry="torch")), 4, IMAGE)


def test_a_saved_function_is_named_by_the_user_and_not_imported(tmp_path, monkeypatch):
    model = insert(nets.Net(), SE(reduction=4), example=nets.IMAGE)
    config = ModelConfig(ModelName("function", "nets:Net"))
    write_state(model.state_dict(), tmp_path / "w.safetensors", model_metadata(model, config))
    monkeypatch.setattr("senet.models.factory.builders.import_module", None)
    with pytest.raises(UsageError, match="nothing is imported from a file") as caught:
        begin(ModelRequest(str(tmp_path / "w.safetensors")), 4, IMAGE)
    assert f"--network nets:Net --weights {tmp_path / 'w.safetensors'}" in caught.value.do


def test_cbam_of_every_block_is_recorded_as_it_is_in_the_model(tmp_path):
    network, weights, *_ = of_ones_own(tmp_path)
    begun = begin(ModelRequest(network, "CBAM(reduction=4)", start=StartConfig(weights)), 4, IMAGE)
    record = parse_record(begun.metadata.record, "here")
    assert [(group.spec, group.init) for group in record.blocks] == [(str(CBAM(reduction=4)), "preserve")]
