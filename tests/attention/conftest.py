import pytest
from torch import nn


@pytest.fixture
def shake():
    """Random float64 weights and statistics: a norm that starts at zero or one would hide mistakes."""

    def randomise(module):
        module.double()
        for parameter in module.parameters():
            nn.init.normal_(parameter)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 1.5)
        return module.eval()

    return randomise
