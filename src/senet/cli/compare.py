"""``senet compare``: the main job."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from senet.cli.alone import require_alone


def compare(
    *,
    network: str = "resnet8",
    data: str = "digits",
    variants: Annotated[list[str], Parameter(consume_multiple=True)] = [  # noqa: B006 (shown in the help, never changed)
        "none",
        "SE(reduction=4)",
        "CBAM(reduction=4)",
        "SK(groups=1)",
    ],
    seeds: int = 8,
    epochs: int = 40,
    batch_size: int = 32,
    lr: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    schedule: Literal["cosine", "step"] = "cosine",
    label_smoothing: float = 0.0,
    augment: Annotated[bool, Parameter(negative="--no-augment")] = True,
    precision: Literal["auto", "float32", "bf16"] = "auto",
    train_fraction: float | None = None,
    image_size: int | None = None,
    data_dir: Path = Path("data"),
    download: bool = False,
    workers: int | None = None,
    threads: int | None = None,
    name: str | None = None,
    out: Path = Path("runs"),
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Train each variant with the same seeds, and say what attention brings and what it costs.

    Prints one table and the evidence in words; writes settings, results.csv, results.jsonl, timings.csv, the
    best weights and report.html to OUT/NAME. Stopped and started again, it continues.

    Three examples:

        senet compare

        senet compare --network resnet20 --data folder:photos --variants none "SE(reduction=8)" --seeds 6

        senet compare --data fashion-mnist --train-fraction 0.05 --epochs 15 --batch-size 128 --dry-run

    Parameters
    ----------
    network
        A name that `senet models` lists.
    data
        digits, fashion-mnist, cifar10, cifar100, or folder:PATH with train/ and val/ and/or test/.
    variants
        Attention specs; the first is the baseline. none is the network without attention.
    seeds
        Paired seeds. n seeds can reach p = 2/2^n at the least: 6 is the least that can decide at 5%.
    epochs
        Passes over the training images.
    batch_size
        Images per step.
    lr
        Learning rate of the first step.
    momentum
        Nesterov's momentum.
    weight_decay
        Of convolutions and the classifier; biases, norms and gates are not decayed.
    schedule
        Of the learning rate: cosine to zero, or a tenth after 1/2 and 3/4 of the steps.
    label_smoothing
        Share of the target spread over all classes.
    augment
        Crop and flip as the data set allows.
    precision
        auto takes bf16 where a training step is clearly faster with it, once per study.
    train_fraction
        Stratified share of the training images; by default 0.1 for digits, so that there is room to
        improve, and 1 for other data.
    image_size
        Bring folder images to this square size.
    data_dir
        Where named data sets lie.
    download
        Fetch a named data set that is not there.
    workers
        Processes; by default one per core.
    threads
        torch threads of each process; by default the cores divided by the workers.
    name
        Of the run's folder; by default NETWORK-DATA.
    out
        Folder of all runs.
    dry_run
        Check the plan and print it, train nothing.
    json
        Print a JSON object instead of the table.
    """
    require_alone("senet compare", "start it without torchrun: it starts worker processes by itself")
    from senet.cli.log import log_to
    from senet.cli.progress import ConsoleProgress
    from senet.cli.show import show_plan, show_summary
    from senet.data import DataSettings, resolved
    from senet.files import require_writable
    from senet.study.compare import check, settle
    from senet.study.compare import compare as run
    from senet.study.environment import available_cores
    from senet.study.plan import Plan
    from senet.study.settle import settle_workers
    from senet.training import Recipe

    processes, threads_each = settle_workers(seeds * len(variants), available_cores(), workers)
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        momentum=momentum,
        weight_decay=weight_decay,
        schedule=schedule,
        label_smoothing=label_smoothing,
        augment=augment,
        threads=threads or threads_each,
    )
    share = train_fraction if train_fraction is not None else (0.1 if data == "digits" else 1.0)
    source = resolved(DataSettings(data, str(data_dir), download, share, image_size))
    plan = Plan(network, tuple(variants), seeds, source, recipe)
    folder = out / (name or f"{network}-{source.source.rsplit('/', 1)[-1]}")
    require_writable(folder)
    log_to(folder / "log.txt")
    dataset = check(plan)
    plan = settle(plan, dataset, folder, precision)
    if dry_run:
        show_plan(plan, dataset, folder, processes)
        return
    with ConsoleProgress() as progress:
        summary = run(plan, dataset, folder, processes, progress)
    show_summary(summary, folder, json)
