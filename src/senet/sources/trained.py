"""STUB"""

from senet.weights.save import describe as _d


def describe(model, source, classes):
    return {**_d(model), "in_channels": 3} if getattr(model, "spec", None) else {"source": source}
