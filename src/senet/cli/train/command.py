"""``senet train``: one network on one data set, by a recipe, in a folder that survives whatever happens."""

from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from senet.cli.common.data_flags import DEFAULT_DATA_FLAGS, DataFlags
from senet.cli.common.interrupts import interrupt_message
from senet.cli.common.model_flags import (
    DEFAULT_START_FLAGS,
    StartFlags,
    attention_name_parts,
    folder_name,
    start_config,
)
from senet.cli.train.recipe_flags import DEFAULT_RECIPE_FLAGS, RecipeFlags, given_values, without_measure
from senet.utils.text import short_name

LIST = Parameter(consume_multiple=True, show_default=False)


def train(
    recipe: Path | None = None,
    /,
    *,
    network: str,
    data: str,
    attention: str = "published",
    where: str = "standard",
    stages: str | None = None,
    start: Annotated[StartFlags, Parameter(name="*")] = DEFAULT_START_FLAGS,
    seed: int = 0,
    out: Path | None = None,
    resume: bool = False,
    allow_change: Annotated[tuple[str, ...], LIST] = (),
    save_every: int = 1000,
    without: Annotated[tuple[str, ...], LIST] = (),
    data_flags: Annotated[DataFlags, Parameter(name="*")] = DEFAULT_DATA_FLAGS,
    workers: int | None = None,
    device: str = "auto",
    track: Annotated[tuple[str, ...], LIST] = (),
    dry_run: bool = False,
    json: bool = False,
    flags: Annotated[RecipeFlags, Parameter(name="*")] = DEFAULT_RECIPE_FLAGS,
) -> None:
    """Train a network, and leave its weights, its measurements and a report in a folder.

    The folder holds weights/last.safetensors and weights/best.safetensors, results.csv (a row per epoch),
    metrics.jsonl (a line per step), report.html, and the newest two checkpoints. Every field of a recipe is a flag
    too; a flag wins over the file. After a crash or Ctrl-C the same command with --resume ends with the same bytes.

    Three examples:

        senet train --network se_resnet8 --data digits --epochs 5

        senet train cifar_resnet --network se_preact_resnet110 --data folder:photos --image-size 32 --out runs/a

        senet train --network torchvision:resnet18 --weights r18.pth --head new --attention SE --data folder:photos

    Args:
        recipe: TOML file, or the name of a recipe that ships; those are the papers'.
        network: A name that senet models lists, torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION or FILE.py:FUNCTION,
            which is imported, or a file or folder that senet wrote.
        data: digits, fashion-mnist, cifar10, cifar100, folder:PATH with train/ and val/ and/or test/, list:FILE.csv
            with rows path,label,split, or shards:PATH or shards:ADDRESS, as senet data pack writes them.
        attention: published is what the network has of its own; none; a spec such as "SE(reduction=8)"; or a block of
            your own, "MODULE.PATH:CLASS(...)" or "FILE.py:CLASS(...)", which is imported.
        where: Where a spec goes: standard, pre, post, identity or conv3x3, or a glob over module names.
        stages: Numbered as in the papers, 2 is the first residual one: 3,4. All if not given.
        start: What the network begins with.
        seed: Of initial weights, order, augmentation and dropout.
        out: Folder of the run; by default runs/NETWORK-DATA or runs/NETWORK-ATTENTION-DATA, with -2, -3 and so on where
            those before it hold a run that finished.
        resume: Continue what the folder holds; without --out, the newest run of the default name.
        allow_change: Keys that may differ from the run that is continued, such as data or recipe.lr.
        save_every: Steps between two checkpoints; each epoch ends with one in any case.
        without: Parts of the recipe file to turn off, such as ema or mix.
        data_flags: How the data is read.
        workers: Processes that decode images; by default one per core, none where images are kept in memory.
        device: auto, cpu, cuda, cuda:1 or mps.
        track: Trackers of Accelerate, such as tensorboard or wandb.
        dry_run: Check network, data and recipe, and print what would be done.
        json: Print one JSON object at the end.
        flags: The recipe's fields.
    """
    from senet.cli.common.arguments import parse_stages
    from senet.cli.common.distributed import joined_group  # these import torch, which --help must not
    from senet.cli.common.notes import notes_on_stderr, print_stderr_note
    from senet.cli.train.job import TrainRequest, prepare_training
    from senet.cli.train.run import resume_hint, run_train
    from senet.cli.train.run_folder import run_folder
    from senet.cli.train.tables import print_plan, print_result
    from senet.models import ModelRequest, Placement
    from senet.training.checkpoint.resume import require_no_run
    from senet.training.recipe.toml import merge_values, read_values
    from senet.utils.warn_once import warn_once

    values, renew = without_measure(merge_values(read_values(recipe) if recipe else {}, given_values(flags), without))
    model_request = ModelRequest(network, attention, Placement(where, parse_stages(stages)), start_config(start), seed)
    usual = Path("runs", folder_name(short_name(network), *attention_name_parts(attention), short_name(data)))
    with ExitStack() as stack:
        group, own_device = stack.enter_context(joined_group(device, values))
        first = group.share.rank == 0
        folder, why = group.broadcast_from_rank0(lambda: run_folder(out, usual, resume))
        stack.enter_context(interrupt_message(lambda: "" if dry_run else resume_hint(folder, resume)))
        settings, allowed = data_flags.settings(data), frozenset(allow_change)
        request = TrainRequest(
            values,
            model_request,
            settings,
            workers,
            data_flags.on_error,
            folder,
            resume,
            allowed,
            save_every,
            own_device,
            renew,
        )
        noted: list[str] = []
        with warn_once(noted.append), notes_on_stderr() if first else nullcontext():
            prepared = prepare_training(request, group)
        told = (*([why] if why else []), str(prepared.precision), *prepared.start_notes)
        prepared = replace(prepared, notes=(*noted, *told))
        for line in told if first else ():
            print_stderr_note(line)
        if dry_run:
            if first:
                require_no_run(folder, prepared.job.resume)
                print_plan(prepared, json)
            return
        trained = run_train(prepared, track, group)
        if first:
            print_result(trained, prepared, json)
