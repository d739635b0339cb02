"""A command under torchrun or accelerate launch: one voice, and one exit code."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from senet.distributed.consistency import require_same_on_all_ranks
from senet.distributed.init import process_group
from senet.distributed.process_group import PeerFailedError, ProcessGroup
from senet.utils.text import flatten


@contextlib.contextmanager
def joined_group(device: str, recipe: Mapping[str, Any]) -> Iterator[tuple[ProcessGroup, str]]:
    """Join the launched processes.

    Args:
        device: As the user wrote it.
        recipe: What file and flags say; empty for a command that has none.

    Yields:
        The process group, and this process's device.

    Raises:
        SenetError: As of :func:`senet.distributed.init.process_group`; ranks that were started otherwise.
        SystemExit: Another rank has said what is wrong.
    """
    try:
        with process_group(device) as (group, name):
            _require_one_command(group, recipe)
            yield group, name
    except PeerFailedError as told:
        raise SystemExit(told.exit_code) from told


def _require_one_command(group: ProcessGroup, recipe: Mapping[str, Any]) -> None:
    """Refuse ranks that are asked for different things: they would wait for each other in different places."""
    words = {f"argument {i} of the command": word for i, word in enumerate(sys.argv[1:], 1)}
    require_same_on_all_ranks(
        group, {**words, **flatten(recipe, "recipe.")}, do="start all ranks with the same command and recipe"
    )
