"""Places in networks for sequences and for videos; transformers are told that they have none."""

import copy
import re
import tomllib
from collections import Counter

import pytest
import torch
import torchvision
from catalogue import awake
from sequences import M5, TCN, Causal, ConvNeXt1d, ResNet1d, Spectrogram, Speech, Squeezed, Unit1d
from torch import nn
from torchvision.models import video
from torchvision.models.video.s3d import SepInceptionBlock3D

from senet import ECA, GC, SE
from senet.accounting import cost
from senet.errors import UsageError
from senet.insertion import blocks, frozen_trunk, insert, places, remove, replace
from senet.insertion.places.place import STRATEGIES
from senet.insertion.places.survey import survey
from senet.models.factory.config import ModelConfig
from senet.models.factory.name import read_name
from senet.models.saved.folder import write_folder
from senet.weights.infer_network import NetworkOptions

CLIP, WAVE, LEADS = (2, 3, 4, 32, 32), (2, 1, 2048), (2, 12, 256)


class Row:
    """A network, the shape of a batch, the kind of its units, their class, and how many each stage has."""

    def __init__(self, build, example, kind, cls, stages, lacks=()):
        self.build, self.example, self.kind, self.cls = build, example, kind, cls
        self.stages, self.lacks = stages, set(lacks)

    def model(self):
        torch.manual_seed(0)
        return awake(self.build())

    def places(self, model):
        return [p for p in places(model, self.example) if p.kind == self.kind and p.strategy == "standard"]


SHORTCUT = ("pre", "post", "identity")
NETWORKS = {
    "r3d_18": Row(video.r3d_18, CLIP, "residual", video.resnet.BasicBlock, (2, 2, 2, 2)),
    "mc3_18": Row(video.mc3_18, CLIP, "residual", video.resnet.BasicBlock, (2, 2, 2, 2)),
    "r2plus1d_18": Row(video.r2plus1d_18, CLIP, "residual", video.resnet.BasicBlock, (2, 2, 2, 2), ["conv3x3"]),
    "s3d": Row(
        video.s3d,
        (1, 3, 16, 224, 224),
        "concat",
        SepInceptionBlock3D,
        (0, 2, 5, 2),
        [*SHORTCUT, "conv3x3"],
    ),
    "resnet_1d": Row(ResNet1d, LEADS, "residual", Unit1d, (2, 2, 2)),
    "tcn": Row(TCN, (2, 1, 128), "residual", Causal, (5,)),
    "m5": Row(M5, WAVE, "conv", nn.Conv1d, (1, 1, 1, 1), SHORTCUT),
}
LARGE = ("r3d_18", "r2plus1d_18", "s3d")  # videos as in mc3_18, which mixes both kinds of convolution
each_network = pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=[pytest.mark.slow] if name in LARGE else [], id=name) for name, row in NETWORKS.items()],
)


def outputs(model, x, train):
    torch.manual_seed(1)
    with torch.no_grad():
        return model.train(train)(x)


@each_network
def test_the_units_are_those_of_the_architecture(row):
    model = row.model()
    found = row.places(model)
    assert len(found) == sum(isinstance(m, row.cls) for m in model.modules()) == sum(row.stages)
    stages = Counter(place.stage for place in found)
    assert [stages[n] for n in sorted(stages)] == [n for n in row.stages if n]
    assert all(len(place.size) == len(row.example) - 2 for place in found)


@each_network
def test_each_strategy_preserves_and_removal_restores(row):
    model, x = row.model(), torch.randn(row.example)
    before = copy.deepcopy(model.state_dict())
    wanted = [outputs(copy.deepcopy(model), x, train) for train in (False, True)]
    for where in STRATEGIES:
        if where in row.lacks:
            with pytest.raises(UsageError, match=f"where='{where}'"):
                insert(model, SE(reduction=4), where=where, example=x)
            continue
        new = insert(model, SE(reduction=4, minimum=1), where=where, init="preserve", example=x)
        got = [outputs(copy.deepcopy(new), x, train) for train in (False, True)]
        assert all(map(torch.equal, got, wanted)), where
        restored = remove(new).state_dict()
        assert list(restored) == list(before)
        assert all(torch.equal(restored[key], value) for key, value in before.items())
    assert row.lacks != set(STRATEGIES)


