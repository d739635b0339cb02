"""The published networks, exact, with attention in declared slots."""

from senet.networks.create import PUBLISHED, create, published
from senet.networks.dense import dense
from senet.networks.features import FeatureInfo, Features, features_only
from senet.networks.init import initialise, named_stream
from senet.networks.network import Network, Stage
from senet.networks.published.registry import NETWORKS

__all__ = [
    "NETWORKS",
    "PUBLISHED",
    "FeatureInfo",
    "Features",
    "Network",
    "Stage",
    "create",
    "dense",
    "features_only",
    "initialise",
    "named_stream",
    "published",
]
