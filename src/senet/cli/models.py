"""``senet models``: what can be built."""

import json as json_module


def models(pattern: str = "*", *, json: bool = False) -> None:
    """List the networks that can be built, with their published attention.

    Three examples:

        senet models

        senet models "se_*"

        senet models "*50*" --json

    Parameters
    ----------
    pattern
        Names to list, with * and ? as in file names.
    json
        Print a JSON object for machines.
    """
    from fnmatch import fnmatchcase

    from senet.attention import to_dict
    from senet.errors import UsageError, nearest
    from senet.networks import NETWORKS

    names = [name for name in NETWORKS if fnmatchcase(name, pattern)]
    if not names:
        raise UsageError(f"no network matches {pattern!r}", do=nearest(pattern, NETWORKS))
    if json:
        print(json_module.dumps({name: to_dict(NETWORKS[name].attention) for name in names}))
        return
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {NETWORKS[name].attention or 'none'}")
