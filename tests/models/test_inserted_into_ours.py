# A network of ours with inserted blocks, written with what travels along and opened by itself.
import pytest
import torch

import senet
from catalogue_of_blocks import OWN, SMALL, SMALL_GATES

ABOUT = {
    "input_transform": {"size": [8, 8], "resize": 8, "mean": [0.4], "std": [0.3]},
    "classes": ["a", "b", "c"],
}


CASES = [
    *(("paper", spec) for spec in (*SMALL, OWN)),
    *(("preserve", spec) for spec in (*SMALL_GATES, OWN)),
]


@pytest.mark.parametrize(("init", "spec"), CASES, ids=str)
def test_it_opens_with_its_blocks_its_input_and_its_classes(init, spec, tmp_path):
    plain = senet.create("resnet8", attention=None, num_classes=3, in_channels=1)
    model = senet.insert(plain, spec, init=init, example=(1, 1, 8, 8))
    senet.save_inserted(model, tmp_path / "kept", source="resnet8", about=ABOUT)
    opened = senet.load(tmp_path / "kept")
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(opened.model(x), model.eval()(x))
    assert (opened.transform.mean, opened.transform.size) == ((0.4,), (8, 8))
    assert opened.labels.names == ("a", "b", "c")
