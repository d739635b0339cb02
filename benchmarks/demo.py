"""Run the main job as `make demo` does, and keep what it printed in results/demo.md and the README.

python benchmarks/demo.py
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import made

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"<!-- demo -->.*<!-- /demo -->", re.DOTALL)


def run(out: Path) -> tuple[str, float]:
    """Return the printed table and the seconds that it took."""
    command = [sys.executable, "-m", "senet", "compare", "--excite", "--out", str(out), "--name", "demo"]
    start = time.monotonic()
    environment = {**os.environ, "COLUMNS": "110"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    table = done.stdout.partition("report:")[0].rstrip()
    return "\n".join(line.rstrip() for line in table.splitlines()), time.monotonic() - start


def indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table, seconds = run(Path(folder))
        study = json.loads((Path(folder) / "demo" / "study.json").read_text())
        csv = (Path(folder) / "demo" / "results.csv").read_text()
    facts = [f"- {name}: {value}" for name, value in study["environment"].items()]
    facts.append(made.LINE)
    recipe = study["settings"]["recipe"]
    facts.append(f"- {os.cpu_count()} cores, {recipe['precision']}, {recipe['threads']} thread per process")
    facts.append(f"- {seconds:.0f} s for the whole command")
    page = [
        "# The main job on the embedded data",
        "",
        "    senet compare --excite",
        "",
        *facts,
        "",
        indented(table),
        "",
    ]
    (ROOT / "benchmarks/results/demo.md").write_text("\n".join(page), encoding="utf-8")
    (ROOT / "benchmarks/results/demo.csv").write_text(csv, encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = f"<!-- demo -->\n{indented(table)}\n<!-- /demo -->"
    (ROOT / "README.md").write_text(BLOCK.sub(lambda _: block, readme), encoding="utf-8")


if __name__ == "__main__":
    main()
