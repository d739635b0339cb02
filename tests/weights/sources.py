"""Other libraries' networks with weights, and ours to take them."""

import re

import timm
import torch
from test_parity import AuthorsCBAM, randomise

from senet.networks import create

AUTHORS = {  # of our copy of the CBAM authors' arithmetic, to their MODELS/cbam.py
    r"\.cbam\.mlp\.0\.": ".cbam.ChannelGate.mlp.1.",
    r"\.cbam\.mlp\.2\.": ".cbam.ChannelGate.mlp.3.",
    r"\.cbam\.(conv|bn)\.": r".cbam.SpatialGate.spatial.\1.",
}


def authors_names(state):
    for pattern, name in AUTHORS.items():
        state = {re.sub(pattern, name, key): value for key, value in state.items()}
    return {f"module.{key}": value for key, value in state.items()}


def weights_of(model):
    state = model.state_dict()
    return authors_names(state) if any(isinstance(m, AuthorsCBAM) for m in model.modules()) else state


def built(reference):
    with torch.device("meta"):
        return randomise(timm.create_model(reference) if isinstance(reference, str) else reference())


def blank(reference):
    with torch.device("meta"):
        state = weights_of(timm.create_model(reference) if isinstance(reference, str) else reference())
    return {name: torch.zeros(value.shape) for name, value in state.items()}


def ours_for(name, geometry=None, attention=None):
    with torch.device("meta"):
        return create(name, geometry=geometry, **({"attention": attention} if attention else {})).double()
