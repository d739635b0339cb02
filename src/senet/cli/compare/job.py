"""From what the user asks of ``senet compare`` to a plan that can run."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from senet.cli.common.arguments import require_no_file
from senet.cli.common.command_line import command_words
from senet.cli.common.data_flags import DataFlags
from senet.cli.common.log import add_log_file
from senet.cli.common.model_flags import folder_name
from senet.cli.train.recipe_flags import STUDY_RECIPE
from senet.data import Feed, resolved
from senet.data.transforms.input_settings import InputSettings
from senet.distributed.process_group import ProcessGroup
from senet.errors import UsageError
from senet.models import StartConfig
from senet.study import NETWORK, SEEDS, VARIANTS
from senet.study.build_variants import variants_from_specs
from senet.study.compare import check_plan
from senet.study.named_studies import BASE, STUDIES, Study, get_study
from senet.study.plan import Plan
from senet.study.runners.local import LocalRunner
from senet.study.runners.runner import Runner
from senet.study.runners.torchrun import RankRunner
from senet.study.study_file import StudyFile, read_study
from senet.study.summary import StudyHeading
from senet.study.trials.autotune import TunedPlan, TuneRequest, keep_memory_setting, tune_plan
from senet.study.trials.environments import finished_elsewhere
from senet.training import Recipe
from senet.training.recipe.toml import merge_values
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.environment import available_cores
from senet.utils.files import require_writable
from senet.utils.text import short_name


@dataclass(frozen=True)
class CompareRequest:
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
class RunOptions:
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
class CompareJob:
    """A study that can run.

    Args:
        tuned: The plan, and how it uses this machine.
        feed: The batches that the base's recipe asks for.
        folder: Of the study.
        runner: Of its trials.
        study: The ablation that it is, or None.
    """

    tuned: TunedPlan
    feed: Feed
    folder: Path
    runner: Runner
    study: Study | None


def prepare_compare(
    request: CompareRequest, data_flags: DataFlags, group: ProcessGroup, options: RunOptions
) -> CompareJob:
    """Read the study and the data, build every variant without training, and settle precision and threads."""
    named, said = _study_of(request)
    plan = replace(_plan(request, data_flags, said), heading=_heading(request, named))
    parts = [Path(request.study).stem] if request.study else []
    folder = options.out / (options.name or folder_name(*parts, short_name(plan.network), short_name(plan.data.source)))
    if group.share.rank == 0:
        require_no_file(folder, "run.json", "a run of senet train")
        require_writable(folder)
        if not options.dry:
            add_log_file(folder / "log.txt")
    plan = group.broadcast_from_rank0(lambda: keep_memory_setting(plan, folder))
    plan, feed = group.local_rank0_first(lambda: check_plan(plan))
    tune_request = TuneRequest(
        request.recipe.get("precision"),
        options.workers,
        request.recipe.get("threads"),
        request.renew,
        request.recipe.get("compile"),
    )
    tuned = group.broadcast_from_rank0(
        lambda: tune_plan(plan, feed, folder, tune_request, available_cores() // group.share.ranks or 1)
    )
    return CompareJob(tuned, feed, folder, make_runner(options.on, tuned.processes, group), named)


def keep_seeds_elsewhere(job: CompareJob) -> CompareJob:
    """Return the job without the seeds that finished in another environment: they stay as they are."""
    plan = job.tuned.plan
    plan = replace(plan, elsewhere=finished_elsewhere(plan, job.feed.fingerprint(), job.folder))
    return replace(job, tuned=replace(job.tuned, plan=plan))


def _study_of(request: CompareRequest) -> tuple[Study | None, StudyFile]:
    """Return the ablation that is asked for, if one is, and what it or a file says."""
    if request.study is None:
        return None, StudyFile(variants_from_specs(request.variants or VARIANTS))
    if request.variants is not None:
        raise UsageError("--study and --variants together", do="put variants of your own into a study's TOML file")
    if request.study in STUDIES or not Path(request.study).suffix:
        named = get_study(request.study)
        return named, StudyFile(dict(named.variants), BASE)
    return None, read_study(Path(request.study))


def _heading(request: CompareRequest, named: Study | None) -> StudyHeading:
    """Return what the report calls the study: a paper's ablation by its name and question, a file by its own."""
    name = "" if request.study is None else Path(request.study).stem
    return StudyHeading(name, named.question if named else "", " ".join(command_words()))


def _plan(request: CompareRequest, data_flags: DataFlags, said: StudyFile) -> Plan:
    values = merge_values(merge_values(STUDY_RECIPE, said.recipe), request.recipe)
    recipe = dataclass_from_dict(Recipe, values)
    source = request.data or said.data or "digits"
    data = resolved(data_flags.settings(source, 0.1 if source == "digits" else 1.0))
    given = InputSettings(**said.input.to_dict() | data.input.to_dict())
    data = replace(data, input=given, image_size=data.image_size or said.image_size)
    seeds = next(number for number in (request.seeds, said.seeds, SEEDS) if number is not None)
    network = request.network or said.network or NETWORK
    plan = Plan(
        network, said.variants, seeds, data, recipe, start=request.start.resolved(), on_error=data_flags.on_error
    )
    return replace(plan, excite=request.excite)


def make_runner(on: str, processes: int, group: ProcessGroup) -> Runner:
    """Return the runner of a study's trials.

    Raises:
        UsageError: It is none, or Ray is not installed, or asked for in a launch of several processes.
    """
    if on == "ray" or on.startswith("ray://"):
        if group.share.ranks > 1:
            raise UsageError("--on ray in a launch of several ranks", do="start it without torchrun")
        return _on_ray(None if on == "ray" else on)
    if on != "local":
        raise UsageError(f"--on {on!r} is not local, ray or ray://HOST:PORT")
    return RankRunner(group) if group.share.ranks > 1 else LocalRunner(processes)


def _on_ray(address: str | None) -> Runner:
    try:
        from senet.study.runners.ray.backend import RayRunner
    except ModuleNotFoundError as error:
        raise UsageError("--on ray needs the extra `ray`", do="pip install 'senet[ray]'") from error
    return RayRunner(address)
