"""The flags that say what a network's input is, alike in every command, with timm's names; no torch is imported."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from senet.data.transforms.input_settings import InputSettings

GROUP = Group("Input")
NUMBERS = Parameter(consume_multiple=True, show_default=False)


@Parameter(group=GROUP)
@dataclass(frozen=True)
class InputFlags:
    """What the network's input is, where it is not as the weights or the data say.

    Args:
        mean: Mean of each channel, of pixels in 0..1, in RGB order.
        std: Standard deviation of each channel, likewise.
        interpolation: Of every resize.
        crop_pct: Share of the resized image's side that the centre crop leaves, such as 0.875.
        in_channels: 1 converts images to grey, 3 repeats the channel of grey ones; senet's networks are built to match.
    """

    mean: Annotated[tuple[float, ...] | None, NUMBERS] = None
    std: Annotated[tuple[float, ...] | None, NUMBERS] = None
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] | None = None
    crop_pct: float | None = None
    in_channels: Literal[1, 3] | None = None

    def settings(self) -> "InputSettings":
        """Return them as the library takes them."""
        from senet.data.transforms.input_settings import InputSettings

        return InputSettings(**asdict(self))


DEFAULT_INPUT_FLAGS = InputFlags()
