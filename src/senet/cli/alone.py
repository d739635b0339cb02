"""Commands that are one process: under a launcher every rank would do all of the work, and write the same files."""

import os

from senet.errors import UsageError


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
