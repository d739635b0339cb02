"""Models, whoever wrote them: named, built, filled with weights, opened again."""

from senet.models.factory.name import read_name
from senet.models.saved.folder import rebuild, save_inserted, save_weights
from senet.models.start.begin import StartingModel, begin
from senet.models.start.request import ModelRequest, Placement, StartConfig

Begun, Start, Wanted = StartingModel, StartConfig, ModelRequest  # their names before version 0.2

__all__ = [
    "Begun",
    "ModelRequest",
    "Placement",
    "Start",
    "StartConfig",
    "StartingModel",
    "Wanted",
    "begin",
    "read_name",
    "rebuild",
    "save_inserted",
    "save_weights",
]
