"""BN-Inception as Cadene published it: names with underscores, and a bias before every batch norm."""

from senet.metadata import Metadata
from senet.weights.dialect import BY_WORDNET, Dialect, Rule, Translated, renaming
from senet.weights.state import Held

_LAYERS = {
    "1x1": "conv1x1",
    "3x3_reduce": "conv3x3.reduce",
    "3x3": "conv3x3.conv",
    "double_3x3_reduce": "double3x3.reduce",
    "double_3x3_1": "double3x3.conv1",
    "double_3x3_2": "double3x3.conv2",
    "pool_proj": "pool.project",
}
_STAGES = {"3ab": 3, "3c": 4, "4abcd": 4, "4e": 5, "5ab": 5}

RULES: tuple[Rule, ...] = (
    (r"^conv1_7x7_s2(_bn)?\.", r"stem.conv1\1."),
    (r"^conv2_3x3_reduce(_bn)?\.", r"stage2.reduce\1."),
    (r"^conv2_3x3(_bn)?\.", r"stage2.conv\1."),
    *(
        (rf"^(inception_{modules[0]}[{modules[1:]}])_{theirs}(_bn)?\.", rf"stage{stage}.\1.branches.{ours}\2.")
        for modules, stage in _STAGES.items()
        for theirs, ours in _LAYERS.items()
    ),
    (r"^((?:stem|stage)[\w.]*)_bn\.", r"\1.bn."),
    (r"^((?:stem|stage)[\w.]*)(?<!\.bn)\.(weight|bias)$", r"\1.conv.\2"),
    (r"^last_linear\.", "head.fc."),
)


def translate(held: Held, network: str) -> Translated:
    """Rename, and fold each convolution's bias b into the norm behind it, whose mean m becomes m - b."""
    renamed = renaming(RULES)(held, network)
    tensors = dict(renamed.tensors)
    for name in renamed.tensors:
        mean = name.replace(".conv.bias", ".bn.running_mean")
        if name.endswith(".conv.bias") and mean in tensors and tensors[mean].shape == tensors[name].shape:
            tensors[mean] = tensors[mean] - tensors.pop(name)
    return Translated(tensors, renamed.origin)


METADATA = Metadata(
    input_transform={
        "channel_order": "BGR",
        "range": 255,
        "mean": (104.0, 117.0, 128.0),
        "std": (1.0, 1.0, 1.0),
    },
    class_order=BY_WORDNET,
)

BN_INCEPTION = Dialect(
    "Cadene's BN-Inception",
    (r"^conv1_7x7_s2\.weight", r"^inception_5b_double_3x3_2_bn\."),
    translate,
    metadata=METADATA,
)
