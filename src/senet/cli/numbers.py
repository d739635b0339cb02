"""Lists of numbers as flags write them."""

from senet.errors import UsageError


def numbers(text: str, flag: str, such_as: str) -> tuple[int, ...]:
    """Read numbers between commas.

    Raises:
        UsageError: They are none.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{flag} {text} is no list of numbers", do=f"write it as {flag} {such_as}") from error


def stage_numbers(text: str | None) -> tuple[int, ...] | None:
    """Read ``--stages``; all where it is not given."""
    return None if text is None else numbers(text, "--stages", "3,4")
