"""Weights and statistics that no initialisation has."""

import torch


def shaken(model):
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.add_(torch.rand_like(value) / 8)
    return model
