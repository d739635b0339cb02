"""Randomness as a function of a key, for instance (seed, "augmentation", epoch, sample)."""

import contextlib
import hashlib
import random
from collections.abc import Iterator

import numpy as np
import torch


def seed_from_key(*key: object) -> int:
    """Return 63 bits that depend on every part of a key."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "little") >> 1


def generator(*key: object) -> torch.Generator:
    """Return a generator seeded by a key, for instance (seed, "order", epoch)."""
    return torch.Generator().manual_seed(seed_from_key(*key))


def seed_all(*key: object) -> None:
    """Seed the global generators of torch (CPU), NumPy and Python by a key.

    Transforms of torchvision and of users draw from these; no worker, epoch or rank shares a stream with another.
    """
    value = seed_from_key(*key)
    torch.default_generator.manual_seed(value)
    np.random.seed(value & 0xFFFFFFFF)
    random.seed(value)


def seed_torch(device: torch.device, *key: object) -> None:
    """Seed torch's global generators, of the CPU and of the device that is trained on, by a key.

    ``torch.manual_seed()`` has every device seeded when it is first used, and keeps a stack trace for it at every call:
    half a millisecond a step, and memory that is never given back.
    """
    value = seed_from_key(*key)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(value)
    elif device.type != "cpu":
        torch.manual_seed(value)


@contextlib.contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Put the global generators back afterwards: what the caller draws does not depend on what happened inside."""
    before = torch.default_generator.get_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.default_generator.set_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])
