"""``senet insert``: attention into a finished model, what it costs there, and a folder that rebuilds the result."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from senet.cli.common.arguments import parse_stages
from senet.cli.common.input_flags import DEFAULT_INPUT_FLAGS, InputFlags
from senet.cli.common.model_flags import DEFAULT_START_FLAGS, StartFlags, start_config
from senet.errors import UsageError
from senet.utils.files import require_writable


def insert(
    network: str,
    attention: str | None = None,
    *,
    where: str = "standard",
    stages: str | None = None,
    start: Annotated[StartFlags, Parameter(name="*")] = DEFAULT_START_FLAGS,
    out: Path | None = None,
    example: Annotated[str | None, Parameter(show_default=lambda _: "one image of the network's size")] = None,
    image_size: int | None = None,
    classes: int | None = None,
    seed: int = 0,
    again: bool = False,
    dry_run: bool = False,
    json: bool = False,
    input: Annotated[InputFlags, Parameter(name="*")] = DEFAULT_INPUT_FLAGS,
) -> None:
    """Insert attention into any model, count what it costs, and write weights and a record that rebuilds it.

    Without attention, list the places where blocks would go. Weights are never downloaded unasked.

    Three examples:

        senet insert torchvision:resnet50
        senet insert torchvision:resnet50 "SE(reduction=16)" --stages 3,4 --dry-run
        senet insert timm:regnetx_004 SE --weights regnetx.pth --out with_se

    Args:
        network: A name that senet models lists, torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION or FILE.py:FUNCTION,
            which is imported and called, or a file or folder that senet wrote.
        attention: What to insert, such as "SE(reduction=16)", CBAM or "SK(groups=1)"; or a block of your own,
            "MODULE.PATH:CLASS(...)" or "FILE.py:CLASS(...)", which is imported.
        where: standard, pre, post, identity or conv3x3, or a glob over module names, such as "layer[34].*.bn3".
        stages: Numbered as in the papers, 2 is the first residual one: 3,4. All if not given.
        start: What the network begins with.
        out: Folder for weights.safetensors and model.toml.
        example: Shape of a batch that the model takes: 1,3,224,224.
        image_size: Short for --example 1,C,N,N, with the network's own channels.
        classes: Outputs of the classifier; the weights' number if not given, or the source's own without weights.
        seed: Of the random weights.
        again: Insert into a model that has attention already.
        dry_run: Do everything but write.
        json: Print one JSON object instead of tables.
        input: What the input is where it is not as the weights say; kept in the folder.
    """
    if attention is None and (out or start.weights):
        raise UsageError("no attention is given", do='name it after the network: "SE(reduction=16)", CBAM or another')
    folder = _required(out) if attention is not None and not dry_run else None
    # These import torch, which --help must not.
    from senet.accounting import uncounted_text
    from senet.cli.common.notes import note, notes_on_stderr
    from senet.cli.insert.run import example_shape, insert_attention, list_places, make_request
    from senet.cli.insert.tables import print_insert_report, print_places
    from senet.models import Placement
    from senet.models.input import override_input

    said = input.settings()
    shape = example_shape(network, example, image_size, said.in_channels)
    request = make_request(network, Placement(where, parse_stages(stages)), start_config(start), shape, classes, seed)
    if attention is None:
        print_places(list_places(request), json)
        return
    with notes_on_stderr():
        model, config, about, report = insert_attention(request, attention, again)
        about = override_input(about, replace(said, in_channels=None), network)  # it ran on so many
        if text := uncounted_text(report.unknown):
            note(text)
    if folder:
        from senet.models.saved.folder import write_folder

        write_folder(model, folder, config, about)
    print_insert_report(report, folder, json)


def _required(out: Path | None) -> Path:
    """Prove that a folder can be written, before any work is done."""
    if out is None:
        raise UsageError("no output folder", do="pass --out DIR, or --dry-run to see what it would cost")
    if any((out / name).exists() for name in ("weights.safetensors", "model.toml")):
        raise UsageError("the folder holds a model already", where=str(out), do="pass another --out")
    require_writable(out)
    return out
