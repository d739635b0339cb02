"""``senet studies``: the papers' ablations that can be run by name."""

import json as json_module


def studies(name: str | None = None, *, json: bool = False) -> None:
    """List the ablations that senet compare --study NAME runs, or show one with what its paper printed.

    Three examples:

        senet studies

        senet studies reduction

        senet studies --json

    Parameters
    ----------
    name
        Of the study to show.
    json
        Print a JSON object for machines.
    """
    from senet.cli.compare.studies_tables import print_studies, print_study, study_values
    from senet.study.named_studies import STUDIES, get_study

    chosen = STUDIES if name is None else {name: get_study(name)}
    if json:
        print(json_module.dumps({key: study_values(each) for key, each in chosen.items()}))
    elif name is None:
        print_studies(STUDIES)
    else:
        print_study(name, STUDIES[name])
