"""``senet evaluate``: what trained weights reach on images, whole and class by class, and where they err."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from senet.cli.common.data_flags import DEFAULT_SOURCE_FLAGS, DataSourceFlags
from senet.cli.common.model_flags import DEFAULT_MODEL_FLAGS, TrainedModelFlags, load_model
from senet.cli.common.model_flags import GROUP as MODEL


def evaluate(
    weights: str,
    /,
    *,
    data: str,
    split: Literal["test", "val", "train"] | None = None,
    batch_size: int = 64,
    workers: int = 0,
    on_error: Literal["fail", "skip"] = "fail",
    ignore_unknown: bool = False,
    classes: Annotated[Path | None, Parameter(group=MODEL)] = None,
    model_flags: Annotated[TrainedModelFlags, Parameter(name="*")] = DEFAULT_MODEL_FLAGS,
    source_flags: Annotated[DataSourceFlags, Parameter(name="*")] = DEFAULT_SOURCE_FLAGS,
    csv: Path | None = None,
    report: Path | None = None,
    json: bool = False,
) -> None:
    """Score trained weights on images that they were not trained on: accuracy, loss, and numbers by class.

    Network, input transform and class names come from the weights file; class folders are matched by name. No code
    that the file names is run. Several processes (torchrun --nproc-per-node N -m senet evaluate ...) share the batches;
    the numbers are those of one.

    Three examples:

        senet evaluate runs/photos/weights/best.safetensors --data folder:photos

        senet evaluate best.safetensors --data folder:photos --split val --csv classes.csv --report scores.html

        senet evaluate resnet50.pth --network resnet50 --classes imagenet.json --data folder:imagenet/val

    Args:
        weights: What senet train, senet compare or senet weights convert wrote, or a folder of senet insert;
            or any weights with --network, hub:ORG/NAME@REVISION too.
        data: digits, fashion-mnist, cifar10, cifar100, folder:PATH, which holds test/ or val/, or class folders,
            list:FILE.csv with rows path,label or path,label,split, or shards:PATH or shards:ADDRESS.
        split: Split of the data; by default test, or val where there is no test.
        batch_size: Images per batch.
        workers: Processes that decode images; 0 decodes in the main process.
        on_error: Images that cannot be read: fail stops, skip leaves them out and reports them.
        ignore_unknown: Leave out class folders that the weights do not know; an error otherwise.
        classes: JSON file of class names, where the weights have none: a list in the order of the outputs, or
            {"FOLDER": {"index": 0, "name": "tench"}}.
        model_flags: What the weights are of, and how they compute.
        source_flags: Where named data sets lie.
        csv: Write the metrics of every class to this file.
        report: Write an HTML page to this file: scores, confusion matrix, the worst errors as pictures.
        json: Print one JSON object instead of tables.
    """
    from senet.cli.common.arguments import require_writable_file
    from senet.cli.common.distributed import joined_group
    from senet.cli.common.evaluation_data import EvaluateRequest
    from senet.cli.evaluate.run import run_evaluate  # these import torch, which --help must not
    from senet.cli.evaluate.tables import as_json, print_tables
    from senet.data import Loading
    from senet.inference.confusion_file import classes_csv
    from senet.utils.files import write_text

    def request() -> EvaluateRequest:
        loading = Loading(workers, on_error, share=group.share)
        return EvaluateRequest(source_flags.open_source(data), split, loading, batch_size, ignore_unknown)

    with joined_group(model_flags.device, {}) as (group, own_device):
        group.broadcast_from_rank0(lambda: require_writable_file(csv, "--csv"))
        group.broadcast_from_rank0(lambda: require_writable_file(report, "--report"))
        result = run_evaluate(
            lambda: load_model(weights, replace(model_flags, device=own_device), classes), request, group
        )
        if group.share.rank:
            return
        if csv:
            write_text(csv, classes_csv(result.classified, result.labels), "--csv")
        if report:
            from senet.cli.evaluate.report import evaluation_page  # it imports what draws

            write_text(report, evaluation_page(result), "--report")
        if json:
            print(as_json(result))
        else:
            print_tables(result, csv, report)
