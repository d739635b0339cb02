"""What ``senet weights convert`` does: a file of any source becomes one that opens by itself."""

import logging
from dataclasses import replace
from pathlib import Path

from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings
from senet.models.factory.config import model_metadata
from senet.models.input import override_input
from senet.models.load import open_weights
from senet.models.saved.folder import read_saved
from senet.weights import write_state
from senet.weights.files.read import WeightsSource
from senet.weights.files.write import require_safetensors
from senet.weights.infer_network import AS_THE_WEIGHTS, NetworkOptions
from senet.weights.load import LoadReport

logger = logging.getLogger("senet")


def convert(
    file: Path,
    network: str | None,
    out: Path,
    *,
    source: WeightsSource | None = None,
    choice: NetworkOptions = AS_THE_WEIGHTS,
    licence: str | None = None,
    raw: bool = False,
    given: InputSettings = NO_INPUT_SETTINGS,
) -> LoadReport:
    """Load a file into the model that it fits and write that model's weights, with what builds it.

    Args:
        file: Of any source; or a folder, as of :func:`senet.load`.
        network: Name of the model; None where the file says it. Geometry and number of classes follow from the file.
        out: Ends in ``.safetensors``.
        source: Whose names the tensors have, of a network of ours; None recognises it.
        choice: Attention and geometry of a network of ours, where they are not the file's.
        licence: Of the weights.
        raw: Take the raw weights where the file has an average of them, too.
        given: Of their input, over what they say.

    Raises:
        WeightsError: They do not fit.
        UsageError: No such network, source or suffix.
    """
    require_safetensors(out)
    weights = read_saved(file, raw)
    weights = replace(weights, state=replace(weights.state, source=source))
    model, loaded, config = open_weights(weights, network, choice)
    origin = {
        "file": Path(weights.state.where).name,
        "source": loaded.source or str(config.name),
        "sha256": weights.state.sha256,
    }
    if loaded.metadata.input_transform is None:
        logger.warning("%s says nothing of its input: none is written; what is used with it will be assumed", file)
    said = replace(loaded.metadata, origin={**origin, **(loaded.metadata.origin or {})})
    said = replace(said, licence=licence) if licence else said
    said = override_input(said, given, weights.state.where)
    write_state(model.state_dict(), out, model_metadata(model, config).with_defaults(said))
    return loaded
