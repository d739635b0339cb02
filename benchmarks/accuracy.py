"""Does SE pay in ResNet-20 on real images? Plain and SE, paired seeds, on CIFAR-10 and Fashion-MNIST.

python benchmarks/accuracy.py cifar10 --data folder:CIFAR    # CIFAR/train/CLASS/*.jpg and CIFAR/test/CLASS/*.jpg
python benchmarks/accuracy.py fashion-mnist

Runs `senet compare`, which continues where it was stopped, and writes results/accuracy_NAME.md and .csv.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import made

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Study:
    """What is compared.

    Args:
        title: Of the page.
        data: As the page names it, without anybody's path.
        note: About the data.
        epochs: Of a trial.
        train_fraction: Of the training images.
    """

    title: str
    data: str
    note: str
    epochs: int
    train_fraction: float

    def command(self, data: str) -> list[str]:
        """Return the arguments of `senet`."""
        variants = ["--variants", "none", "SE(reduction=8)", "--seeds", "6"]
        recipe = ["--epochs", str(self.epochs), "--batch-size", "128", "--train-fraction", str(self.train_fraction)]
        return ["compare", "--data", data, "--network", "resnet20", *variants, *recipe, "--precision", "bf16"]


STUDIES = {
    "cifar10": Study("CIFAR-10", "folder:CIFAR", "JPEG copies, recompressed; not the original pixels", 10, 0.5),
    "fashion-mnist": Study("Fashion-MNIST", "fashion-mnist", "the original files", 5, 0.1),
}


def run(study: Study, name: str, data: str, out: Path) -> str:
    """Run or continue the study and return its table."""
    command = [*study.command(data), "--workers", "2", "--name", name, "--out", str(out)]
    environment = {**os.environ, "COLUMNS": "110"}
    done = subprocess.run(
        [sys.executable, "-m", "senet", *command], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    lines = [line.rstrip() for line in done.stdout.splitlines() if not line.startswith("report:")]
    return "\n".join(f"    {line}".rstrip() for line in lines if line).replace(data, study.data)


def page(study: Study, folder: Path, table: str) -> str:
    said = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    with (folder / "timings.csv").open(newline="", encoding="utf-8") as file:
        seconds = sum(float(row["train_seconds"]) for row in csv.DictReader(file))
    images, recipe = said["settings"]["images"], said["settings"]["recipe"]
    words = " ".join(f'"{word}"' if "(" in word else word for word in study.command(study.data))
    lines = [
        f"# SE in ResNet-20 on {study.title}",
        "",
        f"    senet {words} --workers 2",
        "",
        f"- {study.title}: {study.note}; {images['train']:,} training, {images['validation']:,} validation and "
        f"{images['test']:,} test images",
        f"- {recipe['epochs']} epochs, lr {recipe['lr']}, {recipe['schedule']}, {recipe['precision']}, "
        f"{recipe['threads']} thread a process, two processes",
        f"- {seconds / 120:.0f} minutes by the clock of two processes, beside other work and pauses",
        *(f"- {name}: {value}" for name, value in said["environment"].items()),
        made.LINE,
        "",
        table,
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=STUDIES)
    parser.add_argument("--data", help="folder:PATH, where the data has no name of its own")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    args = parser.parse_args()
    study = STUDIES[args.name]
    data = args.data or study.data
    table = run(study, args.name, data, args.out)
    name = f"accuracy_{args.name.replace('-', '_')}"
    results = (args.out / args.name / "results.csv").read_text(encoding="utf-8")
    (RESULTS / f"{name}.csv").write_text(results.replace(data, study.data), encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(page(study, args.out / args.name, table), encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
