"""Models by name, whoever wrote them: built, filled with a checkpoint, and rebuilt with what was inserted into them."""

from senet.sources.begin import Begun, Wanted, begin
from senet.sources.fill import fill
from senet.sources.models import build
from senet.sources.saved import rebuild, save_inserted

__all__ = ["Begun", "Wanted", "begin", "build", "fill", "rebuild", "save_inserted"]
