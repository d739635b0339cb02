"""senet cost: what a network costs with its attention and without, beside what the papers print."""


def cost(
    network: str,
    *,
    attention: str = "published",
    geometry: str | None = None,
    size: int | None = None,
    in_channels: int = 3,
    classes: int | None = None,
    by_module: bool = False,
    json: bool = False,
) -> None:
    """Count what a network and its attention cost, beside the papers' numbers.

    Shapes alone are counted; nothing is computed and no weights are needed.

    Three examples:

        senet cost se_resnet50
        senet cost resnet50 --attention "CBAM(reduction=8)" --by-module
        senet cost se_resnet20 --size 48 --json

    Args:
        network: Name of a published network, such as se_resnet50.
        attention: What fills its slots, such as "SE(reduction=8)"; none for the plain network.
        geometry: caffe (the authors') or torch (torchvision's and timm's); the published one if not given.
        size: Height and width of the image; the published one if not given.
        in_channels: Channels of the image.
        classes: Outputs of the classifier, 0 for the network without one; the published number if not given.
        by_module: Add a table by stage and unit.
        json: Print one JSON object instead of tables.
    """
    from senet.cli.cost_report import Request, as_json, count  # these import torch, which --help must not
    from senet.cli.cost_tables import print_tables
    from senet.networks import published

    side = published(network).size if size is None else size
    report = count(Request(network, attention, geometry, (in_channels, side, side), classes))
    if json:
        print(as_json(report, by_module))
    else:
        print_tables(report, by_module)
