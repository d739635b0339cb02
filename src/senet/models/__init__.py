"""Models, whoever wrote them: named, built, filled with weights, opened again."""

from senet.models.factory.name import read_name
from senet.models.saved.folder import rebuild, save_inserted, save_weights
from senet.models.start.begin import Begun, begin
from senet.models.start.wanted import Placement, Start, Wanted

__all__ = ["Begun", "Placement", "Start", "Wanted", "begin", "read_name", "rebuild", "save_inserted", "save_weights"]
