import pytest
import torch

from senet.data.sampling.batch_order import Balanced, Shuffled, batch_indices, num_batches, visit_keys
from senet.data.sampling.seeding import generator


def test_shuffled_visits_every_image_once_in_the_known_order():
    labels = torch.zeros(50, dtype=torch.long)
    order = Shuffled()(labels, 3, 4)
    assert torch.equal(order, torch.randperm(50, generator=generator(3, "order", 4)))
    assert torch.equal(visit_keys(order), order)


def test_balanced_draws_every_class_equally_often():
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    drawn = torch.cat([labels[Balanced()(labels, 1, epoch)] for epoch in range(20)])
    shares = drawn.bincount() / len(drawn)
    assert (shares - 1 / 3).abs().max() < 0.015


def test_balanced_draws_all_images_of_a_class_alike():
    labels = torch.tensor([0] * 90 + [1] * 10)
    counts = torch.cat([Balanced()(labels, 1, epoch) for epoch in range(100)]).bincount(minlength=100)
    assert counts[90:].min() > 400
    assert counts[:90].max() < 90


@pytest.mark.parametrize("change", [(2, 1), (1, 2)])
@pytest.mark.parametrize("order", [Shuffled(), Balanced()])
def test_an_order_is_a_function_of_seed_and_epoch(order, change):
    labels = torch.arange(40) % 4
    assert torch.equal(order(labels, 1, 1), order(labels, 1, 1))
    assert not torch.equal(order(labels, 1, 1), order(labels, *change))


def test_no_two_visits_have_one_number():
    order = torch.randint(0, 10, (10,))
    numbers = visit_keys(order)
    assert len(set(numbers.tolist())) == 10
    assert torch.equal(numbers % 10, order)
    seen = {}
    for index, number in zip(order.tolist(), numbers.tolist(), strict=True):
        assert number // 10 == seen.get(index, 0), "counted from the first visit"
        seen[index] = seen.get(index, 0) + 1


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
def test_steps_are_the_number_of_batches(size):
    for count in range(1, 14):
        parts = batch_indices(torch.arange(count), size)
        assert num_batches(count, size) == len(parts)
        assert torch.equal(torch.cat(parts), torch.arange(count))
