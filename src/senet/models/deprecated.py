"""Names of before version 0.1.0 that still work."""

from senet.models.start.begin import StartingModel
from senet.models.start.request import ModelRequest, StartConfig

Begun = StartingModel
Start = StartConfig
Wanted = ModelRequest
