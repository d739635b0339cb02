"""The model that ``senet excite`` looks at: trained weights, or a network by its name; and what helps without gates."""

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from senet.cli.common.model_flags import TrainedModelFlags, load_model
from senet.errors import UsageError
from senet.excitation.recording.passes import require_eager
from senet.models.create import load_named
from senet.models.load import LoadedModel
from senet.networks import NETWORKS

SPEC = '"SE(reduction=8)"'
OUT = "with_se"


@dataclass(frozen=True)
class ModelArgument:
    """A model as it is asked for; see ``senet excite``."""

    weights: str
    model_flags: TrainedModelFlags
    class_map: Path | None

    def open(self) -> LoadedModel:
        """Open trained weights, or a network by its name.

        Raises:
            SenetError: As of :func:`senet.load` and :func:`~senet.models.create.load_named`; a model that runs no hook.
        """
        model = self._named() if self._is_name else load_model(self.weights, self.model_flags, self.class_map)
        try:
            require_eager(model.model)
        except UsageError as error:
            do = "name a function that returns the network as it was before"
            raise UsageError(error.what, where=error.where, do=do) from error
        return model

    def how_to_get_gates(self, model: LoadedModel) -> str:
        """Say what to type where the network has no gate."""
        if self._is_name:
            return f"--attention {SPEC} adds attention"
        file, network = shlex.quote(self.weights), self.model_flags.network
        if network is None:
            return f"senet insert {file} {SPEC} --out {OUT} adds attention; then senet excite {OUT}"
        name = shlex.quote(network)
        again = f" --network {name}" if model.name.kind == "function" else ""  # nothing that a file names is imported
        inserting = f"senet insert {name} {SPEC} --weights {file} --out {OUT}"
        return f"{inserting} adds attention; then senet excite {OUT}{again}"

    @property
    def _is_name(self) -> bool:
        if self.model_flags.network is not None or self.weights.startswith("hub:"):
            return False
        path = Path(self.weights)
        if self.weights in NETWORKS or path.suffix == ".py":
            return True
        return not (path.exists() or (path.suffix and ":" not in self.weights))

    def _named(self) -> LoadedModel:
        if self.model_flags.raw:
            raise UsageError(f"--raw needs a weights file, and {self.weights} is a network", do="leave --raw out")
        flags = {
            key: value for key, value in asdict(self.model_flags).items() if key not in ("network", "raw", "input")
        }
        return load_named(self.weights, classes=self.class_map, given=self.model_flags.input.settings(), **flags)
