"""``senet doctor``: what senet finds on this machine, and what to do about it."""


def doctor(*, json: bool = False) -> None:
    """Look at versions, processor, memory, disks, extras and devices, and say what to do about each.

    Every finding is ok, a note, or a fault, which senet cannot work with; only a fault makes the exit code 6. Nothing
    is fetched or written.

    Three examples:

        senet doctor

        senet doctor --json

        senet doctor --json > doctor.json

    Args:
        json: Print one JSON object instead of lines.
    """
    from senet.cli.doctor.findings import as_json, finding_lines, findings
    from senet.errors import ResourceError
    from senet.utils.text import counted

    found = findings()
    print(as_json(found) if json else "\n".join(finding_lines(found)))
    if faults := sum(finding.state == "fault" for finding in found):
        raise ResourceError(counted(faults, "fault"), do="fix the faults above")
