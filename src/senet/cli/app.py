"""The commands and their names. Their modules import torch when they are called, not before."""

from cyclopts import App, Parameter

import senet
from senet.cli.compare.command import compare
from senet.cli.compare.studies import studies
from senet.cli.cost.command import cost
from senet.cli.data.command import data
from senet.cli.doctor.command import doctor
from senet.cli.evaluate.command import evaluate
from senet.cli.excite.command import excite
from senet.cli.insert.command import insert
from senet.cli.models.command import models
from senet.cli.predict.command import predict
from senet.cli.train.command import train
from senet.cli.weights.command import weights

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
for command in (compare, cost, data, doctor, evaluate, excite, insert, models, predict, studies, train, weights):
    app.command(command)
