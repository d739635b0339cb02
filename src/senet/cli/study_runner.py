"""Which runner ``--on`` names."""

from senet.errors import UsageError
from senet.ranks.team import Team
from senet.study.runners.launched import LaunchedRanks
from senet.study.runners.local import LocalWorkers
from senet.study.runners.runner import Runner


def runner_of(on: str, processes: int, team: Team) -> Runner:
    """Return the runner of a study's trials.

    Raises:
        UsageError: It is none, or Ray is not installed, or asked for in a launch of several processes.
    """
    if on == "ray" or on.startswith("ray://"):
        if team.share.ranks > 1:
            raise UsageError("--on ray in a launch of several ranks", do="start it without torchrun")
        return _on_ray(None if on == "ray" else on)
    if on != "local":
        raise UsageError(f"--on {on!r} is not local, ray or ray://HOST:PORT")
    return LaunchedRanks(team) if team.share.ranks > 1 else LocalWorkers(processes)


def _on_ray(address: str | None) -> Runner:
    try:
        from senet.study.runners.ray.backend import RayCluster
    except ModuleNotFoundError as error:
        raise UsageError("--on ray needs the extra `ray`", do="pip install 'senet[ray]'") from error
    return RayCluster(address)
