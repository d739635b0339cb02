import pytest
import torch

from senet.data.sampling.batch_order import Buffered

LABELS = torch.zeros(400, dtype=torch.long)
BLOCKS = torch.arange(40).repeat_interleave(10)


def order(seed=1, epoch=1, **changes):
    return Buffered(BLOCKS, **{"buffer": 30, "together": 4, **changes})(LABELS, seed, epoch)


@pytest.mark.parametrize("buffer", [0, 1, 30, 400, 10_000])
@pytest.mark.parametrize("together", [1, 4, 16, 100])
def test_every_image_once(buffer, together):
    assert order(buffer=buffer, together=together).sort().values.tolist() == list(range(400))


def test_it_is_a_function_of_seed_and_epoch():
    assert torch.equal(order(), order())
    assert not torch.equal(order(), order(seed=2))
    assert not torch.equal(order(), order(epoch=2))


def test_without_buffer_and_one_at_a_time_whole_blocks_come_in_random_order():
    blocks = BLOCKS[order(buffer=0, together=1)].view(40, 10)
    assert all(len(set(block)) == 1 for block in blocks.tolist())
    assert blocks[:, 0].tolist() != list(range(40))
    assert sorted(blocks[:, 0].tolist()) == list(range(40))


def test_it_is_what_a_real_buffer_of_that_size_could_give():
    """Replays the stream: an image must have been read when it comes out, and no more than the buffer may wait."""
    stream, out = order(buffer=0).tolist(), order(buffer=30).tolist()
    place = {image: position for position, image in enumerate(stream)}
    for emitted, image in enumerate(out):
        # All that came before it in the stream by more than 30 are out.
        assert set(stream[: max(place[image] - 30, 0)]) <= set(out[:emitted])
    assert max(place[image] - position for position, image in enumerate(out)) <= 30


def test_blocks_that_are_read_together_mix_and_others_are_not_touched():
    blocks = BLOCKS[order(buffer=0, together=4)].view(10, 40)
    assert all(len(set(part)) == 4 for part in blocks.tolist())


def test_blocks_of_one_class_each_still_give_mixed_batches():
    blocks = torch.arange(16).repeat_interleave(1000)
    batches = Buffered(blocks)(blocks, 1, 1).split(64)
    assert min(len(blocks[batch].unique()) for batch in batches) > 8


def test_empty_and_unequal_blocks():
    blocks = torch.tensor([1, 1, 1, 4, 7, 7])
    assert sorted(Buffered(blocks, 2, 2)(blocks, 1, 1).tolist()) == list(range(6))
