"""A module made of a function, for models that are counted."""

from torch import nn


class Function(nn.Module):
    def __init__(self, function, *children):
        super().__init__()
        self.function, self.inner = function, nn.ModuleList(children)

    def forward(self, x):
        return self.function(x, *self.inner)
