"""Models, whoever wrote them: named, built, filled with weights, opened again."""

from typing import TYPE_CHECKING

from senet.utils.lazy import lazy_names

if TYPE_CHECKING:
    from senet.models.deprecated import Begun, Start, Wanted
    from senet.models.factory.name import read_name
    from senet.models.saved.folder import rebuild, save_inserted, save_weights
    from senet.models.start.begin import StartingModel, begin
    from senet.models.start.request import ModelRequest, Placement, StartConfig

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

# Imported on first use: a file of weights needs nothing of what training begins with.
_HOMES = {
    "Begun": "senet.models.deprecated",
    "ModelRequest": "senet.models.start.request",
    "Placement": "senet.models.start.request",
    "Start": "senet.models.deprecated",
    "StartConfig": "senet.models.start.request",
    "StartingModel": "senet.models.start.begin",
    "Wanted": "senet.models.deprecated",
    "begin": "senet.models.start.begin",
    "read_name": "senet.models.factory.name",
    "rebuild": "senet.models.saved.folder",
    "save_inserted": "senet.models.saved.folder",
    "save_weights": "senet.models.saved.folder",
}
__getattr__ = lazy_names(__name__, _HOMES)
