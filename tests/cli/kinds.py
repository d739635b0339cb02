"""The kinds of network that every command takes, and the table of README.md that says so."""

from dataclasses import dataclass

from matrix import drawn

COMMANDS = ("train", "compare", "evaluate", "predict", "excite", "cost", "insert", "weights")
SPEC = "SE(reduction=4)"
OWN = """
from torch import nn

class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)

    def forward(self, x):
        return (self.bn(self.conv(x)) + x).relu()

def net():
    layers = nn.Conv2d(3, 8, 3, 2, 1), Unit(), Unit(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    return nn.Sequential(*layers)
"""


@dataclass(frozen=True)
class Kind:
    """A kind of network, and a small one of it.

    Args:
        typed: What the table calls it.
        name: What is typed.
        title: What the commands call it.
        parameters: With three classes; counted by hand, by torchvision and by timm.
        blocks: What SE with reduction 4 adds.
        state: A file of a state dict alone; empty where the name is that of weights, which say what they are of.
        sized: Whether a number of classes reaches it.
        refused: By command: why, and what to type instead.
    """

    typed: str
    name: str
    title: str
    parameters: int
    blocks: int
    state: str = ""
    sized: bool = False
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def weights(self):
        """The weights, and the flags that say what they are of."""
        return [self.state, "--network", self.name] if self.state else [self.name]


def se(*channels):
    """Parameters of SE blocks with reduction 4: two linear layers with biases."""
    return sum(2 * c * (c // 4) + c // 4 + c for c in channels)


FIRE = se(128, 128, 256, 256, 384, 384, 512, 512)  # the outputs of SqueezeNet's fire modules
SQUEEZE = "torchvision:squeezenet1_1"
TESTNET, UNITS = "timm:test_resnet", se(32, 48, 192, 96)
WITH_ATTENTION = (
    ("compare", "It has attention already. Compare what it was inserted into: `--network NAME --weights FILE`."),
    ("insert", "It has attention already. `--again` adds more."),
)
NAMED = (("excite", "Without attention it has no gate. `--attention SPEC` puts one in."),)
FILED = (("excite", "Without attention it has no gate. `senet insert FILE SPEC --out FOLDER` puts one in."),)
KINDS = (
    Kind(
        "`resnet50`, as `senet models` lists it", "resnet8", "resnet8", 74_835, se(16, 32, 64), "ours.pth", True, NAMED
    ),
    Kind("`torchvision:NAME`", SQUEEZE, SQUEEZE, 724_035, FIRE, "theirs.pth", True, NAMED),
    Kind("`timm:NAME`", TESTNET, TESTNET, 372_979, UNITS, "timm.pth", True, NAMED),
    Kind(
        "`MODULE.PATH:FUNCTION`, `FILE.py:FUNCTION`",
        "own.py:net",
        "own.py:net",
        1_435,
        se(8, 8),
        "own.pth",
        refused=NAMED,
    ),
    Kind(
        "a folder of `senet insert`, a file of weights with attention",
        "with_se",
        f"{TESTNET} with {SPEC} inserted",
        372_979 + UNITS,
        UNITS,
        refused=WITH_ATTENTION,
    ),
    Kind("a file of weights that senet wrote", "ours.safetensors", "resnet8", 74_835, se(16, 32, 64), refused=FILED),
)


def table():
    """Return README's table."""
    return drawn("network", COMMANDS, KINDS)
