"""``senet evaluate``: what trained weights reach on images, whole and class by class."""

from pathlib import Path
from typing import Literal


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
    the file names is run. Several processes (torchrun --nproc-per-node N -m senet evaluate ...) share the batches and
    find the numbers of one.

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
    from senet.cli.evaluate_run import run  # these import torch, which --help must not
    from senet.cli.evaluate_tables import as_json, print_tables, write_csv
    from senet.cli.opened import Asked
    from senet.cli.output import require_file
    from senet.cli.ranks import team_of
    from senet.cli.scored_data import Reading
    from senet.data import Loading

    def reading() -> Reading:
        loading = Loading(workers, on_error, share=team.share)
        return Reading(data, split, loading, batch_size, ignore_unknown, data_dir.expanduser(), download)

    with team_of(device, {}) as (team, own_device):
        team.from_first(lambda: require_file(csv))
        asked = Asked(weights, network, classes, factory, precision, own_device)
        done = run(asked, reading, team)
        if team.share.rank:
            return
        if csv:
            write_csv(csv, done.found, done.labels)
        if json:
            print(as_json(done.opened, done.data, done.found, done.labels))
        else:
            print_tables(done.opened, done.data, done.found, done.labels, csv)
