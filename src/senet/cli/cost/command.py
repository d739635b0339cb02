"""senet cost: what a network costs with its attention and without, beside what the papers print."""

from typing import Annotated

from cyclopts import Parameter

from senet.cli.common.arguments import parse_stages
from senet.cli.common.model_flags import DEFAULT_START_FLAGS, StartFlags, start_config


def cost(
    network: str,
    *,
    attention: str = "published",
    where: str = "standard",
    stages: str | None = None,
    start: Annotated[StartFlags, Parameter(name="*")] = DEFAULT_START_FLAGS,
    size: Annotated[int | None, Parameter(name=("--size", "--image-size"))] = None,
    in_channels: int | None = None,
    classes: int | None = None,
    by_module: bool = False,
    json: bool = False,
) -> None:
    """Count what a network and its attention cost, beside the papers' numbers.

    Shapes alone are counted; no weights are needed.

    Three examples:

        senet cost se_resnet50
        senet cost resnet50 --attention "CBAM(reduction=8)" --by-module
        senet cost torchvision:resnet18 --attention "SE(reduction=16)" --stages 3,4

    Args:
        network: A name that senet models lists, torchvision:NAME, timm:NAME, MODULE.PATH:FUNCTION or FILE.py:FUNCTION,
            which is imported, or a file or folder that senet wrote.
        attention: What fills its slots or is inserted, such as "SE(reduction=8)", or "MODULE.PATH:CLASS(...)" or
            "FILE.py:CLASS(...)", which is imported; none for the plain network.
        where: Where a spec goes: standard, pre, post, identity or conv3x3, or a glob over module names.
        stages: Numbered as in the papers, 2 is the first residual one: 3,4. All if not given.
        start: What the network begins with.
        size: Height and width of the image; the network's own if not given.
        in_channels: Channels of the image; the network's own if not given.
        classes: Outputs of the classifier, 0 for one of senet's networks without it; by default the network's own.
        by_module: Add a table by stage and unit.
        json: Print one JSON object instead of tables.
    """
    from senet.accounting import uncounted_text
    from senet.cli.common.notes import note, notes_on_stderr
    from senet.cli.cost.count import as_json, count_costs  # these import torch, which --help must not
    from senet.cli.cost.tables import print_tables
    from senet.models import ModelRequest, Placement
    from senet.models.input_and_labels import image_of

    model_request = ModelRequest(network, attention, Placement(where, parse_stages(stages)), start_config(start))
    with notes_on_stderr():
        report = count_costs(model_request, classes, image_of(network, in_channels, size))
        if text := uncounted_text(report.cost.uncounted):
            note(text)
    if json:
        print(as_json(report, by_module))
    else:
        print_tables(report, by_module)
