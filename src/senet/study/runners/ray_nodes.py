"""The nodes of a Ray cluster that can run a study's trials."""

from collections.abc import Sequence

import ray


class Nodes:
    """Nodes that are alive, without those that turned out to be of another kind than the study's machine."""

    def __init__(self) -> None:
        self.unlike: dict[str, str] = {}

    def room(self, threads: int) -> int:
        """Return how many trials of so many threads fit side by side."""
        return sum(int(node["Resources"].get("CPU", 0)) // threads for node in self._alike())

    def none_is_alike(self) -> bool:
        """Whether every node that is alive has been found to be of another kind."""
        return bool(self.unlike) and not self._alike()

    def selector(self) -> dict[str, str] | None:
        """Return Ray's label selector that leaves out nodes of another kind."""
        return {"ray.io/node-id": f"!in({','.join(self.unlike)})"} if self.unlike else None

    def _alike(self) -> Sequence[dict[str, dict[str, float]]]:
        return [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in self.unlike]
