"""How the C library keeps memory that torch frees."""

import os
import sys

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc's malloc.h
LARGEST_BLOCK, KEPT = 1 << 30, (1 << 31) - 1  # bytes


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for the next map of that size; return whether it does.

    glibc hands blocks above 32 MB, and the end of its heap, back to the system at once, which clears every page again
    when the next map is made: on a CPU that takes longer than the arithmetic. Does nothing where the C library is
    another, or where the environment tunes malloc itself (``MALLOC_...``, ``GLIBC_TUNABLES``, ``LD_PRELOAD``).
    """
    tuned = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")) for name in os.environ)
    if tuned or not sys.platform.startswith("linux"):
        return False
    import ctypes  # milliseconds, and not there on every Python

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST_BLOCK) and mallopt(TRIM_THRESHOLD, KEPT))
