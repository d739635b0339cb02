"""What any rank warns of is logged by rank 0, which alone writes and speaks."""

import logging

from senet.distributed.process_group import ProcessGroup

logger = logging.getLogger("senet")


class LogForwarder:
    """Keeps what ranks other than 0 warn of while it is entered, images that were left out above all.

    Args:
        group: All ranks.
    """

    def __init__(self, group: ProcessGroup) -> None:
        self.group, self.kept = group, _BufferHandler(logging.WARNING)

    def __enter__(self) -> "LogForwarder":
        if self.group.share.rank:
            logger.addHandler(self.kept)
        return self

    def __exit__(self, *error: object) -> None:
        logger.removeHandler(self.kept)

    def forward(self) -> None:
        """Let rank 0 log what the others kept since the last time, in the order of the ranks; all ranks call it."""
        kept, self.kept.said = self.kept.said, []
        _, *others = self.group.all_gather(kept)
        if self.group.share.rank == 0:
            for level, message, values in (line for said in others for line in said):
                logger.log(level, message, *values)


Line = tuple[int, str, tuple[object, ...]]  # level, message, what its placeholders stand for


class _BufferHandler(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.levelno, record.msg, record.args if isinstance(record.args, tuple) else ()))
