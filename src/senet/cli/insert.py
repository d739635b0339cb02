"""``senet insert``: attention into a finished model, what it costs there, and a folder that rebuilds the result."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from senet.errors import UsageError
from senet.files import require_writable


def insert(
    source: str,
    spec: str | None = None,
    /,
    *,
    where: str = "standard",
    stages: str | None = None,
    init: Literal["paper", "preserve"] = "paper",
    weights: str | None = None,
    out: Path | None = None,
    example: str = "1,3,224,224",
    classes: int | None = None,
    seed: int = 0,
    again: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Insert attention into any model, count what it costs, and write weights and a record that rebuilds it.

    Without a spec, list the places where blocks would go. Weights are never downloaded unasked.

    Three examples:

        senet insert torchvision:resnet50
        senet insert torchvision:resnet50 "SE(reduction=16)" --stages 3,4 --dry-run
        senet insert timm:regnetx_004 SE --init preserve --weights regnetx.pth --out with_se

    Args:
        source: torchvision:NAME, timm:NAME, senet:NAME, or MODULE.PATH:FUNCTION, which is imported and called.
        spec: Attention, such as "SE(reduction=16)", CBAM or "SK(groups=1)".
        where: standard, pre, post, identity or conv3x3, or a glob over module names, such as "layer[34].*.bn3".
        stages: Numbered as in the papers, 2 is the first residual one: 3,4. All if not given.
        init: paper, as trained from scratch, or preserve: the outputs stay the same until training moves them.
        weights: Checkpoint of the model before insertion: .safetensors, .pth, .pt, .bin, or hub:ORG/NAME@REVISION,
            which is fetched. Random weights if not given.
        out: Folder for weights.safetensors and model.toml.
        example: Shape of a batch that the model takes.
        classes: Outputs of the classifier; the source's own number if not given.
        seed: Of the random weights.
        again: Insert into a model that has attention already.
        dry_run: Do everything but write.
        json: Print one JSON object instead of tables.
    """
    if spec is None and (out or weights):
        raise UsageError("no attention is given", do='name it after the source: "SE(reduction=16)", CBAM or another')
    with _reserved(out, needed=spec is not None and not dry_run) as folder:
        from senet.cli.insert_report import list_places, put_in, request  # these import torch, which --help must not
        from senet.cli.insert_tables import print_listing, print_report

        asked = request(source, classes, where, stages, example, seed)
        if spec is None:
            print_listing(list_places(asked), json)
            return
        model, report = put_in(asked, spec, init, weights, again)
        if folder:
            from senet.sources import save_inserted

            save_inserted(model, folder, source=source, classes=classes)
    print_report(report, folder, json)


@contextlib.contextmanager
def _reserved(out: Path | None, *, needed: bool) -> Iterator[Path | None]:
    """Prove that a folder can be written before any work is done; if that fails, leave no empty folder behind."""
    if not needed:
        yield None
        return
    if out is None:
        raise UsageError("nowhere to write to", do="pass --out DIR, or --dry-run to see what it would cost")
    if any((out / name).exists() for name in ("weights.safetensors", "model.toml")):
        raise UsageError("the folder holds a model already", where=str(out), do="pass another --out")
    existed = out.exists()
    require_writable(out)
    try:
        yield out
    except BaseException:
        if not existed:
            with contextlib.suppress(OSError):
                out.rmdir()
        raise
