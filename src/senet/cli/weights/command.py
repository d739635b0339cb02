"""``senet weights``: convert other people's weights, look into a file, compare with the source's implementation."""

import json as json_module
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from senet.cli.common.input_flags import DEFAULT_INPUT_FLAGS, InputFlags

weights = App(name="weights", help="Convert weights of other projects, look into them, and check them.")

Source = Literal["senet", "caffe", "cbam", "cadene", "torchvision", "timm"]


@weights.command
def convert(
    file: Path,
    *,
    network: str | None = None,
    out: Path,
    source: Source | None = None,
    attention: str = "published",
    geometry: Literal["caffe", "torch"] | None = None,
    licence: str | None = None,
    raw: bool = False,
    input: Annotated[InputFlags, Parameter(name="*")] = DEFAULT_INPUT_FLAGS,
) -> None:
    """Write a file of any source as safetensors that say what they are of, so that they open by themselves.

    Geometry and number of classes follow from the file. Files of torch.save, whole checkpoints too, are read
    without running code; what is not used of them is listed.

    Three examples:

        senet weights convert se_resnet50-ce0d4300.pth --network se_resnet50 --out se_resnet50.safetensors
        senet weights convert SE-ResNet-50.caffemodel --network se_resnet50 --out caffe.safetensors
        senet weights convert model.safetensors --network se_resnet18 --attention "SE.timm()" --out ours.safetensors

    Args:
        file: What to read: .safetensors, .pth, .pt, .bin, .ckpt or .caffemodel, or a folder that senet insert wrote.
        network: The architecture, where the weights do not name it: a name that senet models lists, torchvision:NAME,
            timm:NAME, MODULE.PATH:FUNCTION or FILE.py:FUNCTION, which is imported.
        out: Where to write; ends in .safetensors.
        source: Whose names the tensors have; recognised if not given.
        attention: In the slots of senet's own networks, where it is not the published one; or a block of your own
            that the weights have, "MODULE.PATH:CLASS(...)" or "FILE.py:CLASS(...)", which is then imported.
        geometry: Of senet's own networks: caffe or torch; by default that of the weights.
        licence: Of the weights; kept in the file.
        raw: Take the raw weights of a checkpoint, not their moving average (EMA).
        input: What the input is where it is not as the weights say; kept in the file.
    """
    from senet.cli.common.notes import notes_on_stderr
    from senet.models.convert import convert as convert_file  # these import torch, which --help must not
    from senet.models.load import read_slots
    from senet.weights.infer_network import NetworkOptions

    with notes_on_stderr():
        choice = NetworkOptions(read_slots(attention), geometry)
        said = input.settings()
        loaded = convert_file(file, network, out, source=source, choice=choice, licence=licence, raw=raw, given=said)
    print(f"{loaded}; written to {out}")


@weights.command
def inspect(file: Path, *, raw: bool = False, json: bool = False) -> None:
    """Say what a file of weights holds, without running code in it.

    Three examples:

        senet weights inspect se_resnet50-ce0d4300.pth
        senet weights inspect SE-ResNet-50.caffemodel
        senet weights inspect runs/compare/weights/1b2c.safetensors --json

    Args:
        file: What to read: .safetensors, .pth, .pt, .bin, .ckpt or .caffemodel, or a folder that senet insert wrote.
        raw: Describe the raw weights of a checkpoint, not their moving average (EMA).
        json: Print one JSON object.
    """
    from dataclasses import asdict

    from senet.cli.weights.tables import print_inspection
    from senet.models.saved.folder import weights_file  # these import torch, which --help must not
    from senet.weights.inspect import inspect as inspect_file

    found = inspect_file(weights_file(file), raw)
    if json:
        print(json_module.dumps(asdict(found)))
    else:
        print_inspection(found)


@weights.command
def verify(
    file: Path,
    *,
    network: str,
    source: Source | None = None,
    attention: str = "published",
    size: int = 224,
    raw: bool = False,
) -> None:
    """Run the source's own implementation and ours on the same images and weights; print the largest difference.

    Needs the source's library: torchvision, or timm for timm's and Cadene's weights.

    Three examples:

        senet weights verify resnet50-11ad3fa6.pth --network resnet50
        senet weights verify se_resnet50-ce0d4300.pth --network se_resnet50 --size 128
        senet weights verify seresnet18.pth --network se_resnet18 --attention "SE.timm()"

    Args:
        file: What to read: .safetensors, .pth, .pt, .bin or .ckpt.
        network: The architecture of the weights, a name that senet models lists.
        source: Whose names the tensors have; recognised if not given.
        attention: What fills the network's slots, where it is not the published one; "MODULE.PATH:CLASS(...)" and
            "FILE.py:CLASS(...)" are imported.
        size: Height and width of the two random images.
        raw: Take the raw weights of a checkpoint, not their moving average (EMA).
    """
    from senet.cli.common.notes import notes_on_stderr
    from senet.errors import WeightsError
    from senet.models.load import read_slots
    from senet.models.verify import verify as verify_file

    with notes_on_stderr():
        found = verify_file(file, network, source=source, attention=read_slots(attention), size=size, raw=raw)
    said = f"largest difference {found.difference:.3g} between logits up to {found.largest:.3g}"
    print(f"{network} and {found.reference}, float64, {found.size} x {found.size}: {said}")
    if not found.equal:
        raise WeightsError(f"{said}: more than rounding", where=str(file), do="report it with this file's name")
