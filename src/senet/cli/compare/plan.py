"""From what the user asks of ``senet compare`` to a plan that can run."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from senet.cli.common.data_flags import DataFlags
from senet.cli.common.log import log_to
from senet.cli.common.model_flags import folder_name
from senet.cli.common.numbers import require_none
from senet.cli.common.remedies import typed
from senet.cli.train.recipe_flags import STUDY
from senet.data import Feed, resolved
from senet.data.transforms.input_settings import InputSettings
from senet.distributed.process_group import Team
from senet.errors import UsageError
from senet.models import StartConfig
from senet.study import NETWORK, SEEDS, VARIANTS
from senet.study.compare import check
from senet.study.named_studies import BASE, STUDIES, Study, study
from senet.study.plan import Plan, of_specs
from senet.study.runners.local import LocalWorkers
from senet.study.runners.runner import Runner
from senet.study.runners.torchrun import LaunchedRanks
from senet.study.study_file import StudyFile, read_study
from senet.study.summary import Heading
from senet.study.trials.settle import Settled, Wishes, as_begun, settle
from senet.study.trials.strata import finished_elsewhere
from senet.training import Recipe
from senet.training.recipe.toml import merged
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.environment import available_cores
from senet.utils.files import require_writable
from senet.utils.text import short_name


@dataclass(frozen=True)
class Asked:
    """What to compare; what is None is the study's, or the command's own.

    Args:
        study: Name of an ablation, or path of a file.
        network: Name.
        data: Source.
        variants: Specs as text.
        seeds: Number.
        recipe: What flags say of the recipe.
        start: What the network begins with beside its name.
        excite: Whether gates are looked at.
        renew: Whether what is settled by measuring is measured again.
    """

    study: str | None
    network: str | None
    data: str | None
    variants: list[str] | None
    seeds: int | None
    recipe: dict[str, Any]
    start: StartConfig
    excite: bool = False
    renew: bool = False


@dataclass(frozen=True)
class Running:
    """Where a study runs, and where its results go.

    Args:
        on: The runner.
        workers: Processes of this machine, None to settle them.
        out: Folder of all runs.
        name: Of the study's folder in it, None for one made of what is compared.
        dry: Whether nothing is run, and nothing written.
    """

    on: str
    workers: int | None
    out: Path
    name: str | None
    dry: bool


@dataclass(frozen=True)
class Job:
    """A study that can run.

    Args:
        settled: The plan, and how it uses this machine.
        feed: The batches that the base's recipe asks for.
        folder: Of the study.
        runner: Of its trials.
        study: The ablation that it is, or None.
    """

    settled: Settled
    feed: Feed
    folder: Path
    runner: Runner
    study: Study | None


def planned(asked: Asked, reading: DataFlags, team: Team, running: Running) -> Job:
    """Read the study and the data, build every variant without training, and settle precision and threads."""
    named, said = _study_of(asked)
    plan = replace(_plan(asked, reading, said), heading=_heading(asked, named))
    parts = [Path(asked.study).stem] if asked.study else []
    folder = running.out / (running.name or folder_name(*parts, short_name(plan.network), short_name(plan.data.source)))
    if team.share.rank == 0:
        require_none(folder, "run.json", "a run of senet train")
        require_writable(folder)
        if not running.dry:
            log_to(folder / "log.txt")
    plan = team.from_first(lambda: as_begun(plan, folder))
    plan, feed = team.node_by_node(lambda: check(plan))
    wishes = Wishes(asked.recipe.get("precision"), running.workers, asked.recipe.get("threads"), asked.renew)
    settled = team.from_first(lambda: settle(plan, feed, folder, wishes, available_cores() // team.share.ranks or 1))
    return Job(settled, feed, folder, runner_of(running.on, settled.processes, team), named)


def going_on(job: Job) -> Job:
    """Return the job without the seeds that finished in another environment: they stay as they are."""
    plan = job.settled.plan
    plan = replace(plan, elsewhere=finished_elsewhere(plan, job.feed.fingerprint(), job.folder))
    return replace(job, settled=replace(job.settled, plan=plan))


def _study_of(asked: Asked) -> tuple[Study | None, StudyFile]:
    """Return the ablation that is asked for, if one is, and what it or a file says."""
    if asked.study is None:
        return None, StudyFile(of_specs(asked.variants or VARIANTS))
    if asked.variants is not None:
        raise UsageError("--study and --variants together", do="put variants of your own into a study's TOML file")
    if asked.study in STUDIES or not Path(asked.study).suffix:
        named = study(asked.study)
        return named, StudyFile(dict(named.variants), BASE)
    return None, read_study(Path(asked.study))


def _heading(asked: Asked, named: Study | None) -> Heading:
    """Return what the report calls the study: a paper's ablation by its name and question, a file by its own."""
    name = "" if asked.study is None else Path(asked.study).stem
    return Heading(name, named.question if named else "", " ".join(typed()))


def _plan(asked: Asked, reading: DataFlags, said: StudyFile) -> Plan:
    values = merged(merged(STUDY, said.recipe), asked.recipe)
    recipe = dataclass_from_dict(Recipe, values)
    source = asked.data or said.data or "digits"
    data = resolved(reading.settings(source, 0.1 if source == "digits" else 1.0))
    given = InputSettings(**said.input.to_dict() | data.input.to_dict())
    data = replace(data, input=given, image_size=data.image_size or said.image_size)
    seeds = next(number for number in (asked.seeds, said.seeds, SEEDS) if number is not None)
    network = asked.network or said.network or NETWORK
    plan = Plan(network, said.variants, seeds, data, recipe, start=asked.start.resolved(), on_error=reading.on_error)
    return replace(plan, excite=asked.excite)


def runner_of(on: str, processes: int, team: Team) -> Runner:
    """Return the runner of a study's trials.

    Raises:
        UsageError: It is none, or Ray is not installed, or asked for in a launch of several processes.
    """
    if on == "ray" or on.startswith("ray://"):
        if team.share.ranks > 1:
            raise UsageError("--on ray in a launch of several ranks", do="start it without torchrun")
        return _on_ray(None if on == "ray" else on)
    if on != "local":
        raise UsageError(f"--on {on!r} is not local, ray or ray://HOST:PORT")
    return LaunchedRanks(team) if team.share.ranks > 1 else LocalWorkers(processes)


def _on_ray(address: str | None) -> Runner:
    try:
        from senet.study.runners.ray.backend import RayCluster
    except ModuleNotFoundError as error:
        raise UsageError("--on ray needs the extra `ray`", do="pip install 'senet[ray]'") from error
    return RayCluster(address)
