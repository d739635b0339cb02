import os
import signal

import pytest

from senet.training.signals import ReceivedSignal, Signals


def test_a_signal_is_noted_and_the_next_one_acts_at_once():
    before = signal.getsignal(signal.SIGINT)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.number == signal.SIGINT
        assert signal.getsignal(signal.SIGINT) == before
        with pytest.raises(ReceivedSignal):
            signals.check()
    assert signal.getsignal(signal.SIGINT) == before


def test_what_was_noted_can_act_later():
    with Signals() as signals:
        signals.reraise()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signals.reraise()
        signals.reraise()


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.number is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
