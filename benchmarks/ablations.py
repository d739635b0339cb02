"""Which of the papers' orderings hold on small photographs? Five of their ablations on CIFAR-10, eight paired seeds.

python benchmarks/ablations.py family reduction squeeze excitation integration --data folder:CIFAR
    # CIFAR/train/CLASS/*.jpg and CIFAR/test/CLASS/*.jpg

Runs `senet compare --study NAME` for each and writes results/ablations/NAME.md and NAME.csv. The result files of trials
lie in results/ablations/trials: on any machine a study goes on from them, seed by seed, and studies share what they
have in common. Stopped and started again, it continues.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import made
from ablations_readings import reading
from senet.study.named_studies import BASE, STUDIES

RESULTS = Path(__file__).parent / "results" / "ablations"
STORE = RESULTS / "trials"
NAMES = ("family", "reduction", "squeeze", "excitation", "integration")
DATA = "folder:CIFAR"
RECIPE = ("--epochs", "12", "--batch-size", "128", "--precision", "bf16", "--threads", "1")
SIZE = ("--image-size", "16", "--in-memory", "yes", "--train-fraction", "0.1")


def command(name: str, data: str) -> list[str]:
    return ["compare", "--study", name, "--data", data, *SIZE, *RECIPE, "--seeds", "8"]


def run(name: str, data: str, out: Path) -> tuple[Path, str]:
    """Run or continue a study from the trials of the store; return its folder and its table."""
    folder = out / name
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    for path in STORE.glob("*.json"):
        shutil.copy(path, folder / "trials" / path.name)
    words = [*command(name, data), "--workers", "2", "--any-machine", "--name", name, "--out", str(out)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "senet", *words],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "110"},
        )
    finally:
        keep(folder)
    lines = [line.rstrip() for line in done.stdout.partition("report:")[0].splitlines()]
    return folder, "\n".join(f"    {line}".rstrip() for line in lines if line).replace(data, DATA)


def keep(folder: Path) -> None:
    """Copy the result files to the store, without anybody's path."""
    STORE.mkdir(parents=True, exist_ok=True)
    for path in (folder / "trials").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        source = record["trial"]["data"]["source"]
        record["trial"]["data"].update(source=DATA, data_dir="data")
        record["result"]["command"] = record["result"].get("command", "").replace(source, DATA)
        (STORE / path.name).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def page(name: str, folder: Path, table: str) -> str:
    said = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    with (folder / "timings.csv").open(newline="", encoding="utf-8") as file:
        seconds = sum(float(row["train_seconds"]) for row in csv.DictReader(file))
    images, recipe = said["settings"]["images"], said["settings"]["recipe"]
    lines = [
        f"# {STUDIES[name].question}",
        "",
        f"The study `{name}` ({STUDIES[name].source}) in `{BASE}` on CIFAR-10 at 16 x 16.",
        "",
        f"    senet {' '.join(command(name, DATA))}",
        "",
        f"- CIFAR-10 as JPEG copies, recompressed, brought to 16 x 16: not the original pixels; {images['train']:,} "
        f"training, {images['validation']:,} validation and {images['test']:,} test images",
        f"- {recipe['epochs']} epochs, lr {recipe['lr']}, {recipe['schedule']}, {recipe['precision']}, one thread a "
        "process, two processes",
        f"- {seconds / 60:.0f} minutes of one core, beside other work; trials that studies have in common ran once",
        *(f"- {key}: {value}" for key, value in said["environment"].items()),
        made.LINE,
        "",
        table,
        "",
        "## Beside the paper",
        "",
        *reading(STUDIES[name], folder),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+", choices=NAMES)
    parser.add_argument("--data", default=DATA, help="folder:PATH")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    args = parser.parse_args()
    for name in args.names:
        folder, table = run(name, args.data, args.out)
        csv_text = (folder / "results.csv").read_text(encoding="utf-8").replace(args.data, DATA)
        (RESULTS / f"{name}.csv").write_text(csv_text, encoding="utf-8")
        (RESULTS / f"{name}.md").write_text(page(name, folder, table), encoding="utf-8")
        print(table)


if __name__ == "__main__":
    main()