@each_network
def test_every_gate_moves(row):
    model = insert(row.model(), SE(reduction=4), init="preserve", example=row.example)
    before = copy.deepcopy(model.state_dict())
    x, optimizer = torch.randn(row.example), torch.optim.Adam(model.parameters(), 0.01)
    with frozen_trunk(model):
        for _ in range(2):
            optimizer.zero_grad()
            model.train()(x).square().sum().backward()
            optimizer.step()
    moved = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert {f"{name}.fc{i}.weight" for name in blocks(model) for i in (1, 2)} <= moved
    assert len(blocks(model)) == sum(row.stages)


@each_network
@pytest.mark.parametrize("spec", [SE(reduction=4), ECA(), GC(reduction=4)], ids=repr)
def test_places_cost_what_the_network_costs_more(row, spec):
    model = row.model()
    new = insert(model, spec, example=row.example)
    size = row.example[1:]
    more = sum((place.cost(spec) for place in row.places(model)[1:]), row.places(model)[0].cost(spec))
    assert more == cost(new, size).total - cost(model, size).total
    assert more.parameters > 0


def test_parameters_of_se_in_a_network_of_sequences():
    model = insert(ResNet1d(), SE(reduction=4), example=LEADS)
    more = sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in ResNet1d().parameters())
    assert more == sum(2 * (2 * c * c // 4 + c // 4 + c) for c in (16, 32, 64))


def test_a_gate_of_a_sequence_is_that_of_the_equation():
    model = insert(ResNet1d(), SE(reduction=4), example=LEADS, stages=(2,)).eval()
    seen = []
    model.layer1[0].bn2_attention.register_forward_hook(lambda block, args, out: seen.append((block, args[0], out)))
    with torch.no_grad():
        model(torch.randn(LEADS))
        block, u, out = seen[0]
        z = u.mean(2)
        s = torch.sigmoid(torch.relu(z @ block.fc1.weight.T + block.fc1.bias) @ block.fc2.weight.T + block.fc2.bias)
        torch.testing.assert_close(out, u * s[:, :, None])


@pytest.mark.parametrize("text", ["CBAM(reduction=4)", "SK(groups=1, minimum=4)"])
@pytest.mark.parametrize(
    ("model", "example", "axes"), [(video.r3d_18, CLIP, "3 spatial axes"), (ResNet1d, LEADS, "1 spatial axis")]
)
def test_a_block_of_images_is_refused_in_words(text, model, example, axes):
    model = model()
    if text.startswith("SK"):  # which needs a kernel of 3
        model = video.r3d_18() if example is CLIP else OneConv()
    with pytest.raises(UsageError) as caught:
        insert(model, text, example=example)
    assert caught.value.what == f"{text} does not take maps with {axes}"
    named = re.match(r"(\S+), \d+ x (\d+( x )?)+: ", caught.value.where)[1]
    assert named in dict(model.named_modules())
    remedy = re.search(r'"(.+)"', caught.value.do)[1]
    assert blocks(replace(insert(model, "ECA()", example=example), remedy))


class OneConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.relu = nn.Conv1d(12, 16, 3, padding=1), nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x))


def test_a_replacement_is_refused_as_an_insertion_is():
    model = insert(ResNet1d(), SE(reduction=4), example=LEADS)
    with pytest.raises(UsageError, match=r"CBAM\(\) does not take maps with 1 spatial axis"):
        replace(model, "CBAM()")


@pytest.mark.parametrize(
    ("conv", "example"),
    [
        (nn.Conv1d(4, 8, 3), (2, 4, 16)),
        (nn.Conv2d(4, 8, 3), (2, 4, 16, 16)),
        (nn.Conv3d(4, 8, 3), (2, 4, 8, 16, 16)),
    ],
    ids=["1", "2", "3"],
)
def test_attention_of_its_own_is_seen(conv, example):
    model = Squeezed(conv, 8)
    assert len(survey(model, example).attention) == 1
    with pytest.raises(UsageError, match="has attention already"):
        insert(model, SE(reduction=4), example=example)


