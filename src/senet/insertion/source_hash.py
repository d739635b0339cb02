"""Which code of other people's runs in a model's attention blocks: edited code is another model."""

from torch import nn

from senet.attention import is_attention
from senet.attention.custom import source_hash


def source_hashes(model: nn.Module) -> list[str]:
    """Return the SHA-256 of the files of all attention blocks, inserted or not, that are not senet's."""
    kinds = {type(module) for module in model.modules() if is_attention(module)}
    return sorted({code for kind in kinds if (code := source_hash(kind))})
