"""``senet compare``: the main job."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from senet.cli.common.data_flags import DEFAULT_DATA_FLAGS, DataFlags
from senet.cli.common.interrupts import interrupt_message
from senet.cli.common.model_flags import DEFAULT_START_FLAGS, StartFlags, start_config
from senet.cli.train.recipe_flags import DEFAULT_STUDY_FLAGS, StudyFlags, given_values, without_measure
from senet.errors import UsageError
from senet.study import NETWORK, SEEDS, VARIANTS
from senet.utils.files import require_writable


def _or(default: str) -> Parameter:
    return Parameter(show_default=lambda _: default)


def _quoted(specs: tuple[str, ...]) -> str:
    """Return specs as a shell takes them; double quotes, which every shell knows."""
    return " ".join(spec if spec.isidentifier() else f'"{spec}"' for spec in specs)


def compare(
    *,
    study: str | None = None,
    network: Annotated[str | None, _or(f"{NETWORK}, or the study's")] = None,
    data: Annotated[str | None, _or("digits, or the study's")] = None,
    variants: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, show_default=lambda _: _quoted(VARIANTS)),
    ] = None,
    attention: str | None = None,
    start: Annotated[StartFlags, Parameter(name="*")] = DEFAULT_START_FLAGS,
    seeds: Annotated[int | None, _or(f"{SEEDS}, or the study's")] = None,
    data_flags: Annotated[DataFlags, Parameter(name="*")] = DEFAULT_DATA_FLAGS,
    on: str = "local",
    workers: int | None = None,
    any_machine: bool = False,
    name: str | None = None,
    out: Path = Path("runs"),
    figures: Path | None = None,
    excite: bool = False,
    dry_run: bool = False,
    json: bool = False,
    flags: Annotated[StudyFlags, Parameter(name="*")] = DEFAULT_STUDY_FLAGS,
) -> None:
    """Train each variant with the same seeds, and say what attention brings and what it costs.

    Prints one table, the evidence in words and the command that trains each variant again; writes settings,
    results.csv, results.jsonl, timings.csv, the best weights and report.html, which is renewed while the study runs,
    to OUT/NAME. Stopped and started again, it continues; more seeds or another variant run only what is new.

    Three examples:

        senet compare

        senet compare --study reduction --data folder:photos --seeds 8 --epochs 30 --batch-size 128

        senet compare --network torchvision:resnet18 --weights r18.pth --head new --attention SE --data folder:photos

    Args:
        study: An ablation that `senet studies` lists, or a TOML file with variants of your own.
        network: A name that `senet models` lists, torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION or
            FILE.py:FUNCTION, which is imported, or a file or folder that senet wrote.
        data: digits, fashion-mnist, cifar10, cifar100, folder:PATH with train/ and val/ and/or test/, list:FILE.csv
            with rows path,label,split, or shards:PATH or shards:ADDRESS, as senet data pack writes them.
        variants: Attention specs; the first is the baseline. none is the network without attention. Where the network
            begins with trained weights they are inserted, and none is more training without. A block of your own is
            "MODULE.PATH:CLASS(...)" or "FILE.py:CLASS(...)", which is imported.
        attention: Short for --variants none ATTENTION.
        start: What the network begins with.
        seeds: Number of paired seeds; the smallest p of n seeds is 2/2^n, so 6 or more can decide at 5%.
        data_flags: How the data is read.
        on: local: processes of this machine; ray: a Ray cluster that is found or started here; ray://HOST:PORT: that
            one.
        workers: Processes on this machine; by default a short measurement chooses them and their threads.
        any_machine: Reuse seeds whose trials all finished on another machine or with other versions; no difference
            mixes two machines. Otherwise such trials are listed and run again here.
        name: Of the run's folder; by default STUDY-NETWORK-DATA.
        out: Folder of all runs.
        figures: Write each of the report's figures to this folder as SVG and PDF.
        excite: Also record the gates of every finished trial on the test images, as senet excite does, for the report;
            nothing is trained again.
        dry_run: Check the plan and print it with the time that it would take; train nothing.
        json: Print a JSON object instead of the table, or of the plan.
        flags: The recipe's fields; a variant of a study may change some.
    """
    if attention is not None and variants is not None:
        raise UsageError("--attention and --variants together", do="put the spec among the variants")
    if attention == "none":
        raise UsageError("--attention none leaves nothing to compare with none", do='name a spec: --attention "SE()"')
    variants = variants if attention is None else ["none", attention]
    from senet.cli.common.distributed import joined_group
    from senet.cli.common.notes import notes_on_stderr  # these import torch, which an error above must not
    from senet.cli.compare.dry_run import print_dry_run
    from senet.cli.compare.job import CompareRequest, RunOptions, keep_seeds_elsewhere, prepare_compare
    from senet.cli.compare.run import run_compare

    values, renew = without_measure(given_values(flags))
    request = CompareRequest(study, network, data, variants, seeds, values, start_config(start), excite, renew)
    kept = "" if dry_run else "stopped: finished trials are kept; the same command continues"
    with interrupt_message(lambda: kept), joined_group("auto", values) as (group, _):
        if figures and not group.share.rank:
            require_writable(figures, "--figures")
        with nullcontext() if group.share.rank else notes_on_stderr():
            job = prepare_compare(request, data_flags, group, RunOptions(on, workers, out, name, dry_run))
        job = keep_seeds_elsewhere(job) if any_machine else job
        if dry_run:
            print_dry_run(job, group, json)
        else:
            run_compare(job, group, figures, json)
