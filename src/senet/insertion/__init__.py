"""Insertion: find where attention can go in any model, put it there, prove that it runs, take it out again."""

from senet.insertion.finding.place import Place
from senet.insertion.finding.places import places
from senet.insertion.insert import insert, remove, replace
from senet.insertion.liveness import liveness
from senet.insertion.running.inserted import blocks
from senet.insertion.standardise import standardise
from senet.insertion.tuning import frozen_trunk, inserted_parameters, parameter_groups
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
