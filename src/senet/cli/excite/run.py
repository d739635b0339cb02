"""Open a model and images, gather what its gates do, write it down; of several ranks the first writes and speaks."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from senet.cli.common.notes import noting
from senet.cli.common.progress_bars import image_bar
from senet.cli.common.remedies import typed
from senet.cli.excite.images import open_images
from senet.cli.excite.model import Which
from senet.data import Loading
from senet.data.sources.source import Source
from senet.distributed.consistency import require_alike
from senet.distributed.process_group import Team
from senet.errors import UsageError
from senet.excitation.collect import Collected, NoGatesError
from senet.excitation.excite import Images, described, excite, write_tables
from senet.excitation.images.closer import looked_closer
from senet.excitation.summary import Excitation
from senet.inference.evaluation import ignore
from senet.models.load import LoadedModel
from senet.utils.environment import environment
from senet.utils.files import require_writable, write_text
from senet.utils.text import printable


@dataclass(frozen=True)
class Asked:
    """What is looked at, and how; see ``senet excite``.

    Raises:
        UsageError: A batch without images.
    """

    which: Which
    split: str | None
    classes: Sequence[str] | None
    batch_size: int
    loading: Loading

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is below 1")


def run(
    asked: Asked, source: Callable[[], Source], places: tuple[Path, Path | None], team: Team
) -> tuple[Excitation, list[Path]]:
    """Gather and write; every rank gets the numbers of all, rank 0 writes, notes and shows how far it is.

    Args:
        asked: What.
        source: Opens the data; it may leave notes.
        places: Folder of report and tables, and of figures, if they are wanted.
        team: The ranks.

    Returns:
        What was found, and the files that were written.

    Raises:
        SenetError: Model or data cannot be read, or ranks have not the same; nothing can be written.
    """
    first = team.share.rank == 0
    with noting() if first else nullcontext():
        team.from_first(lambda: _require_writable(places))
        model, images = team.node_by_node(lambda: _opened(asked, source))
        if team.share.ranks > 1:
            require_alike(team, {"images": len(images.split.files)}, model.model)
        collected = _collected(asked, model, images, team)
        found = described(collected, images, printable(model.title), printable(model.where), _particulars(asked, model))
        if not first:
            return found, []
        found = looked_closer(found, model.classifier, images.split, model.named.names)
        return found, _written(found, *places)


def _require_writable(places: tuple[Path, Path | None]) -> None:
    for folder, flag in zip(places, ("--out", "--figures"), strict=True):
        if folder:
            require_writable(folder, flag)


def _opened(asked: Asked, source: Callable[[], Source]) -> tuple[LoadedModel, Images]:
    data = source()
    model = asked.which.open()  # after the flags were understood: it takes seconds
    how = model.transform, asked.loading, asked.batch_size
    return model, open_images(data, asked.split, asked.classes, model.labels, how)


def _collected(asked: Asked, model: LoadedModel, images: Images, team: Team) -> Collected:
    with image_bar() if team.share.rank == 0 else nullcontext(ignore) as watch:
        try:
            return excite(model.classifier, images, watch, team)
        except NoGatesError as error:
            raise UsageError(error.what, do=asked.which.how_to_get_gates(model)) from error


def _particulars(asked: Asked, model: LoadedModel) -> dict[str, object]:
    how = asked.which.trained
    settings = {"batch size": asked.batch_size, "precision": how.precision, "device": how.device}
    settings |= {"weights": "; ".join(model.notes)} if model.notes else {}
    return {"settings": settings, "input": asdict(model.transform), "environment": environment()}


def _written(found: Excitation, folder: Path, figures: Path | None) -> list[Path]:
    from senet.excitation.page.figures import figures as drawn
    from senet.excitation.page.report import render
    from senet.page.files import write_figures

    report = folder / "report.html"
    write_text(report, render(found, datetime.now().astimezone(), " ".join(typed())))
    return [report, *write_tables(found, folder), *(write_figures(drawn(found), figures) if figures else [])]
