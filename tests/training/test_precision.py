import pytest
import torch

from senet.training import pace
from senet.training.pace import settle_precision
from toy import ToyFeed, toy_network


@pytest.mark.parametrize(
    ("float32", "bf16", "expected"), [(2.0, 1.0, "bf16"), (1.2, 1.0, "float32"), (1.0, 9.0, "float32")]
)
def test_bf16_must_win_clearly(float32, bf16, expected, monkeypatch):
    monkeypatch.setattr(pace, "_timed", lambda step, way: bf16 if way.precision == "bf16" else float32)
    assert settle_precision(toy_network(), ToyFeed(), 4, 1) == expected


def test_both_precisions_are_really_run(monkeypatch):
    seen = []
    monkeypatch.setattr(pace, "ROUNDS", 1)
    model = toy_network()
    model.register_forward_pre_hook(lambda *called: seen.append(torch.is_autocast_enabled("cpu")))
    settle_precision(model, ToyFeed(), 4, 1)
    assert seen == [False, True, False, True]
    assert all(parameter.grad is not None for parameter in model.parameters())
