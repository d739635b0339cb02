"""A command under torchrun or accelerate launch: one voice, and one exit code."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from senet.errors import UsageError
from senet.training.ranks.failures import ToldError
from senet.training.ranks.joining import joined
from senet.training.team import Team


@contextlib.contextmanager
def team_of(device: str, recipe: Mapping[str, Any]) -> Iterator[tuple[Team, str]]:
    """Join the launched processes.

    Args:
        device: As the user wrote it.
        recipe: What file and flags say; empty for a command that has none.

    Yields:
        The team, and this process's device.

    Raises:
        SenetError: As of :func:`senet.training.ranks.joining.joined`; ranks that were started otherwise.
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
    first, *others = team.everyone((sys.argv[1:], {key: recipe[key] for key in sorted(recipe)}))
    for rank, said in enumerate(others, 1):
        if said != first:
            (words, values), (other_words, other_values) = first, said
            keys = [key for key in sorted({**values, **other_values}) if values.get(key) != other_values.get(key)]
            differ = [f"recipe.{key} {values.get(key)} and {other_values.get(key)}" for key in keys]
            more = f"{' '.join(words)!r} and {' '.join(other_words)!r}"
            raise UsageError(
                f"rank 0 and rank {rank} were started with different commands: {', '.join(differ) or more}",
                do="start all ranks with the same command and recipe",
            )
