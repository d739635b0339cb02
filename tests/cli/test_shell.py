import shlex

import pytest

from senet.cli.common.command_line import wrap_command

COMMAND = "senet train --network resnet8 --attention 'SE(reduction=4)' --views.area 0.1 1.0 --no-augment --out 'a b'"


@pytest.mark.parametrize("width", [1, 20, 40, 80, 200])
def test_a_broken_command_is_the_same_command(width):
    lines = wrap_command(COMMAND, width)
    assert shlex.split(lines.replace("\\\n", "")) == shlex.split(COMMAND)
    assert all(line.endswith(" \\") for line in lines.split("\n")[:-1])


def test_lines_fit_and_flags_keep_their_values():
    assert wrap_command(COMMAND, 40).split("\n") == [
        "senet train --network resnet8 \\",
        "    --attention 'SE(reduction=4)' \\",
        "    --views.area 0.1 1.0 --no-augment \\",
        "    --out 'a b'",
    ]
    assert wrap_command(COMMAND, 200) == COMMAND
