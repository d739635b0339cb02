"""Remedies as the command at hand takes them: the library says them in its own words, with the flag in brackets.

``choose other stages= (--stages)`` is read in Python, and by every command; to one that has no such flag the brackets
are not shown.
"""

import re
from collections.abc import Sequence

from senet.cli.app import app

IN_BRACKETS = re.compile(r" \((--[a-z][a-z.-]*)[^()]*\)")


def flags_of(words: Sequence[str]) -> frozenset[str]:
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


def typeable(remedy: str, words: Sequence[str]) -> str:
    """Return a remedy without flags in brackets that the command does not have."""
    flags = flags_of(words)
    return IN_BRACKETS.sub(lambda found: found[0] if found[1] in flags else "", remedy)
