import torch

from senet.data.sampling.seeding import generator, seed_torch

CPU = torch.device("cpu")


def test_torch_is_seeded_by_a_key_as_manual_seed_would():
    seed_torch(CPU, 3, "model", 1, 2)
    drawn = torch.rand(4)
    torch.manual_seed(generator(3, "model", 1, 2).initial_seed())
    assert torch.equal(torch.rand(4), drawn)
    seed_torch(CPU, 3, "model", 1, 3)
    assert not torch.equal(torch.rand(4), drawn)


def test_seeding_every_step_of_a_run_keeps_nothing_for_devices_that_are_not_used():
    before = len(torch.cuda._queued_calls)
    for step in range(100):
        seed_torch(CPU, 0, "model", 1, step)
    assert len(torch.cuda._queued_calls) == before
