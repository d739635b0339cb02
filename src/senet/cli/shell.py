"""A command as a person may copy it from a terminal."""

import os
import shlex
import sys
from pathlib import Path

from senet.ranks.launch import launched


def typed() -> list[str]:
    """Return the words that the user typed, each as a shell takes it, as they start this command again."""
    words = [Path(sys.argv[0]).name if os.sep in sys.argv[0] else sys.argv[0], *sys.argv[1:]]
    words = ["python -m senet" if words[0] == "__main__.py" else words[0], *words[1:]]
    if launch := launched(os.environ):
        words[0] = f"torchrun --nproc-per-node {launch.local_ranks} -m senet"
    return [words[0], *map(shlex.quote, words[1:])]


def broken(command: str, width: int) -> str:
    """Break a long command into lines that a shell takes as one; a flag stays with its first value.

    Args:
        command: As a shell takes it, in one line.
        width: Of the terminal; a word that is longer is never broken.
    """
    lines = [""]
    for part in _parts(shlex.split(command)):
        if lines[-1] and len(lines[-1]) + len(part) + 3 > width:
            lines[-1] += " \\"
            lines.append(f"    {part}")
        else:
            lines[-1] += f" {part}" if lines[-1] else part
    return "\n".join(lines)


def _parts(words: list[str]) -> list[str]:
    """Return words that stay together."""
    parts: list[str] = []
    for word in map(shlex.quote, words):
        if parts and parts[-1].startswith("--") and " " not in parts[-1] and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts
