import logging

from senet.utils.warn_once import SHOWN, warn_once

logger = logging.getLogger("senet")


def test_each_message_is_said_once_and_of_a_kind_only_the_first():
    said = []
    with warn_once(said.append):
        for number in (*range(SHOWN + 2), *range(SHOWN + 2)):
            logger.warning("left out: %s", f"{number}.png")
        logger.info("not a warning")
        logger.warning("another kind")
    expected = [*(f"left out: {number}.png" for number in range(SHOWN)), "another kind", "... and 2 more: left out"]
    assert said == expected
    logger.warning("afterwards")
    assert said == expected


def test_what_was_said_already_is_not_said_again():
    said = []
    with warn_once(said.append):
        logger.warning("a notice", extra={"said": True})
    assert said == []
