import threading
import time

import pytest
import torch.distributed as dist

from senet.distributed import heartbeat
from senet.distributed.heartbeat import Heartbeat

INTERVAL = 0.01


class Heard:
    def __init__(self):
        self.said, self.over = [], threading.Event()

    def __call__(self, what):
        self.said.append(what)
        self.over.set()


@pytest.fixture
def store():
    return dist.HashStore()


def test_row_73_a_rank_that_is_silent_is_named_with_its_process(store):
    heard = Heard()
    store.set("who/2", "pid 17 on node-a")
    with Heartbeat(store, 0, 3, heard, INTERVAL):
        assert heard.over.wait(60)
    assert heard.said == ["no heartbeat of rank 2 (pid 17 on node-a) for 0 seconds"]


def test_ranks_that_beat_are_left_alone_however_long(store):
    heard, interval = Heard(), 5 * INTERVAL  # a busy machine may hold one of the threads up for several
    with Heartbeat(store, 0, 2, heard, interval), Heartbeat(store, 1, 2, heard, interval):
        while (
            store.add("beat/0", 0) < 3 * heartbeat.MISSED_BEATS or store.add("beat/1", 0) < 3 * heartbeat.MISSED_BEATS
        ):
            time.sleep(interval)
    assert heard.said == []


def test_a_rank_that_fell_silent_later_is_named_by_the_next_one(store):
    heard, other = Heard(), Heard()
    with Heartbeat(store, 0, 2, heard, INTERVAL):
        with Heartbeat(store, 1, 2, other, INTERVAL):
            while store.add("beat/1", 0) < 3:
                time.sleep(INTERVAL)
        assert heard.over.wait(60)
    assert heard.said[0].startswith("no heartbeat of rank 1 (?)")


def test_a_store_that_is_gone_is_said(store):
    class Gone:
        def add(self, key, amount):
            raise dist.DistNetworkError("connection reset")

    heard = Heard()
    with Heartbeat(Gone(), 0, 2, heard, INTERVAL):
        assert heard.over.wait(60)
    assert heard.said == ["the launcher or the rendezvous host is gone"]
