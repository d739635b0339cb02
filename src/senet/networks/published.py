"""Every network by name, one frozen spec per published row."""

from senet.networks import resnet_rows
from senet.networks.network import NetworkSpec

NETWORKS: dict[str, NetworkSpec] = {
    **resnet_rows.ROWS,
}
