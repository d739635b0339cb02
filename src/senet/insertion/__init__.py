"""Insertion: find where attention can go in any model, put it there, prove that it runs, take it out again."""

from senet.insertion.blocks.inserted import blocks
from senet.insertion.fine_tuning import frozen_trunk, inserted_parameters, parameter_groups
from senet.insertion.folding import standardise
from senet.insertion.insert import insert, remove, replace
from senet.insertion.liveness import liveness
from senet.insertion.places.place import Place
from senet.insertion.places.survey import places
from senet.insertion.verify import verify

__all__ = [
    "Place",
    "blocks",
    "frozen_trunk",
    "insert",
    "inserted_parameters",
    "liveness",
    "parameter_groups",
    "places",
    "remove",
    "replace",
    "standardise",
    "verify",
]
