"""Files of the Hugging Face hub, ``hub:ORG/NAME@REVISION``: fetched only when they are named so, then checked.

Nothing else in this package reaches the network. A file that is in huggingface_hub's cache is taken from there; a
revision that is a full commit is then not even looked up.
"""

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from senet.errors import UsageError, WeightsError
from senet.utils.files import sha256
from senet.weights.files.kinds import SUFFIXES
from senet.weights.hub import config

SCHEME = "hub:"
NAMED = re.compile(r"hub:(?P<repo>\w[\w.-]*/\w[\w.-]*)@(?P<revision>[\w./-]+)")
FILES = ("model.safetensors", "pytorch_model.bin")  # what timm and transformers publish, the safe one first


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, and what lies beside it.

    Args:
        path: Of the file.
        folder: As the hub has them, whose config is the file's too; None for a file by itself.
        origin: Of a file of the hub: repository, revision as asked for, commit that it resolved to and SHA-256.
        notes: Of files beside it that are not used.
    """

    path: Path
    folder: Path | None = None
    origin: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def hub_config(self) -> dict[str, Any]:
        """As of :func:`~senet.weights.hub.config.read_hub_config`; empty for a file by itself.

        Raises:
            WeightsError: It cannot be read.
        """
        return {} if self.folder is None else config.read_hub_config(self.folder)


def find_weights_file(weights: str) -> WeightsFile:
    """Find the file that is meant: itself, the one in a folder as the hub has them, or one of the hub.

    Raises:
        WeightsError: A folder without such a file; a file of the hub that cannot be had.
    """
    if weights.startswith(SCHEME):
        return fetch(weights)
    path = Path(weights)
    if not path.is_dir():
        return _with_its_config(path)
    inside = next((path / name for name in FILES if (path / name).is_file()), None)
    if inside is not None:
        return WeightsFile(inside, path)
    files = [*path.glob("*.safetensors"), *path.glob("weights/*.safetensors")]  # the latter in a run's folder
    do = f"name the file itself: {', '.join(sorted(map(str, files))[:3])}" if files else "name the file itself"
    raise WeightsError(f"no {' or '.join(FILES)} in the folder", where=weights, do=do)


def _with_its_config(path: Path) -> WeightsFile:
    """Take the configs in a file's folder for its own, if it has the name that they belong to, or is the only one."""
    configs = [name for name in (config.CONFIG_NAME, config.PROCESSOR_NAME) if path.with_name(name).is_file()]
    if not configs:
        return WeightsFile(path)
    others = [one for one in path.parent.iterdir() if one.suffix in SUFFIXES and one.name != path.name]
    if path.name in FILES or not others:
        return WeightsFile(path, path.parent)
    said = f"{' and '.join(configs)} beside {path.name}: not used, since {others[0].name} lies there too"
    return WeightsFile(path, notes=(said,))


def fetch(name: str, cache: Path | None = None) -> WeightsFile:
    """Find a repository's weights in the cache or download them.

    Args:
        name: ``hub:ORG/NAME@REVISION``.
        cache: Folder of the cache; None means huggingface_hub's own.

    Raises:
        UsageError: Another form, or no revision.
        WeightsError: It is neither here nor to be had, or is not what the hub says it is.
    """
    match = NAMED.fullmatch(name)
    if match is None:
        raise UsageError(
            f"{name!r} is not of the form hub:ORG/NAME@REVISION",
            do="name a branch, a tag or, to pin the files, a full commit: hub:timm/seresnet50.a1_in1k@main",
        )
    repo, revision = match["repo"], match["revision"]
    path = _download(repo, revision, cache)
    _download_configs(repo, revision, cache)
    digest = sha256(path)
    stored = path.resolve().name  # the cache calls large files by the SHA-256 that the hub announced
    if re.fullmatch(r"[0-9a-f]{64}", stored) and stored != digest:
        raise WeightsError(
            f"SHA-256 is {digest}, the hub says {stored}", where=str(path), do="delete it and fetch it again"
        )
    origin = {"hub": repo, "revision": revision, "commit": path.parent.name, "sha256": digest}
    return WeightsFile(path, path.parent, origin)


def _download_configs(repo: str, revision: str, cache: Path | None) -> None:
    """Bring the configs beside the weights, where the repository has them and they can be had."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    for name in (config.CONFIG_NAME, config.PROCESSOR_NAME):
        with contextlib.suppress(EntryNotFoundError, HfHubHTTPError, OSError):
            hf_hub_download(repo, name, revision=revision, cache_dir=cache)


def _download(repo: str, revision: str, cache: Path | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    for file in FILES:
        try:
            return Path(hf_hub_download(repo, file, revision=revision, cache_dir=cache))
        except LocalEntryNotFoundError as error:  # not in the cache, and the hub is out of reach
            last: Exception = error
        except EntryNotFoundError as error:  # the repository has no such file
            last = error
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise WeightsError(f"the hub gives no {file}: {error}", where=f"{repo}@{revision}") from error
    if isinstance(last, LocalEntryNotFoundError):
        raise WeightsError(
            f"{repo}@{revision} is not in the cache, and the hub cannot be reached",
            do=f"where there is a network, run: hf download {repo} {FILES[0]} --revision {revision} --local-dir "
            f"weights; then pass weights/{FILES[0]}",
        ) from last
    raise WeightsError(f"{repo}@{revision} has neither {' nor '.join(FILES)}", do="name a file of weights") from last
