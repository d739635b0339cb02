"""``senet evaluate``: what trained weights reach on images, whole and class by class."""

from pathlib import Path
from typing import Literal

from senet.cli.alone import require_alone


def evaluate(
    weights: Path,
    /,
    *,
    data: str,
    split: Literal["test", "val", "train"] | None = None,
    batch_size: int = 64,
    workers: int = 0,
    on_error: Literal["fail", "skip"] = "fail",
    ignore_unknown: bool = False,
    precision: Literal["float32", "bf16"] = "float32",
    device: str = "auto",
    network: str | None = None,
    classes: Path | None = None,
    factory: str | None = None,
    data_dir: Path = Path("data"),
    download: bool = False,
    csv: Path | None = None,
    json: bool = False,
) -> None:
    """Score trained weights on images that they were not trained on: accuracy, loss, and accuracy by class.

    Network, input transform and class map come from the file of weights; folders go by their names. Nothing that
    the file names is run.

    Three examples:

        senet evaluate runs/photos/weights/best.safetensors --data folder:photos

        senet evaluate best.safetensors --data folder:photos --split val --workers 8 --csv classes.csv

        senet evaluate resnet50.pth --network resnet50 --classes imagenet.json --data folder:imagenet/val

    Args:
        weights: What senet train, senet compare or senet weights convert wrote, or a folder of senet insert.
        data: digits, fashion-mnist, cifar10, cifar100, or folder:PATH, which holds test/ or val/, or class folders.
        split: Part of the data; test/, or val/ where a folder has no test/, if not given.
        batch_size: Images at a time.
        workers: Processes that decode images; 0 for none but this.
        on_error: What to do with an image that cannot be read; with skip it is left out, named and counted.
        ignore_unknown: Leave out class folders that the weights do not know; an error otherwise.
        precision: Of the computation.
        device: auto, cpu, cuda, cuda:1 or mps.
        network: What the weights are of, where they do not say it: a name that senet models lists, torchvision:NAME,
            timm:NAME or MODULE.PATH:FUNCTION, which is imported.
        classes: JSON file of class names, where the weights have none: a list in the order of the outputs, or
            {"FOLDER": {"index": 0, "name": "tench"}}.
        factory: MODULE.PATH:FUNCTION that makes the model, where the file names a function; it is imported.
        data_dir: Where named data sets lie.
        download: Fetch a named data set that is not there.
        csv: Write every class's accuracy there.
        json: Print one JSON object instead of tables.
    """
    require_alone("senet evaluate", "start it without torchrun; --workers N decodes in parallel")
    from senet.cli.evaluate_tables import as_json, print_tables, write_csv  # these import torch, which --help must not
    from senet.cli.image_bar import image_bar
    from senet.cli.notes import noting
    from senet.cli.opened import Asked, named, ready
    from senet.cli.output import require_file
    from senet.cli.scored_data import Reading, open_scored
    from senet.data import Loading
    from senet.training.by_class import score_by_class

    require_file(csv)
    with noting():
        loading = Loading(workers, on_error)
        reading = Reading(data, split, loading, batch_size, ignore_unknown, data_dir.expanduser(), download)
        opened = ready(Asked(weights, network, classes, factory, precision, device))
        labels = named(opened)
        scored = open_scored(reading, opened.made.transform, labels, opened.where)
        with image_bar() as watch:
            found = score_by_class(opened.made, scored.split, opened.outputs, watch)
    if csv:
        write_csv(csv, found, labels)
    if json:
        print(as_json(opened, scored.name, found, labels))
    else:
        print_tables(opened, scored.name, found, labels, csv)
