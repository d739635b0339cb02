"""The published networks, exact, with attention in declared slots."""

from senet.networks.create import PUBLISHED, create, published
from senet.networks.dense import dense
from senet.networks.init import initialise, named_stream
from senet.networks.network import Network, Stage
from senet.networks.published import NETWORKS

__all__ = ["NETWORKS", "PUBLISHED", "Network", "Stage", "create", "dense", "initialise", "named_stream", "published"]
