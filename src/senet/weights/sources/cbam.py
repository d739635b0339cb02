"""Names of the authors of CBAM, github.com/Jongchan/attention-module: MODELS/model_resnet.py and MODELS/cbam.py."""

from senet.attention import CBAM
from senet.weights.sources.dialect import RESNET, RESNET_MARKS, Dialect, Rule, renaming

RULES: tuple[Rule, ...] = (
    *RESNET,
    (r"\.cbam\.ChannelGate\.mlp\.1\.", ".attention.channel.fc1."),
    (r"\.cbam\.ChannelGate\.mlp\.3\.", ".attention.channel.fc2."),
    (r"\.cbam\.SpatialGate\.spatial\.", ".attention.spatial."),
)
MARKS = (*RESNET_MARKS, r"\.cbam\.ChannelGate\.mlp\.1\.")

RESNETS = Dialect("the CBAM authors' ResNets", MARKS, renaming(RULES), "torch", CBAM())

DIALECTS = (RESNETS,)
