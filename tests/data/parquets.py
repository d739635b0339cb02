"""Parquet files for the tests, as pyarrow writes them."""

import json

import pyarrow as pa
from pyarrow import parquet
from tars import picture


def write(path, ids, labels=None, image="image", rows=4):
    labels = [n % 2 for n in ids] if labels is None else labels
    images = pa.array([{"bytes": picture(n), "path": "/etc/passwd"} for n in ids])
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({image: images, "label": labels}), path, row_group_size=rows)
    return path


def described(path, ids, classes):
    """Write a file whose schema names the classes, as Hugging Face `datasets` does."""
    features = {"image": {"_type": "Image"}, "label": {"names": classes, "_type": "ClassLabel"}}
    return with_schema(write(path, ids), json.dumps({"info": {"features": features}}))


def with_schema(path, said):
    """Let a file's schema say what `datasets` would say there."""
    parquet.write_table(parquet.read_table(path).replace_schema_metadata({"huggingface": said}), path)
    return path
