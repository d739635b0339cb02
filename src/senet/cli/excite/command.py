"""``senet excite``: what the gates of a network do on images, and what they learned of the classes."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from senet.cli.common.data_flags import DEFAULT_SOURCE_FLAGS, DataSourceFlags
from senet.cli.common.model_flags import DEFAULT_MODEL_FLAGS, TrainedModelFlags, folder_name
from senet.cli.common.model_flags import GROUP as MODEL
from senet.utils.text import short_name


def excite(
    weights: str,
    /,
    *,
    data: str,
    split: Literal["test", "val", "train"] | None = None,
    classes: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    class_map: Annotated[Path | None, Parameter(group=MODEL)] = None,
    batch_size: int = 64,
    workers: int = 0,
    on_error: Literal["fail", "skip"] = "fail",
    model_flags: Annotated[TrainedModelFlags, Parameter(name="*")] = DEFAULT_MODEL_FLAGS,
    source_flags: Annotated[DataSourceFlags, Parameter(name="*")] = DEFAULT_SOURCE_FLAGS,
    out: Annotated[Path | None, Parameter(show_default=lambda _: "runs/WEIGHTS-DATA-excitation")] = None,
    figures: Path | None = None,
    json: bool = False,
) -> None:
    """Show the role of excitation: what every gate of a network does on images, class by class.

    Gates of any network are found in one forward pass: senet's blocks, inserted or not, and whatever multiplies the
    feature map from which it was computed. Memory does not depend on the number of images. Classes are those of the
    data; the network may know others. Writes report.html, gates.csv and values.csv. Several processes (torchrun
    --nproc-per-node N -m senet excite ...) share the batches; the numbers are those of one.

    Three examples:

        senet excite runs/photos/weights/best.safetensors --data folder:photos

        senet excite se_resnet50.pth --network se_resnet50 --data folder:imagenet/val --classes n01443537 n02110958

        senet excite FILE.py:FUNCTION --data folder:photos --figures figures

    Args:
        weights: What senet train, senet compare or senet weights convert wrote, or a folder of senet insert;
            any weights with --network, hub:ORG/NAME@REVISION too; or the name of a network, as it is made.
        data: digits, fashion-mnist, cifar10, cifar100, folder:PATH, which holds test/ or val/, or class folders,
            list:FILE.csv with rows path,label or path,label,split, or shards:PATH or shards:ADDRESS.
        split: Split of the data; by default test, or val where there is no test.
        classes: Names or titles of the classes to show beside all images; by default the first four that have images.
        class_map: JSON file of class names and titles, as senet evaluate --classes takes it:
            {"FOLDER": {"index": 0, "name": "tench"}}.
        batch_size: Images per batch.
        workers: Processes that decode images; 0 decodes in the main process.
        on_error: Images that cannot be read: fail stops, skip leaves them out and reports them.
        model_flags: What the weights are of, and how they compute.
        source_flags: Where named data sets lie.
        out: Folder for the report and the tables.
        figures: Write the paper's figures to this folder, as SVG and PDF.
        json: Print one JSON object instead of the table.
    """
    from senet.cli.common.distributed import joined_group
    from senet.cli.excite.model import ModelArgument
    from senet.cli.excite.run import ExciteRequest, run_excite  # these import torch, which --help must not
    from senet.cli.excite.tables import as_json, print_gates
    from senet.data import Loading

    folder = out or Path("runs", folder_name(short_name(weights), short_name(data), "excitation"))
    with joined_group(model_flags.device, {}) as (group, own_device):
        loading = Loading(workers, on_error, share=group.share)
        argument = ModelArgument(weights, replace(model_flags, device=own_device), class_map)
        request = ExciteRequest(argument, split, classes, batch_size, loading)
        found, written = run_excite(request, lambda: source_flags.open_source(data), (folder, figures), group)
        if group.share.rank:
            return
        if json:
            print(as_json(found, folder))
        else:
            print_gates(found, written)
