"""Inserted blocks under DistributedDataParallel: gradients of both ranks are the mean, whatever the strategy."""

import pytest
import torch
import torch.distributed as dist
from tiny import SHAPE, images, tiny
from torch.nn.parallel import DistributedDataParallel

from senet import SE
from senet.insertion import blocks, insert


def model_and_gradients(rank, ranks, where):
    torch.manual_seed(0)
    model = insert(tiny(), SE(reduction=4), where=where, example=SHAPE).eval()  # no batch statistics per rank
    wrapped = DistributedDataParallel(model) if ranks else model
    batch = images(4)[rank::ranks] if ranks else images(4)
    wrapped(batch).square().mean().backward()
    return model, {name: p.grad for name, p in model.named_parameters()}


def one_rank(rank, ranks, where, store, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    _, gradients = model_and_gradients(rank, ranks, where)
    torch.save(gradients, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["standard", "identity"])
def test_two_ranks_average_the_gradients_of_the_gates(where, tmp_path):
    model, expected = model_and_gradients(0, 0, where)
    torch.multiprocessing.spawn(one_rank, (2, where, tmp_path / "store", tmp_path), nprocs=2)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert any(name.startswith(tuple(blocks(model))) for name in found)
        for name, gradient in expected.items():
            assert torch.allclose(found[name], gradient, atol=1e-6), name


def test_one_rank_reaches_every_gate(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        model, gradients = model_and_gradients(0, 1, "identity")
    finally:
        dist.destroy_process_group()
    assert all(gradients[name] is not None for name, _ in model.named_parameters())
