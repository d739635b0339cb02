"""The command as it was typed, and remedies as it takes them: the library names the flag in brackets.

``choose other stages= (--stages)`` is read in Python, and by every command; to one that has no such flag the brackets
are not shown.
"""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from senet.cli.app import app
from senet.distributed.launch import read_launch
from senet.errors import UsageError

FLAG_IN_BRACKETS = re.compile(r" \((--[a-z][a-z.-]*)[^()]*\)")


def flags_of_command(words: Sequence[str]) -> frozenset[str]:
    """Return all flags of a command.

    Args:
        words: As they are typed after ``senet``; those that follow the command's own do not matter.
    """
    one = app
    for word in words:
        if word.startswith("-") or word not in one:
            break
        one = one[word]
    arguments = one.assemble_argument_collection() if one.default_command else ()
    return frozenset(name for argument in arguments for name in argument.names if name.startswith("--"))


def without_unknown_flags(remedy: str, words: Sequence[str]) -> str:
    """Return a remedy without flags in brackets that the command does not have."""
    flags = flags_of_command(words)
    return FLAG_IN_BRACKETS.sub(lambda found: found[0] if found[1] in flags else "", remedy)


def command_words() -> list[str]:
    """Return the words that the user typed, each as a shell takes it, as they start this command again."""
    words = [Path(sys.argv[0]).name if os.sep in sys.argv[0] else sys.argv[0], *sys.argv[1:]]
    words = ["python -m senet" if words[0] == "__main__.py" else words[0], *words[1:]]
    if launch := read_launch(os.environ):
        words[0] = f"torchrun --nproc-per-node {launch.local_ranks} -m senet"
    return [words[0], *map(shlex.quote, words[1:])]


def wrap_command(command: str, width: int) -> str:
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


def require_single_process(command: str, do: str) -> None:
    """Refuse a command that torchrun or accelerate launch started several times.

    Args:
        command: As the user wrote it.
        do: The next step.

    Raises:
        UsageError: There are several processes.
    """
    ranks = os.environ.get("WORLD_SIZE", "1")
    if "RANK" in os.environ and ranks != "1":
        raise UsageError(f"{command} is one process, but was started as {ranks} ranks", do=do)
