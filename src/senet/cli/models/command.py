"""``senet models``: what can be built."""

import json as json_module


def models(pattern: str = "*", *, json: bool = False) -> None:
    """List the networks that can be built: the images they were published for, parameters, published attention.

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

    from senet.cli.models.tables import network_values, print_models
    from senet.errors import UsageError, did_you_mean
    from senet.networks import NETWORKS

    names = [name for name in NETWORKS if fnmatchcase(name, pattern)]
    if not names:
        raise UsageError(f"no network matches {pattern!r}", do=did_you_mean(pattern, NETWORKS))
    if json:
        print(json_module.dumps({name: network_values(name) for name in names}))
    else:
        print_models(names)