def test_a_branch_that_has_channels_last_ends_where_it_has_them_first_again():
    found = [p for p in places(ConvNeXt1d(), (2, 4, 64)) if p.kind == "residual"]
    assert [(p.name, p.channels, p.size) for p in found if p.strategy == "standard"] == [("last", 16, (16,))]
    with pytest.raises(UsageError, match=r"fc2: returns \(2, 16, 16\), its channels last"):
        insert(ConvNeXt1d(), SE(reduction=4), where="fc2", example=(2, 4, 64))


def test_a_filter_bank_does_not_hide_the_network_behind_it():
    images = torchvision.models.resnet18()
    found = places(Spectrogram(images), (1, 1, 1024))
    behind = [(f"images.{p.name}", p.kind, p.strategy, p.stage) for p in places(images, (1, 3, 32, 61))]
    assert [(p.name, p.kind, p.strategy, p.stage) for p in found] == behind


def test_a_glob_says_which_axes_a_map_has():
    model = video.r3d_18()
    with pytest.raises(UsageError, match=r"fc: returns \(2, 400\), not \(B, C, T, H, W\)"):
        insert(model, SE(), where="fc", example=CLIP)
    assert list(blocks(insert(model, SE(), where="layer4.1", example=CLIP))) == ["layer4.1.attention"]


@pytest.mark.parametrize("model", [video.r3d_18, ResNet1d, M5])
def test_without_an_example_it_says_one_that_works(model):
    model = model()
    with pytest.raises(UsageError) as caught:
        insert(model, SE(reduction=4))
    shape = re.search(r"example=\((.+?)\) \(--example (\S+)\)", caught.value.do)
    assert shape[1].replace(" ", "") == shape[2]
    assert blocks(insert(model, SE(reduction=4), example=tuple(map(int, shape[2].split(",")))))


def test_without_an_example_a_network_for_images_gets_the_usual_advice():
    with pytest.raises(UsageError) as caught:
        insert(torchvision.models.resnet18(), SE(), example=(1, 4, 32, 32))
    assert "perhaps" not in caught.value.do


def timm(name):
    def build():
        import timm

        return timm.create_model(name)

    return pytest.param(build, (1, 3, 224, 224), id=name)


def theirs(name, *example, slow=True):
    return pytest.param(
        lambda: torchvision.models.get_model(name, weights=None),
        example,
        id=name,
        marks=[pytest.mark.slow] if slow else [],
    )


# The classes of the units, each with as many residual sums as stand in its forward().
SUMS = {
    **{"EncoderBlock": 2, "SwinTransformerBlock": 2, "Block": 2, "MixerBlock": 2, "TransformerEncoderLayer": 2},
    **{"XCABlock": 2, "ClassAttentionBlock": 2, "Speech": 1},
}


@pytest.mark.parametrize(
    ("build", "example"),
    [
        theirs("vit_b_16", 1, 3, 224, 224),
        theirs("swin_t", 1, 3, 64, 64, slow=False),
        theirs("swin3d_t", 1, 3, 4, 64, 64),
        timm("vit_tiny_patch16_224"),
        timm("deit_tiny_patch16_224"),
        timm("mixer_s32_224"),
        pytest.param(Speech, (1, 1, 4000), id="speech"),
    ],
)
def test_a_transformer_is_told_what_it_is(build, example):
    model = build()
    sums = sum(SUMS.get(type(m).__name__, 0) for m in model.modules())
    for where in ("standard", "post", "conv3x3"):
        with pytest.raises(UsageError) as caught:
            insert(model, SE(), where=where, example=example)
        assert f"in {sums} residual sums" in caught.value.what
        assert "this is a transformer" in caught.value.what
        assert len(str(caught.value).splitlines()) <= 3
    glob = re.search(r'where="(.+?)" \(--where (\S+)\)', caught.value.do)
    assert glob[1] == glob[2]
    assert len(blocks(insert(model, SE(reduction=4), where=glob[1], example=example))) == 1


