"""Data that does not fit a folder: WebDataset tars and Parquet files, read by index, in a seeded buffer's order."""

from senet.data.shards.layout import is_sharded
from senet.data.shards.opening import open_shards
from senet.data.shards.remote import open_remote

__all__ = ["is_sharded", "open_remote", "open_shards"]
