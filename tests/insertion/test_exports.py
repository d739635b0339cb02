"""A model with blocks, compiled, exported, recorded and traced: the result computes what the forward by hand does."""

import functools
import pickle

import onnxruntime
import pytest
import torch
from held import KINDS, close, each_kind, first, holds
from tiny import SHAPE, images, tiny
from torch.utils.checkpoint import checkpoint
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from catalogue_of_blocks import OWN, SMALL, SMALL_GATES, each, each_of
from senet.errors import UsageError
from senet.insertion import insert
from senet.insertion.places.place import STRATEGIES

# what torch says of its own TorchScript
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()


@each_kind("standard", "sequence")
def test_it_compiles_whole_before_and_after_a_call(kind):
    model = kind.model()
    new = torch.compile(kind.model(), fullgraph=True, backend="eager")  # compiled before it ever ran
    assert close(new(images()), kind.by_hand(model, images()))
    model.compile(fullgraph=True, backend="eager")  # the module itself, after a call
    holds(kind, model)


@each_kind("identity")
def test_a_compiled_model_trains_its_blocks(kind):
    model, plain = kind.model(), kind.model()
    torch.compile(model, fullgraph=True, backend="aot_eager")(images()).square().mean().backward()
    kind.by_hand(plain, images()).square().mean().backward()
    for got, expected in zip(model.parameters(), plain.parameters(), strict=True):
        assert close(got.grad, expected.grad)


@pytest.mark.slow
@each_kind()
def test_it_compiles_to_code(kind):
    model = kind.model()
    assert close(torch.compile(model, fullgraph=True)(images()), kind.by_hand(model, images()))


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.slow)])
@each_kind("standard", "acting")
def test_it_is_exported(kind, strict):
    model = kind.model()
    program = torch.export.export(model, (images(),), strict=strict)
    assert close(program.module()(images()), kind.by_hand(model, images()))
    assert {*program.state_dict} == {*model.state_dict()}


@each_kind("pre")
def test_it_becomes_onnx(kind, tmp_path):
    model, path = kind.model(), tmp_path / "model.onnx"
    torch.onnx.export(model, (images(),), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path)
    (got,) = session.run(None, {session.get_inputs()[0].name: images().numpy()})
    assert torch.allclose(torch.from_numpy(got), kind.by_hand(model, images()), atol=1e-4)


@each_kind()
def test_it_is_recorded_by_torchscript_and_refused_in_words_as_a_script(kind, tmp_path):
    model = kind.model()
    recorded = torch.jit.trace(model, (images(),))
    recorded.save(tmp_path / "model.pt")
    assert close(torch.jit.load(tmp_path / "model.pt")(images()), kind.by_hand(model, images()))
    with pytest.raises(UsageError, match=r"TorchScript cannot read the forward that runs .*attention") as error:
        torch.jit.script(model)
    assert "torch.jit.trace(model, x)" in error.value.do


@each_kind()
def test_a_symbolic_trace_has_the_blocks(kind):
    model = kind.model()
    graph = torch.fx.symbolic_trace(model)
    assert {name for name, _ in graph.named_parameters()} == {name for name, _ in model.named_parameters()}
    assert close(graph(images()), kind.by_hand(model, images()))
    assert close(graph(images()[:1]), kind.by_hand(model, images()[:1]))


@each_kind()
def test_features_are_taken_from_between_the_blocks(kind):
    model = kind.model()
    nodes = get_graph_node_names(model)[1]
    name, _, _ = first(model)
    inside = [node for node in nodes if node.startswith(name)]
    assert inside
    seen = []
    model.get_submodule(name).register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    expected = model(images())
    found = create_feature_extractor(model, [inside[-1], nodes[-1]])(images())
    in_place = kind is KINDS["acting"]  # the activation behind it overwrites it
    assert close(found[inside[-1]], seen[0].relu() if in_place else seen[0])
    assert close(found[nodes[-1]], expected)


@each_kind("post")
def test_a_checkpointed_unit_is_compiled_and_exported(kind):
    model = kind.model()
    expected = model(images())
    owner = first(model)[2]
    owner.forward = functools.partial(checkpoint, owner.forward, use_reentrant=False)
    assert close(torch.compile(model, fullgraph=True, backend="eager")(images()), expected)
    assert close(torch.export.export(model, (images(),)).module()(images()), expected)


@each_of(SMALL, SMALL[:1] + SMALL[2:3])
def test_each_block_is_copied_compiled_and_exported(spec):
    _survives(insert(tiny(1), spec, example=SHAPE).eval())


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@each((*SMALL_GATES, OWN))
def test_each_block_is_copied_compiled_and_exported_at_every_place(spec, strategy):
    _survives(insert(tiny(), spec, where=strategy, example=SHAPE).eval())


def _survives(model):
    x = images()
    expected = model(x)
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), expected)
    assert torch.equal(torch.compile(model, fullgraph=True, backend="eager")(x), expected)
    assert torch.equal(torch.export.export(model, (x,)).module()(x), expected)
    assert torch.allclose(model(x.to(memory_format=torch.channels_last)), expected, atol=1e-5)
