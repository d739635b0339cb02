# Networks and inserted blocks as ONNX, by both exporters: a runtime loads the graph and computes what eager computes.

import pytest
import torch
import torchvision

from catalogue_of_blocks import SMALL, VARIANTS, each_of
from senet.attention import CBAM, ECA, GC, SE, SK
from senet.insertion import insert
from senet.networks import create

onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # torch's, of its own exporters
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:Constant folding:UserWarning"),
]
FAST = (SE(reduction=4), SE(reduction=4, squeeze="none"), ECA(), CBAM(reduction=4), GC(reduction=4), SK(groups=1))
slow = pytest.mark.slow
each_opset = pytest.mark.parametrize("opset", [11, pytest.param(13, marks=slow), pytest.param(17, marks=slow), 20])
every_spec = each_of((*FAST, *(spec for spec in VARIANTS if spec not in SMALL)), FAST)


def network(spec):
    torch.manual_seed(0)
    return create("resnet8", attention=spec).eval()


def inserted(spec):
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None, num_classes=5)
    return insert(model, spec, example=(1, 3, 32, 32)).eval()


def computes_the_same(model, x, path):
    """Hold the file against the model; every axis is counted from the front, or runtimes refuse it."""
    for node in onnx.load(path).graph.node:
        assert all(axis >= 0 for attribute in node.attribute if attribute.name == "perm" for axis in attribute.ints)
    (found,) = runtime.InferenceSession(path).run(None, {"x": x.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), model(x), rtol=1e-5, atol=1e-5)


@each_opset
@every_spec
def test_the_exporter_that_traces_exports_our_networks(spec, opset, tmp_path):
    model, x = network(spec), torch.randn(2, 3, 16, 12)
    file, dynamic = tmp_path / "net.onnx", {"x": {0: "batch", 2: "height", 3: "width"}}
    torch.onnx.export(model, (x,), file, dynamo=False, opset_version=opset, input_names=["x"], dynamic_axes=dynamic)
    computes_the_same(model, x, file)
    computes_the_same(model, torch.randn(1, 3, 20, 16), file)


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [False, True])
@each_of((spec for spec in FAST if spec.slot == "gate"), ())
def test_both_exporters_export_inserted_blocks(spec, dynamo, tmp_path):
    model, x, file = inserted(spec), torch.randn(2, 3, 32, 32), tmp_path / "net.onnx"
    quiet = {"verbose": False} if dynamo else {}
    torch.onnx.export(model, (x,), file, dynamo=dynamo, input_names=["x"], **quiet)
    computes_the_same(model, x, file)


@each_of(FAST, FAST[3:4])
def test_the_exporter_of_programs_exports_our_networks(spec, tmp_path):
    model, x, file = network(spec), torch.randn(2, 3, 16, 12), tmp_path / "net.onnx"
    torch.onnx.export(model, (x,), file, dynamo=True, input_names=["x"], verbose=False)
    computes_the_same(model, x, file)
