from dataclasses import replace

import pytest
import torch
from tars import SMALL, numbers, opened, shards

from senet.data.loader.open_stream import open_shards
from senet.data.loader.stream_split import Loading
from senet.data.sampling.batch_order import Batching
from senet.data.sampling.rank_share import Share
from senet.errors import UsageError


def rank_of(root, rank, ranks, workers=0):
    return open_shards(root, SMALL, Batching(8), Loading(workers=workers, share=Share(rank, ranks)), 0)


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_together_see_the_global_batch_of_one(tmp_path, ranks, workers):
    root = shards(tmp_path, 8, 6)
    alone = opened(root)
    parts = [rank_of(root, rank, ranks, workers) for rank in range(ranks)]
    streams = [data.train_batches(5, 3, 2) for data in parts]
    assert alone.steps_per_epoch == 6
    for step, (images, labels) in enumerate(alone.train_batches(5, 3, 2), 2):
        found = [next(stream) for stream in streams]
        assert torch.equal(torch.cat([part for part, _ in found]), images)
        assert torch.equal(torch.cat([part for _, part in found]), labels)
        names = [name for data in parts for name in data.sample_ids(5, 3, step)]
        assert tuple(names) == alone.sample_ids(5, 3, step)
    assert step == 5
    assert all(next(stream, None) is None for stream in streams)


def test_ranks_score_every_held_out_image_once(tmp_path):
    root = shards(tmp_path, 8, 6, test=7)
    parts = [replace(rank_of(root, rank, 2).test, batch_size=2) for rank in range(2)]
    assert [len(part) for part in parts] == [4, 3]
    found = [numbers(images) for part in parts for images, _ in part]
    assert found == [[48, 49], [50, 51], [52, 53], [54]], "batches of one process"
    assert parts[1].sample_ids(1) == opened(root).test.sample_ids(0)[6:]


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
@pytest.mark.parametrize(("count", "size"), [(0, 4), (1, 4), (8, 4), (21, 4), (21, 64)])
def test_batches_of_a_split_are_dealt_out_whole_and_each_once(count, size, ranks):
    parts = [Share(rank, ranks).scored(count, size) for rank in range(ranks)]
    assert [n for part in parts for n in part] == list(range(count))
    assert all(part.start % size == 0 for part in parts)
    lengths = [-(-len(part) // size) for part in parts]
    assert max(lengths) - min(lengths) <= 1


def test_ranks_have_one_fingerprint_and_one_number_of_steps(tmp_path):
    parts = [rank_of(shards(tmp_path, 8, 6), rank, 2) for rank in range(2)]
    assert len({(part.fingerprint(), part.steps_per_epoch) for part in parts}) == 1


@pytest.mark.parametrize(("rank", "ranks"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_that_is_none_is_refused(rank, ranks):
    with pytest.raises(UsageError, match="is not one of"):
        Share(rank, ranks)


def test_a_last_batch_that_is_too_small_for_the_ranks_is_refused_with_a_size_that_works(tmp_path):
    root = shards(tmp_path, 7, 6)  # 42 = 5 * 8 + 2
    with pytest.raises(UsageError, match="leaves 2 of 42 images") as error:
        rank_of(root, 0, 2)
    assert "batch_size=7" in error.value.do


def test_no_batch_size_works_for_more_ranks_than_pairs_of_images():
    with pytest.raises(UsageError, match="use fewer ranks"):
        Share(0, 8).require_two_each(15, 15)
