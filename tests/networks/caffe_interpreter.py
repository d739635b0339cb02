"""A slow reading of the authors' layer tables: each layer is a few torch functional calls, in the table's order.

Three things are not in the tables: the dimensions of reshapes (read in the authors' files, by layer name below),
Caffe's epsilon of 1e-5, and what becomes of the last 7x7 pool when the image is not 224x224: Caffe would then
give a map of logits or refuse; here, as in our networks, that pool is global.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Shapes = list[tuple[int, ...]]
Fetch = Callable[[str, str, Shapes], list[Tensor]]  # layer name, type and shapes of its blobs -> the blobs

EPSILON = 1e-5


def run(layers: list[dict], x: Tensor, fetch: Fetch) -> Tensor:
    """Return the logits of images x, (B, 3, H, W) -> (B, classes)."""
    last = {name: i for i, layer in enumerate(layers) for name in layer["bottom"]}
    maps = {"data": x}
    for i, layer in enumerate(layers):
        if layer["type"] == "Input":
            continue
        bottoms = [maps[name] for name in layer["bottom"]]
        shapes = SHAPES.get(layer["type"], no_blobs)(layer, bottoms)
        blobs = fetch(layer["name"], layer["type"], shapes) if shapes else []
        tops = LAYERS[layer["type"]](layer, bottoms, blobs)
        maps |= zip(layer["top"], tops, strict=True)
        for name in layer["bottom"]:
            if last[name] == i and name not in layer["top"]:
                maps.pop(name, None)  # SENet-154's maps would not fit into memory together
        if layer["type"] == "InnerProduct":
            return tops[0]
    raise AssertionError("the table has no classifier")


def listing(layers: list[dict]) -> list[tuple[str, str, Shapes]]:
    """Name, type and blob shapes of every layer with weights, as the table implies them."""
    rows = []

    def record(name: str, kind: str, shapes: Shapes) -> list[Tensor]:
        rows.append((name, kind, shapes))
        return [torch.ones(shape, device="meta") for shape in shapes]

    run(layers, torch.empty(1, 3, 224, 224, device="meta"), record)
    return rows


def no_blobs(layer, bottoms):
    return []


def convolution_shapes(layer, bottoms):
    outputs, kernel = layer["num_output"], layer["kernel_size"]
    weight = (outputs, bottoms[0].shape[1] // layer.get("group", 1), kernel, kernel)
    return [weight, (outputs,)] if layer.get("bias_term", True) else [weight]


def scale_shapes(layer, bottoms):
    return [] if len(bottoms) == 2 else [(bottoms[0].shape[1],)] * 2


SHAPES = {
    "Convolution": convolution_shapes,
    "InnerProduct": lambda layer, bottoms: [
        (layer["num_output"], bottoms[0][0].numel()),
        (layer["num_output"],),
    ],
    "BatchNorm": lambda layer, bottoms: [(bottoms[0].shape[1],)] * 2 + [(1,)],
    "CuDNNBatchNorm": lambda layer, bottoms: [(1, bottoms[0].shape[1], 1, 1)] * 4,
    "Scale": scale_shapes,
}


def convolution(layer, bottoms, blobs):
    weight, bias = (*blobs, None)[:2]
    geometry = layer.get("stride", 1), layer.get("pad", 0), layer.get("dilation", 1), layer.get("group", 1)
    return [F.conv2d(bottoms[0], weight, bias, *geometry)]


def pooling(layer, bottoms, blobs):
    (x,) = bottoms
    kernel = layer.get("kernel_size")
    if layer.get("global_pooling") or (kernel == 7 and x.shape[-2:] != (7, 7)):
        return [x.mean((2, 3), keepdim=True)]
    stride, pad = layer["stride"], layer.get("pad", 0)
    after = [needed(size, kernel, stride, pad) - size - pad for size in x.shape[2:]]
    around = pad, after[1], pad, after[0]
    if layer["pool"] == "MAX":
        return [F.max_pool2d(F.pad(x, around, value=-math.inf), kernel, stride)]
    # A window's mean counts the zeros of the padding, and nothing beyond them.
    counted = F.pad(torch.ones_like(x), (pad,) * 4, value=1.0)
    counted = F.pad(counted, (0, after[1] - pad, 0, after[0] - pad))
    return [F.avg_pool2d(F.pad(x, around), kernel, stride) / F.avg_pool2d(counted, kernel, stride)]


def needed(size, kernel, stride, pad):
    """Pixels from the first padded one to the end of the last window: Caffe rounds the number of windows up."""
    windows = math.ceil((size + 2 * pad - kernel) / stride) + 1
    if pad and (windows - 1) * stride >= size + pad:
        windows -= 1
    return (windows - 1) * stride + kernel


def batch_norm(layer, bottoms, blobs):
    mean, variance, factor = blobs
    return [F.batch_norm(bottoms[0], mean / factor, variance / factor, eps=EPSILON)]


def cudnn_batch_norm(layer, bottoms, blobs):
    scale, bias, mean, variance = (blob.flatten() for blob in blobs)
    return [F.batch_norm(bottoms[0], mean, variance, scale, bias, eps=EPSILON)]


def scale(layer, bottoms, blobs):
    if len(bottoms) == 2:  # by another map, (B, C)
        return [bottoms[0] * bottoms[1][:, :, None, None]]
    weight, bias = (blob[:, None, None] for blob in blobs)
    return [bottoms[0] * weight + bias]


def reshape(layer, bottoms, blobs):
    (x,) = bottoms
    name = layer["name"]
    if name.endswith("/B_re"):  # dims 0, 2, -1, 0
        return [x.reshape(x.shape[0], 2, -1, 1)]
    if name.endswith(("/B_slice0", "/B_slice1")):  # dims 0, C, -1, 0
        return [x.reshape(x.shape[0], -1, 1, 1)]
    assert name.endswith("reshape"), name  # dims 0, 0
    return [x.reshape(x.shape[:2])]


def slice_(layer, bottoms, blobs):
    return bottoms[0].tensor_split([int(layer["slice_point"])], layer["axis"])


def eltwise(layer, bottoms, blobs):
    assert layer["operation"] == "SUM"
    return [sum(bottoms[1:], bottoms[0])]


LAYERS = {
    "Convolution": convolution,
    "InnerProduct": lambda layer, bottoms, blobs: [F.linear(bottoms[0].flatten(1), *blobs)],
    "BatchNorm": batch_norm,
    "CuDNNBatchNorm": cudnn_batch_norm,
    "Scale": scale,
    "ReLU": lambda layer, bottoms, blobs: [bottoms[0].relu()],
    "Sigmoid": lambda layer, bottoms, blobs: [bottoms[0].sigmoid()],
    "Softmax": lambda layer, bottoms, blobs: [bottoms[0].softmax(layer["axis"])],
    "Pooling": pooling,
    "Concat": lambda layer, bottoms, blobs: [torch.cat(bottoms, 1)],
    "Slice": slice_,
    "Reshape": reshape,
    "Eltwise": eltwise,
    "Axpy": lambda layer, bottoms, blobs: [bottoms[0] * bottoms[1] + bottoms[2]],
    "Dropout": lambda layer, bottoms, blobs: bottoms,
}
