"""A command under torchrun or accelerate launch: one voice, and one exit code."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from senet.distributed.consistency import require_alike
from senet.distributed.failures import ToldError
from senet.distributed.init import joined
from senet.distributed.process_group import Team
from senet.errors import UsageError
from senet.utils.text import flatten


@contextlib.contextmanager
def team_of(device: str, recipe: Mapping[str, Any]) -> Iterator[tuple[Team, str]]:
    """Join the launched processes.

    Args:
        device: As the user wrote it.
        recipe: What file and flags say; empty for a command that has none.

    Yields:
        The team, and this process's device.

    Raises:
        SenetError: As of :func:`senet.distributed.init.joined`; ranks that were started otherwise.
        SystemExit: Another rank has said what is wrong.
    """
    try:
        with joined(device) as (team, name):
            _require_one_command(team, recipe)
            yield team, name
    except ToldError as told:
        raise SystemExit(told.exit_code) from told


def _require_one_command(team: Team, recipe: Mapping[str, Any]) -> None:
    """Refuse ranks that are asked for different things: they would wait for each other in different places."""
    words = {f"argument {i} of the command": word for i, word in enumerate(sys.argv[1:], 1)}
    require_alike(team, {**words, **flatten(recipe, "recipe.")}, do="start all ranks with the same command and recipe")


def require_alone(command: str, do: str) -> None:
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
