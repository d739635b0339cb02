"""What a user says of a network's input over what data or weights say: mean, deviation, resize, channels."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args

import torch
from torch import Tensor

from senet.data.transforms.evaluation import InputTransform, Interpolation
from senet.errors import UsageError
from senet.utils.one_or_many import as_tuple
from senet.utils.text import counted

LUMINANCE = (19595, 38470, 7471)  # of 65536, as Pillow weighs red, green and blue (ITU-R 601-2)


@dataclass(frozen=True)
class InputSettings:
    """Fields that are None stay as the data or the weights have them; the names are timm's.

    Args:
        mean: Subtracted per channel, red first, of pixels in 0..1.
        std: What is left is divided by it.
        interpolation: ``bilinear``, ``bicubic``, ``nearest`` or ``lanczos``, wherever an image is resized.
        crop_pct: Share of the resized image's side that the centre crop of evaluation leaves, in (0, 1].
        in_channels: 1: images become their luminance; 3: grey ones become three equal channels.

    Raises:
        UsageError: Values that cannot be, or as many as there are no channels.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: Interpolation | None = None
    crop_pct: float | None = None
    in_channels: int | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            if (values := getattr(self, name)) is not None:
                object.__setattr__(self, name, as_tuple(name, values, float))
                self._require_numbers(name)
        _one_of("interpolation", self.interpolation, get_args(Interpolation))
        _one_of("in_channels", self.in_channels, (1, 3))
        share = self.crop_pct
        if share is not None and not 0 < share <= 1:
            raise UsageError(f"crop_pct={share} is not in (0, 1]", do="1 leaves all of the image, 0.875 is usual")

    def _require_numbers(self, name: str) -> None:
        values = getattr(self, name)
        least = "above 0" if name == "std" else "finite"
        if not all(math.isfinite(value) and (value > 0 or name == "mean") for value in values):
            raise UsageError(f"{name}={_numbers(values)}: every value must be {least}")
        if len(values) not in ((1, 3) if self.in_channels is None else (self.in_channels,)):
            _refuse_number(name, values, self.in_channels or 3)

    def over(self, transform: InputTransform) -> InputTransform:
        """Return a transform with what is said in the place of its own.

        Args:
            transform: As data or weights have it. Of three channels made one, mean and deviation are weighed as the
                colours are; of one made three, repeated.

        Raises:
            UsageError: Another number of values than channels.
        """
        channels = self.in_channels or transform.channels
        for name in ("mean", "std"):
            values = getattr(self, name)
            if values is not None and len(values) != channels:
                _refuse_number(name, values, channels)
        scaled = _of_unit(transform) if self.mean or self.std else transform
        turn = -1 if transform.channel_order == "BGR" else 1
        return replace(
            scaled,
            mean=self.mean[::turn] if self.mean else _as_channels(scaled.mean, channels, turn),
            std=self.std[::turn] if self.std else _as_channels(scaled.std, channels, turn),
            interpolation=self.interpolation or transform.interpolation,
            resize=transform.resize if self.crop_pct is None else resize_for(transform.size, self.crop_pct),
        )

    def replaced(self, said: InputTransform, whose: str) -> tuple[str, ...]:
        """Say which values of weights are overridden, one line each; values that are the same are not.

        Args:
            said: The weights'.
            whose: Says so: ``the weights say``.
        """
        lines = (_line(f, whose, before, now) for f, before, now in self._pairs(said) if before != now)
        return tuple(lines)

    def _pairs(self, said: InputTransform) -> Iterator[tuple[str, Any, Any]]:
        before, now = _of_unit(said), self.over(said)
        for name in ("mean", "std", "interpolation"):
            if getattr(self, name) is not None:
                yield name, getattr(before, name), getattr(now, name)
        if self.crop_pct is not None:
            yield "crop_pct", round(max(said.size) / said.resize, 3), self.crop_pct
        if self.in_channels is not None:
            yield "in_channels", said.channels, self.in_channels

    def to_dict(self) -> dict[str, Any]:
        """Return what is said, JSON-ready."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def flags(self) -> list[str]:
        """Return it as words of a command."""
        words: list[str] = []
        for field in fields(self):
            if (value := getattr(self, field.name)) is not None:
                words += [flag_of(field.name), *map(repr_of, value if isinstance(value, tuple) else (value,))]
        return words


def input_fingerprint(digest: str, given: InputSettings, size: tuple[int, int] | None = None) -> str:
    """Return a fingerprint of data that tells what its images become; the same where nothing is set.

    Args:
        digest: Of the images.
        given: What is said of the input.
        size: That most images have and all are brought to, where that moved none of the digested bytes.
    """
    said = given.to_dict() | ({} if size is None else {"size": size})
    return hashlib.sha256((digest + json.dumps(said, sort_keys=True)).encode()).hexdigest() if said else digest


def flag_of(name: str) -> str:
    """Return the flag of a field."""
    return f"--{name.replace('_', '-')}"


def repr_of(value: object) -> str:
    """Return a value as a command takes it, floats whole."""
    return value if isinstance(value, str) else repr(value)


def resize_for(size: tuple[int, int], share: float) -> int:
    """Return the length of the short side out of which a centre crop takes a share of the side, as timm does."""
    return max(math.floor(max(size) / share), *size)


def with_channels(images: Tensor, channels: int | None) -> Tensor:
    """Bring images to one channel, their luminance as Pillow has it, or to three equal ones; None: as they are.

    Args:
        images: (N, C, H, W) uint8.
        channels: 1, 3 or None.
    """
    if channels in (None, images.shape[1]):
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1).contiguous()
    red, green, blue = (images[:, i].int() * weight for i, weight in enumerate(LUMINANCE))
    return ((red + green + blue + 0x8000) >> 16).to(torch.uint8)[:, None]


def _as_channels(values: Sequence[float], channels: int, turn: int) -> tuple[float, ...]:
    if len(values) == channels:
        return tuple(values)
    if len(values) == 1:
        return (values[0],) * channels
    pairs = zip(LUMINANCE, values[::turn], strict=True)
    return (round(sum(weight * value for weight, value in pairs) / sum(LUMINANCE), 6),)


def _of_unit(transform: InputTransform) -> InputTransform:
    """Return a transform with mean and deviation of pixels in 0..1."""
    mean, std = (tuple(v / transform.range for v in values) for values in (transform.mean, transform.std))
    return replace(transform, mean=mean, std=std, range=1)


def _line(name: str, whose: str, before: Any, now: Any) -> str:
    word = name.replace("_", " ")
    return f"{whose} {word} {_numbers(before)}; {flag_of(name)} takes {_numbers(now)}"


def _numbers(value: Any) -> str:
    return " ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)


def _refuse_number(name: str, values: Sequence[float], channels: int) -> None:
    what = f"{flag_of(name)} has {counted(len(values), 'value')}, but images have {counted(channels, 'channel')}"
    raise UsageError(what, do=f"give {channels}, or say {flag_of('in_channels')} {4 - channels}")


def _one_of(name: str, value: object, known: Sequence[object]) -> None:
    if value is not None and value not in known:
        raise UsageError(f"{name}={value!r} is not one of {', '.join(map(str, known))}")


NO_INPUT_SETTINGS = InputSettings()
