"""``senet predict``: the likeliest classes of images."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from senet.cli.common.command_line import require_single_process
from senet.cli.common.data_flags import DEFAULT_SOURCE_FLAGS, DataSourceFlags
from senet.cli.common.model_flags import DEFAULT_MODEL_FLAGS, TrainedModelFlags, load_model
from senet.cli.common.model_flags import GROUP as MODEL


def predict(
    weights: str,
    /,
    *images: Path,
    data: str | None = None,
    split: Literal["test", "val", "train"] | None = None,
    top: int = 5,
    format: Literal["table", "csv", "json"] = "table",
    out: Path | None = None,
    batch_size: int = 64,
    workers: int = 0,
    on_error: Literal["fail", "skip"] = "fail",
    classes: Annotated[Path | None, Parameter(group=MODEL)] = None,
    model_flags: Annotated[TrainedModelFlags, Parameter(name="*")] = DEFAULT_MODEL_FLAGS,
    source_flags: Annotated[DataSourceFlags, Parameter(name="*")] = DEFAULT_SOURCE_FLAGS,
) -> None:
    """Classify images with trained weights: the likeliest classes of each, with their probabilities.

    Network, input transform and class names come from the weights file; no code that it names is run. Folders are
    searched at any depth. Results are written as they are computed, in the order of the images.

    Three examples:

        senet predict runs/photos/weights/best.safetensors cat.jpg dog.jpg

        senet predict best.safetensors inbox --format csv --out guesses.csv --workers 8 --on-error skip

        senet predict resnet50.pth photos --network resnet50 --classes imagenet.json --top 1

    Args:
        weights: What senet train, senet compare or senet weights convert wrote, or a folder of senet insert;
            or any weights with --network, hub:ORG/NAME@REVISION too.
        images: Image files, and folders of them; after -- names may begin with a dash.
        data: A data source in their place: digits, fashion-mnist, cifar10, cifar100, folder:PATH, list:FILE.csv,
            shards:PATH or shards:ADDRESS.
        split: Split of the data source; by default test, or val where there is no test.
        top: Classes per image.
        format: table for reading; csv has one row an image; json is one array.
        out: File to write; standard output if not given.
        batch_size: Images per batch.
        workers: Processes that decode images; 0 decodes in the main process.
        on_error: Images that cannot be read: fail stops, skip writes a row with the reason.
        classes: JSON file of class names, where the weights have none: a list in the order of the outputs, or
            {"FOLDER": {"index": 0, "name": "tench"}}.
        model_flags: What the weights are of, and how they compute.
        source_flags: Where named data sets lie.
    """
    require_single_process("senet predict", "start it without torchrun; --workers N decodes in parallel")
    from senet.cli.common.notes import notes_on_stderr  # these import torch, which --help must not
    from senet.cli.predict.run import PredictRequest, requested_images, run_predict
    from senet.data import Loading

    with notes_on_stderr():
        request = PredictRequest(top, batch_size, Loading(workers, on_error), format, out)
        given = requested_images(images, None if data is None else source_flags.open_source(data), split)
        run_predict(load_model(weights, model_flags, classes), given, request)
