"""A trained model with all that is needed to use it on images, and the proof that these belong together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from senet.errors import WeightsError
from senet.image_size import image_size_remedy
from senet.inference.compute import Compute, Precision
from senet.inference.forward import compute_logits

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.transforms.evaluation import InputTransform


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model and its input.

    Args:
        model: (B, C, H, W) -> (B, classes), in evaluation mode, on its device.
        transform: How an image becomes its input.
        compute: Precision and memory layout.
    """

    model: nn.Module
    transform: "InputTransform"
    compute: Compute

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) uint8, of the transform's size -> (B, classes) on the model's device.

        Raises:
            WeightsError: They are not finite.
        """
        device = next(self.model.parameters()).device
        logits = compute_logits(self.model, self.transform.normalise(images.to(device)), self.compute)
        require_finite(logits)
        return logits


def build_classifier(model: nn.Module, transform: "InputTransform", precision: Precision = "float32") -> Classifier:
    """Put model and input together; weights of half precision become float32, which autocast then narrows alike."""
    return Classifier(model.float().eval(), transform, Compute(precision))


def count_outputs(classifier: Classifier, where: str) -> int:
    """Run a black image and return how many outputs the model has.

    Args:
        classifier: Model and input.
        where: The file of weights, for the message.

    Raises:
        WeightsError: The model does not take such images, or does not return (B, classes).
    """
    transform = classifier.transform
    shape = transform.channels, *transform.size
    try:
        logits: object = classifier.logits(torch.zeros(1, *shape, dtype=torch.uint8))
    except WeightsError:
        raise
    except Exception as error:  # a model of somebody's may raise anything
        said, size = str(error).partition("\n")[0], " x ".join(map(str, shape))
        what = f"the model fails on {size}, the size of its input transform: {said}"
        raise WeightsError(what, where=where, do=image_size_remedy(classifier.model, shape)) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        kind = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise WeightsError(f"the model's output for one image is {kind}, not (1, classes)", where=where)
    return logits.shape[1]


def require_finite(logits: Tensor) -> None:
    """Refuse logits whose largest would be a guess at random.

    Raises:
        WeightsError: NaN or infinity.
    """
    if isinstance(logits, Tensor) and not torch.isfinite(logits).all():
        raise WeightsError("the model's logits are not finite", do="try --precision float32, or other weights")
