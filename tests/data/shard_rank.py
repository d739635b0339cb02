"""One rank of a run over shards, a process of its own: writes down every image it gets, and goes on where it stood."""

import multiprocessing
import sys
from pathlib import Path

from tars import SMALL, numbers

from senet.data.loader.open_stream import open_shards
from senet.data.loader.stream_split import Loading
from senet.data.sampling.batch_order import Batching
from senet.data.sampling.rank_share import Share

EPOCHS, BATCH, SEED = 3, 250, 11


def taken(log):
    """Return [epoch, step, numbers, memory] of every step whose line is whole."""
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [[*map(int, epoch_step.split()), [*map(int, ids.split())], int(memory)]
            for epoch_step, ids, memory in (line.split(";") for line in lines)]  # fmt: skip


def resident(pid):
    """Return the memory of a process that is its own, in MiB."""
    fields = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(fields["Private_Dirty"].split()[0]) // 1024


def main(root, rank, ranks, workers, log):
    feed = open_shards(Path(root), SMALL, Batching(BATCH), Loading(int(workers), share=Share(int(rank), int(ranks))), 0)
    log = Path(log)
    before = taken(log)
    log.write_text("".join(f"{e} {s};{' '.join(map(str, ids))};{m}\n" for e, s, ids, m in before))  # drop a torn line
    at, first = (before[-1][0], before[-1][1] + 1) if before else (1, 0)
    with log.open("a") as file:
        for epoch in range(at, EPOCHS + 1):
            batches = feed.train_batches(SEED, epoch, first)
            for step, (images, labels) in enumerate(batches, first):
                ids = numbers(images)
                assert labels.tolist() == [n % 2 for n in ids]
                children = multiprocessing.active_children()
                memory = sum(resident(pid) for pid in ("self", *(c.pid for c in children))) if step % 50 == 49 else 0
                file.write(f"{epoch} {step};{' '.join(map(str, ids))};{memory}\n")
                file.flush()
            first = 0


if __name__ == "__main__":
    main(*sys.argv[1:])
