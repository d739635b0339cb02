"""Errors that end a rank because of another one."""

from senet.errors import SenetError


class PeerFailedError(SenetError):
    """Another rank has said, or will say, what is wrong; this one ends without a word.

    Args:
        what: What the other rank says.
        rank: Which.
        exit_code: The other rank's.
    """

    def __init__(self, what: str, rank: int, exit_code: int) -> None:
        super().__init__(what)
        self.rank, self.exit_code = rank, exit_code


class RankTimeoutError(SenetError):
    """A rank has not been heard of for too long: it was stopped, or its machine is gone."""


class RankLostError(SenetError):
    """The connection to another rank broke."""
