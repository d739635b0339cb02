"""Settle how a study uses this machine."""

from senet.errors import UsageError


def settle_workers(trials: int, cores: int, workers: int | None = None) -> tuple[int, int]:
    """Return (processes, threads each): as many one-thread trials side by side as there are cores.

    Small networks train faster so than one after the other on all cores: their steps are too short to share.

    Args:
        trials: How many there are to run.
        cores: How many cores there are.
        workers: Processes that the user asks for, or None.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers={workers} is below 1")
    processes = max(1, min(trials, workers or cores))
    return processes, max(1, cores // processes)
