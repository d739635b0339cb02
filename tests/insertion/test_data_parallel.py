"""Inserted blocks under DistributedDataParallel and FSDP: gradients are those of one process, whatever the place."""

import pytest
import torch
import torch.distributed as dist
from held import KINDS, close, each_kind
from tiny import images
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from senet.insertion import blocks, verify


def gradients(model, run, batch):
    run(batch).square().mean().backward()
    return {name: p.grad for name, p in model.named_parameters()}


def one_rank(rank, ranks, name, store, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    model = KINDS[name].model()  # in evaluation mode: no batch statistics per rank
    found = gradients(model, DistributedDataParallel(model), images(4)[rank::ranks])
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
@each_kind()
def test_two_ranks_average_the_gradients_of_the_gates(kind, tmp_path):
    model = kind.model()
    expected = gradients(model, lambda x: kind.by_hand(model, x), images(4))
    name = next(name for name, each in KINDS.items() if each is kind)
    torch.multiprocessing.spawn(one_rank, (2, name, tmp_path / "store", tmp_path), nprocs=2)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert any(name.startswith(tuple(blocks(model))) for name in found)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            assert torch.allclose(found[name], gradient, atol=1e-6), name


@pytest.fixture
def alone(tmp_path):
    """A process group of this process only."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
@each_kind()
def test_one_rank_reaches_every_gate(kind):
    model, plain = kind.model(), kind.model()
    found = gradients(model, DistributedDataParallel(model), images())
    expected = gradients(plain, lambda x: kind.by_hand(plain, x), images())
    assert all(close(found[name], gradient) for name, gradient in expected.items())


@pytest.mark.usefixtures("alone")
@each_kind()
def test_tensors_may_be_sharded_unit_by_unit(kind):
    model, plain = kind.model(), kind.model()
    mesh = init_device_mesh("cpu", (1,))
    for owner in {inserted.place.owner for inserted in blocks(model).values()} - {""}:
        fully_shard(model.get_submodule(owner), mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert set(verify(model, images()).values()) == {1}
    found = gradients(model, model, images())
    expected = gradients(plain, lambda x: kind.by_hand(plain, x), images())
    assert found.keys() == expected.keys()
    assert all(close(found[name].full_tensor(), gradient) for name, gradient in expected.items())
