"""The commands and their names. Their modules import torch when they are called, not before."""

from cyclopts import App, Parameter

import senet

# A command imports what it needs when it is called, and no other command.
COMMANDS = (
    "senet.cli.compare.command:compare",
    "senet.cli.cost.command:cost",
    "senet.cli.data.command:data",
    "senet.cli.doctor.command:doctor",
    "senet.cli.evaluate.command:evaluate",
    "senet.cli.excite.command:excite",
    "senet.cli.insert.command:insert",
    "senet.cli.models.command:models",
    "senet.cli.predict.command:predict",
    "senet.cli.compare.studies:studies",
    "senet.cli.train.command:train",
    "senet.cli.weights.command:weights",
)

app = App(
    name="senet",
    version=senet.__version__,
    help="Does channel attention pay in my network, on my data, at what cost - and how do I ship it?",
    help_format="markdown",
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # else it ends without a word
    default_parameter=Parameter(negative="", json_list=False),  # "[a].png" is a name
)
for command in COMMANDS:
    app.command(command)


def import_all() -> None:
    """Import every command: the help of senet itself has a line of each."""
    for name in app:
        app[name]