@pytest.mark.parametrize(
    ("name", "embedding", "tokens"),
    [("vit_b_16", "conv_proj", (1, 197, 768)), ("swin_t", "features.0.0", (1, 56, 56, 96))],
)
@pytest.mark.slow
def test_the_tokens_are_those_of_the_paper(name, embedding, tokens):
    with pytest.raises(UsageError, match=re.escape(f"adds up tokens {tokens}")) as caught:
        insert(torchvision.models.get_model(name, weights=None), SE())
    assert f'"{embedding}"' in caught.value.do


def test_a_few_tokens_behind_convolutions_make_no_transformer():
    found = survey(nn.Sequential(M5().convs[0], nn.ReLU(), Speech(layers=1).features[2:], Tokens()), WAVE)
    assert (len(found.tokens), found.only_convolutions, found.transformer) == (1, True, False)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x):
        x = x.transpose(1, 2)
        return x + self.fc(x)


def test_a_hybrid_keeps_its_units_and_counts_what_holds_none():
    import timm

    model = timm.create_model("mobilevit_xxs")
    found = survey(model, (1, 3, 64, 64))
    assert len(found.tokens) == 2 * sum(type(m).__name__ == "Block" for m in model.modules()) == 18
    assert sum(p.kind == "residual" and p.strategy == "standard" for p in found.places) == 3


def test_what_is_saved_of_a_video_network_rebuilds_it(tmp_path):
    from senet.models import rebuild

    torch.manual_seed(0)
    model = insert(video.r3d_18(), SE(reduction=4), stages=(2,), example=CLIP)
    write_folder(
        model, tmp_path / "saved", ModelConfig(read_name("torchvision:r3d_18"), NetworkOptions(None, None, None, 3))
    )
    text = (tmp_path / "saved" / "model.toml").read_text()
    assert "height" not in text
    assert text.count("size = [") == 2
    again, x = rebuild(tmp_path / "saved"), torch.randn(CLIP)
    assert [b.place for b in blocks(again).values()] == [b.place for b in blocks(model).values()]
    assert torch.equal(outputs(again, x, False), outputs(model, x, False))


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        ("height = 7\nwidth = 5", True),
        ("size = [7]", True),
        ("", False),
        ("height = 7", False),
        ("size = [7]\nheight = 7\nwidth = 5", False),
        ("size = [7]\nwidth = 5", False),
    ],
)
def test_a_record_says_the_axes_of_a_map_once(lines, fits):
    from senet.errors import WeightsError
    from senet.models.saved.record import parse_record, record_text

    group = 'spec = "SE()"\ninit = "paper"\nunit = "residual"\nhung = "after"\n[[blocks.places]]\nmodule = "bn"\n'
    text = f'senet = "1"\nsource = "torchvision:r3d_18"\nsha256 = ""\n[[blocks]]\n{group}channels = 8\n{lines}\n'
    if not fits:
        with pytest.raises(WeightsError, match="place bn"):
            parse_record(text, "here")
        return
    record = parse_record(text, "here")
    assert tomllib.loads(record_text(record)) == tomllib.loads(text)
    assert record.blocks[0].places[0].axes == ((7, 5) if "height" in lines else (7,))


def test_the_command_prints_every_axis_and_says_what_to_pass(capsys):
    from senet.cli import run

    assert run(["insert", "torchvision:r3d_18"]) == 2
    assert "--example 1,3,8,64,64" in capsys.readouterr().err
    assert run(["insert", "torchvision:r3d_18", "--example", "1,3,4,32,32"]) == 0
    assert "layer1.0.conv2.1 2 64 4 x 16 x 16" in {
        " ".join(line.split()) for line in capsys.readouterr().out.splitlines()
    }
    assert run(["insert", "timm:mobilevit_xxs", "--example", "1,3,64,64"]) == 0
    assert "No place is in 18 residual sums of tokens" in capsys.readouterr().out
