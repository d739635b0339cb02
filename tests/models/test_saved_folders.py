from functools import partial

import nets
import pytest
import torch

from catalogue_of_blocks import OWN, SMALL, SMALL_GATES, each
from senet.attention import CBAM, SE
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks, insert, remove, replace
from senet.metadata import RECORD_FILE
from senet.models import rebuild, save_inserted
from senet.models.saved.folder import WEIGHTS_FILE
from shaken import shaken

NET = "nets:Net"
SPEC = SE(reduction=4)


def inserted(spec=SPEC, where="standard", init="paper", **more):
    return insert(shaken(nets.Net()), spec, where=where, init=init, example=nets.IMAGE, **more)


def outputs(model):
    x = torch.randn(2, 3, nets.SIDE, nets.SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.eval()(x)


def assert_same(model, again):
    assert type(again) is type(model)
    assert blocks(again) == blocks(model)
    assert list(again.state_dict()) == list(model.state_dict())
    assert torch.equal(outputs(again), outputs(model))


CASES = {
    "standard": lambda: inserted(),
    "preserve": lambda: inserted(init="preserve"),
    "preserve, tanh": lambda: inserted(SE(reduction=4, gate="tanh"), init="preserve"),
    "pre": lambda: inserted(where="pre"),
    "identity": lambda: inserted(where="identity"),
    "conv3x3": lambda: inserted(where="unit?.bn1"),
    "at a glob": lambda: inserted(where="unit?.conv*"),
    "replaced": lambda: replace(inserted(), CBAM(reduction=2)),
    **{repr(spec): partial(inserted, spec, "unit?.bn1") for spec in (*SMALL, OWN)},
    **{f"preserve, {spec}": partial(inserted, spec, init="preserve") for spec in (*SMALL_GATES, OWN)},
}


@pytest.mark.parametrize("case", CASES)
def test_a_round_trip_keeps_blocks_names_and_outputs(case, tmp_path):
    model = shaken(CASES[case]())
    weights, record = save_inserted(model, tmp_path, source=NET)
    assert (weights, record) == (tmp_path / WEIGHTS_FILE, tmp_path / RECORD_FILE)
    assert_same(model, rebuild(tmp_path, factory=nets.Net))
    assert_same(model, rebuild(record, factory=nets.Net))


def test_dtypes_are_as_they_were_saved(tmp_path):
    model = inserted(init="preserve").to(torch.float64)
    model.fc.to(torch.float32)
    save_inserted(model, tmp_path, source=NET)
    again = rebuild(tmp_path, factory=nets.Net)
    assert {n: v.dtype for n, v in again.state_dict().items()} == {n: v.dtype for n, v in model.state_dict().items()}


@each((*SMALL, OWN))
def test_two_blocks_on_one_module_keep_their_order(spec, tmp_path):
    one = inserted(spec, "unit?.bn1")
    both = shaken(insert(one, CBAM(reduction=2), where="unit?.bn1", example=nets.IMAGE, again=True))
    save_inserted(both, tmp_path, source=NET)
    assert_same(both, rebuild(tmp_path, factory=nets.Net))
    assert [block.number for block in blocks(both).values()].count(2) == 2


def test_a_model_that_was_trained_further_is_saved_over_the_old(tmp_path):
    model = inserted(init="preserve")
    save_inserted(model, tmp_path, source=NET)
    before = outputs(model)
    optimizer = torch.optim.SGD(model.train().parameters(), lr=0.5)
    for _ in range(2):
        model(torch.randn(4, *nets.IMAGE[1:])).square().sum().backward()
        optimizer.step()
    save_inserted(model, tmp_path, source=NET)
    again = rebuild(tmp_path, factory=nets.Net)
    assert_same(model, again)
    assert not torch.equal(outputs(again), before)
    assert torch.equal(outputs(remove(again)), outputs(remove(model)))


@pytest.mark.parametrize("source", ["torchvision:shufflenet_v2_x0_5", "timm:regnetx_002", "senet:resnet8"])
def test_sources_of_libraries_are_rebuilt_from_the_folder_alone(source, tmp_path):
    model = insert(nets.named(source, 7), SPEC, example=(1, 3, 32, 32))
    save_inserted(model, tmp_path, source=source, classes=7)
    state = torch.get_rng_state()
    again = rebuild(tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(again.eval()(x), model.eval()(x))


def test_tied_weights_stay_tied(tmp_path):
    model = insert(nets.Tied(), SPEC, example=nets.IMAGE)
    save_inserted(model, tmp_path, source="nets:Tied")
    again = rebuild(tmp_path, factory=nets.Tied)
    assert again.unit1.conv2.weight is again.unit2.conv2.weight
    assert torch.equal(outputs(again), outputs(model))


def test_a_record_imports_nothing(tmp_path, monkeypatch):
    save_inserted(inserted(), tmp_path, source=NET)
    monkeypatch.setattr("senet.models.factory.builders.import_module", None)
    with pytest.raises(UsageError, match="nothing is imported from a file") as caught:
        rebuild(tmp_path)
    assert "nets:Net" in caught.value.what
    rebuild(tmp_path, factory=nets.Net)


def test_a_factory_of_another_model_is_refused(tmp_path):
    save_inserted(inserted(), tmp_path, source=NET)
    with pytest.raises(WeightsError, match="2 mis-shaped"):
        rebuild(tmp_path, factory=nets.five_classes)
    with pytest.raises(WeightsError, match=r"has no module 'unit1.bn2'"):
        rebuild(tmp_path, factory=lambda: torch.nn.Linear(2, 2))
    with pytest.raises(UsageError, match="KeyError"):
        rebuild(tmp_path, factory=nets.broken)
    with pytest.raises(UsageError, match="returned a str"):
        rebuild(tmp_path, factory=nets.text)


def test_weights_of_another_insertion_are_refused(tmp_path):
    save_inserted(inserted(), tmp_path / "a", source=NET)
    save_inserted(inserted(), tmp_path / "b", source=NET)
    (tmp_path / "a" / WEIGHTS_FILE).write_bytes((tmp_path / "b" / WEIGHTS_FILE).read_bytes())
    with pytest.raises(WeightsError, match="does not match the SHA-256") as caught:
        rebuild(tmp_path / "a", factory=nets.Net)
    assert caught.value.exit_code == 4


def test_preserved_gates_are_not_rebuilt_as_plain_ones(tmp_path):
    save_inserted(inserted(init="preserve"), tmp_path, source=NET)
    record = tmp_path / RECORD_FILE
    record.write_text(record.read_text().replace('init = "preserve"', 'init = "paper"'))
    with pytest.raises(WeightsError, match="4 unexpected"):
        rebuild(tmp_path, factory=nets.Net)


def test_what_cannot_be_saved():
    with pytest.raises(UsageError, match="nothing was inserted"):
        save_inserted(nets.Net(), "nowhere", source=NET)


def test_a_spec_that_text_cannot_name_is_refused_before_anything_is_written(tmp_path):
    class Own:
        slot = "gate"

        def __call__(self, channels):
            return SPEC(channels)

    with pytest.raises(UsageError, match="cannot be read back"):
        save_inserted(inserted(Own()), tmp_path, source=NET)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_or_file(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        rebuild(tmp_path / "nowhere")
    save_inserted(inserted(), tmp_path, source=NET)
    (tmp_path / WEIGHTS_FILE).unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        rebuild(tmp_path, factory=nets.Net)


# One change to a good record -> what is said.
HOSTILE = {
    'init = "paper"': {
        'init = "papre"': "blocks[0].init='papre' is not one of paper, preserve",
        'init = "paper"\ninti = 1': "unknown key blocks[0].inti",
        "": "blocks[0].init is missing",
    },
    'spec = "SE(reduction=4)"': {
        "spec = \"__import__('os').system('true')\"": "arguments of a spec are named",
        'spec = "os.system"': "no attention is called 'os'",
        'spec = "SE(reducton=4)"': "no argument is called 'reducton'",
        'spec = "none"': "cannot be built",
        "spec = 4": "blocks[0].spec=4 is not text",
    },
    "channels = 16": {
        "channels = 0": "cannot be built",
        "channels = 4000000000": "larger than all of the weights",
        "channels = true": "is not a whole number",
        "channels = 32": "mis-shaped",
    },
    'module = "unit1.bn2"': {
        'module = "unit1.bn3"': "has no module 'unit1.bn3'",
        'module = "unit1.bn1"': "missing",
        "module = 1": "blocks[0].places[0].module=1 is not text",
    },
    'hung = "after"': {'hung = "inside"': "is not one of after, before, around"},
    "[[blocks]]": {"[blocks]": "blocks={'spec': 'SE(reduction=4)'"},
    'source = "nets:Net"': {
        "source = []": "source=[] is not text",
        'source = "nets:Net"\nweights = "../../secret"': "unknown key weights",
        'source = "nets:Net"\nsoruce = "x"': "did you mean source?",
        'source = "': "not a readable record",
    },
}
CHANGES = [(old, new, said) for old, changes in HOSTILE.items() for new, said in changes.items()]


@pytest.mark.parametrize(("old", "new", "said"), CHANGES, ids=[new for _, new, _ in CHANGES])
def test_a_record_from_anywhere_is_read_strictly(old, new, said, tmp_path):
    _, record = save_inserted(inserted(), tmp_path, source=NET)
    text = record.read_text()
    assert old in text
    record.write_text(text.replace(old, new, 1))
    with pytest.raises(WeightsError) as caught:
        rebuild(tmp_path, factory=nets.Net)
    assert said in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_huge_record_is_not_read(tmp_path):
    _, record = save_inserted(inserted(), tmp_path, source=NET)
    record.write_text("#" * 2**21)
    with pytest.raises(WeightsError, match="larger than"):
        rebuild(tmp_path)
