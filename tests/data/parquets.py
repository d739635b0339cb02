"""Parquet files for the tests, as pyarrow writes them."""

import pyarrow as pa
from pyarrow import parquet
from tars import picture


def write(path, ids, labels=None, image="image", rows=4):
    labels = [n % 2 for n in ids] if labels is None else labels
    images = pa.array([{"bytes": picture(n), "path": "/etc/passwd"} for n in ids])
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({image: images, "label": labels}), path, row_group_size=rows)
    return path
