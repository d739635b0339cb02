"""Open a model and images, gather what its gates do, write it down; of several ranks the first writes and speaks."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from senet.cli.common.command_line import command_words
from senet.cli.common.notes import notes_on_stderr
from senet.cli.common.progress_bars import image_progress_bar
from senet.cli.excite.images import open_images
from senet.cli.excite.model import ModelArgument
from senet.data import Loading
from senet.data.sources.source import Source
from senet.distributed.consistency import require_same_on_all_ranks
from senet.distributed.process_group import ProcessGroup
from senet.errors import UsageError
from senet.excitation.collect import CollectedGates, NoGatesError
from senet.excitation.excite import ImageSplit, excite, summarise_excitation, write_tables
from senet.excitation.images.image_details import add_image_details
from senet.excitation.summary import Excitation
from senet.inference.evaluation import ignore_progress
from senet.models.load import LoadedModel
from senet.utils.environment import environment
from senet.utils.files import require_writable, write_text
from senet.utils.text import printable


@dataclass(frozen=True)
class ExciteRequest:
    """What is looked at, and how; see ``senet excite``.

    Raises:
        UsageError: A batch without images.
    """

    model: ModelArgument
    split: str | None
    classes: Sequence[str] | None
    batch_size: int
    loading: Loading

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is below 1")


def run_excite(
    request: ExciteRequest, source: Callable[[], Source], places: tuple[Path, Path | None], group: ProcessGroup
) -> tuple[Excitation, list[Path]]:
    """Gather and write; every rank gets the numbers of all, rank 0 writes, notes and shows how far it is.

    Args:
        request: What.
        source: Opens the data; it may leave notes.
        places: Folder of report and tables, and of figures, if they are wanted.
        group: The ranks.

    Returns:
        What was found, and the files that were written.

    Raises:
        SenetError: Model or data cannot be read, or ranks have not the same; nothing can be written.
    """
    first = group.share.rank == 0
    with notes_on_stderr() if first else nullcontext():
        group.broadcast_from_rank0(lambda: _require_writable(places))
        model, images = group.local_rank0_first(lambda: _opened(request, source))
        if group.share.ranks > 1:
            require_same_on_all_ranks(group, {"images": len(images.split.files)}, model.model)
        collected = _collected(request, model, images, group)
        found = summarise_excitation(
            collected, images, printable(model.title), printable(model.where), _particulars(request, model)
        )
        if not first:
            return found, []
        found = add_image_details(found, model.classifier, images.split, model.named.names)
        return found, _written(found, *places)


def _require_writable(places: tuple[Path, Path | None]) -> None:
    for folder, flag in zip(places, ("--out", "--figures"), strict=True):
        if folder:
            require_writable(folder, flag)


def _opened(request: ExciteRequest, source: Callable[[], Source]) -> tuple[LoadedModel, ImageSplit]:
    data = source()
    model = request.model.open()  # after the flags were understood: it takes seconds
    how = model.transform, request.loading, request.batch_size
    return model, open_images(data, request.split, request.classes, model.labels, how)


def _collected(request: ExciteRequest, model: LoadedModel, images: ImageSplit, group: ProcessGroup) -> CollectedGates:
    with image_progress_bar() if group.share.rank == 0 else nullcontext(ignore_progress) as watch:
        try:
            return excite(model.classifier, images, watch, group)
        except NoGatesError as error:
            raise UsageError(error.what, do=request.model.how_to_get_gates(model)) from error


def _particulars(request: ExciteRequest, model: LoadedModel) -> dict[str, object]:
    how = request.model.model_flags
    settings = {"batch size": request.batch_size, "precision": how.precision, "device": how.device}
    settings |= {"weights": "; ".join(model.notes)} if model.notes else {}
    return {"settings": settings, "input": asdict(model.transform), "environment": environment()}


def _written(found: Excitation, folder: Path, figures: Path | None) -> list[Path]:
    from senet.excitation.page.figures import figures as drawn
    from senet.excitation.page.report import render
    from senet.page.figure_files import write_figures

    report = folder / "report.html"
    write_text(report, render(found, datetime.now().astimezone(), " ".join(command_words())))
    return [report, *write_tables(found, folder), *(write_figures(drawn(found), figures) if figures else [])]
