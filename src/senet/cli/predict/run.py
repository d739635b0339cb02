"""Predict, and write every row as soon as it is known."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console

from senet.cli.common.arguments import require_writable_file
from senet.cli.common.evaluation_data import choose_split
from senet.cli.common.notes import note
from senet.cli.common.progress_bars import image_progress_bar
from senet.cli.predict.formats import FORMATS, FormatOptions, PredictionRow
from senet.data import Loading
from senet.data.sources.image_paths import ImagePaths, find_images
from senet.data.sources.source import Source
from senet.data.unused import warn_unused
from senet.errors import UsageError
from senet.inference.prediction import predictions
from senet.models.load import LoadedModel
from senet.utils.files import write_atomically


@dataclass(frozen=True)
class PredictRequest:
    """What to write of images, and how they are read; see ``senet predict``.

    Raises:
        SenetError: A number below 1, a file that cannot be written.
    """

    top: int
    batch_size: int
    loading: Loading
    format: str
    out: Path | None

    def __post_init__(self) -> None:
        require_writable_file(self.out)
        for flag, value in (("--top", self.top), ("--batch-size", self.batch_size)):
            if value < 1:
                raise UsageError(f"{flag} {value} is below 1")


def requested_images(images: Sequence[Path], source: Source | None, split: str | None) -> ImagePaths:
    """Find the images of files and folders, or of a split of a data source.

    Raises:
        SenetError: Images that are not there, or both, or neither.
    """
    if source is not None:
        if images:
            raise UsageError("images and --data together", do="name one of the two")
        listed = source.read(choose_split(source, split))
        return ImagePaths(listed.samples, (*source.outside_splits, *listed.unused))
    if split is not None:
        raise UsageError(f"--split {split} needs a data source", do="name it: --data folder:PATH")
    if not images:
        raise UsageError("no images are given", do="name files or folders after the weights, or --data SOURCE")
    return find_images(images)


def run_predict(loaded: LoadedModel, given: ImagePaths, request: PredictRequest) -> None:
    """Predict and write.

    Raises:
        DataError: An image that cannot be read, unless such images are to be skipped.
    """
    warn_unused(given.unused)
    if loaded.labels is None:
        note("the weights have no class names: outputs are numbered; --classes FILE names them")
    shape = FormatOptions(loaded.named, min(request.top, loaded.outputs), given.longest)
    form = FORMATS[request.format](shape)
    with image_progress_bar() if _is_free(request.out) else nullcontext(_ignore) as watch:
        _write(form(_rows(loaded, given, request, watch)), request.out)


def _is_free(out: Path | None) -> bool:
    """Whether a bar would not be in the way of what is printed."""
    return out is not None or not Console().is_terminal


def _ignore(done: int, total: int) -> None:
    """Watch nothing."""


def _rows(
    loaded: LoadedModel, given: ImagePaths, request: PredictRequest, watch: Callable[[int, int], None]
) -> Iterator[PredictionRow]:
    samples, unread = given.samples, 0
    found = predictions(loaded.classifier, samples, request.loading, request.top, request.batch_size)
    for done, prediction in enumerate(found, 1):
        unread += prediction.error is not None
        yield PredictionRow(samples.name(prediction.sample), prediction.guesses, prediction.error)
        watch(done, len(samples))
    if unread:
        note(f"{unread:,} of {len(samples):,} images could not be read; their rows say why")


def _write(lines: Iterable[str], out: Path | None) -> None:
    if out is None:
        for line in lines:
            print(line)
        return
    write_atomically(out, lambda temporary: _fill(temporary, lines))


def _fill(path: Path, lines: Iterable[str]) -> None:
    file: IO[str]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in lines)
