"""Which observations of "The role of excitation" (arXiv 1709.01507v4, section 7.2) hold in a small network on CIFAR-10.

python benchmarks/excitation_cifar.py FOLDER [train|look]

FOLDER holds `cifar10-jpeg/train/CLASS/*.jpg` and `test/`. `train` trains SE-ResNet-20 there for 15 epochs, 55 minutes
on one busy core; `look` reads its gates on the test images, and writes results/excitation_cifar.md, and figures and
what was observed into docs/. Without a word, both.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

HERE = Path(__file__).parent
RESULT, FIGURES = HERE / "results" / "excitation_cifar.md", HERE.parent / "docs" / "excitation"
DOCS = HERE.parent / "docs" / "excitation.md"
BLOCK = re.compile(r"<!-- excitation cifar -->.*<!-- /excitation cifar -->", re.DOTALL)
TRAIN = (
    "senet train --network se_resnet20 --data folder:cifar10-jpeg --image-size 32 --in-memory yes --epochs 15 "
    "--batch-size 128 --lr 0.2 --warm-up.epochs 2 --precision float32 --threads 1 --seed 0 --out runs/se_resnet20"
)
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
LOOK = "senet excite runs/se_resnet20/weights/last.safetensors --data folder:cifar10-jpeg --classes"
OUT = "--out excitation --figures excitation/figures"
SHOWN = ("airplane", "automobile", "cat", "dog")  # of the figures
SVG = ("strip.svg", "classes-03.svg", "classes-09.svg")  # the last gates of the first and the last stage

PAGE = """# The role of excitation, on CIFAR-10

    {train}
    {look}

SE-ResNet-20, SE(reduction=8): three stages of three blocks; one network of one seed. CIFAR-10 as JPEG copies;
{accuracy}.
Gates are read on these 10,000 images. Saturated: values within 1% of an end of the range. Class-specific: the share of
a gate's variance over images that lies between classes, with its 95% interval. Within a class: standard deviation of a
channel over images, mean over channels and classes. Scale alone: the share of what the classes' profiles differ in that
one factor for each class explains.

| gate | mean | saturated | class-specific | within a class | scale alone | effective rank |
|---|---|---|---|---|---|---|
{table}

## What the paper observes, and what is found here
{observations}
"""


class Gate:
    """One gate, read from the tables of `senet excite`.

    Args:
        row: Of gates.csv.
        means: By group, (C,).
        deviations: By group, (C,).
    """

    def __init__(
        self, row: dict[str, str], means: dict[str, NDArray[np.float64]], deviations: dict[str, NDArray[np.float64]]
    ) -> None:
        self.name, self.mean = row["gate"], float(row["mean"])
        self.saturated = float(row["saturated_low"]) + float(row["saturated_high"])
        self.specific, self.low, self.high, self.rank = (
            number(row[name]) for name in ("specificity", "specificity_low", "specificity_high", "effective_rank")
        )
        self.constant = float(row["constant"])
        self.profiles = np.array([means[name] for name in CLASSES])
        self.within = float(np.mean([deviations[name].mean() for name in CLASSES]))
        self.scale = scale_alone(self.profiles)

    @property
    def moves(self) -> bool:
        """Whether it is more than a constant for all images but a few."""
        return not np.isnan(self.low)


def number(text: str) -> float:
    return float("nan") if text == "n/a" else float(text)


def scale_alone(profiles: NDArray[np.float64]) -> float:
    """Return the share of the classes' differences, (K, C), that is the mean profile times a factor of each class."""
    mean = profiles.mean(0)
    factors = profiles @ mean / (mean @ mean)
    total = ((profiles - mean) ** 2).sum()
    left = ((profiles - factors[:, None] * mean) ** 2).sum()
    return float(1 - left / total) if total > 0 else float("nan")


def gates(folder: Path) -> list[Gate]:
    means: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    deviations: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with (folder / "values.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            means[row["gate"]][row["group"]].append(number(row["mean"]))
            deviations[row["gate"]][row["group"]].append(number(row["deviation"]))
    with (folder / "gates.csv").open(newline="") as file:
        return [Gate(row, arrays(means[row["gate"]]), arrays(deviations[row["gate"]])) for row in csv.DictReader(file)]


def arrays(groups: dict[str, list[float]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array(values) for name, values in groups.items()}


def row(gate: Gate) -> str:
    specific = f"{gate.specific:.1%} [{gate.low:.1%}, {gate.high:.1%}]" if gate.moves else "n/a"
    scale = f"{gate.scale:.1%}" if gate.moves else "n/a"
    numbers = f"{gate.mean:.3f} | {gate.saturated:.1%} | {specific} | {gate.within:.4f} | {scale} | {gate.rank:.1f}"
    return f"| {gate.name} | {numbers} |"


def observations(found: list[Gate]) -> str:
    """Return the paper's observations, each with its numbers here."""
    each = [alike_early(found), specific_late(found), saturated(found), alike_but_for_scale(found), spread(found)]
    still = [gate.name for gate in found if not gate.moves]
    also = (
        [f"Not in the paper: {', '.join(still)} moves for a few images of ten thousand at the most."] if still else []
    )
    return "\n".join(f"{number}. {sentence}" for number, sentence in enumerate([*each, *also], 1))


def alike_early(found: list[Gate]) -> str:
    first, last = found[0], found[-1]
    holds = (
        f"{'In part' if first.low > 0 else 'Holds'}: {first.specific:.1%} of {first.name}, and {last.specific:.1%} of"
    )
    return f"*Early layers respond alike to all classes.* {holds} {last.name}, lie between classes."


def specific_late(found: list[Gate]) -> str:
    moving = [gate for gate in found if gate.moves]
    depth = spearmanr(range(len(moving)), [gate.specific for gate in moving]).statistic
    ends = ", ".join(f"{gate.specific:.1%}" for gate in found[2::3])
    numbers = (
        f"rank correlation with depth {depth:.2f} over {len(moving)} gates; {ends} in the last gate of each stage."
    )
    return f"*Deeper layers are class-specific.* {verdict(depth)}: {numbers}"


def saturated(found: list[Gate]) -> str:
    gate, most = found[-2], max(found, key=lambda gate: gate.saturated)
    numbers = f"{gate.saturated:.1%} of the values of {gate.name} are; at most {most.saturated:.1%}, in {most.name}."
    return f"*The last block but one is saturated.* {verdict(gate.saturated)}: {numbers}"


def alike_but_for_scale(found: list[Gate]) -> str:
    last = found[-1]
    numbers = (
        f"a factor for each class explains {last.scale:.1%} of what its profiles differ in; it is class-specific to"
    )
    numbers += f" {last.specific:.1%}."
    return f"*The last block is alike for all classes up to scale.* {verdict(last.scale)}: {numbers}"


def spread(found: list[Gate]) -> str:
    moving = [gate for gate in found if gate.moves]
    depth = spearmanr(range(len(moving)), [gate.within for gate in moving]).statistic
    ends = ", ".join(f"{gate.within:.3f}" for gate in found[2::3])
    numbers = (
        f"rank correlation with depth {depth:.2f}; deviation within a class {ends} in the last gate of each stage."
    )
    return f"*Images of one class differ more in later layers.* {verdict(depth)}: {numbers}"


def verdict(share: float) -> str:
    return "Holds" if share > 0.5 else "Does not hold"


def look(home: Path) -> None:
    subprocess.run(f"{LOOK} {' '.join(CLASSES)} --out excitation".split(), cwd=home, check=True)
    found = gates(home / "excitation")
    subprocess.run(f"{LOOK} {' '.join(SHOWN)} {OUT}".split(), cwd=home, check=True)
    FIGURES.mkdir(parents=True, exist_ok=True)
    for name in SVG:
        shutil.copy(home / "excitation" / "figures" / name, FIGURES / name)
    said = subprocess.run(
        ["senet", "evaluate", "runs/se_resnet20/weights/last.safetensors", "--data", "folder:cifar10-jpeg", "--json"],
        cwd=home,
        check=True,
        capture_output=True,
        text=True,
    )
    top1 = json.loads(said.stdout)["top1"]
    page = PAGE.format(
        train=TRAIN,
        look=f"{LOOK} {' '.join(SHOWN)} {OUT}",
        accuracy=f"{top1:.2f}% of the test images are classified right",
        table="\n".join(map(row, found)),
        observations=observations(found),
    )
    RESULT.write_text(page)
    block = f"<!-- excitation cifar -->\n{observations(found)}\n<!-- /excitation cifar -->"
    DOCS.write_text(BLOCK.sub(lambda _: block, DOCS.read_text()))
    print(page)


def main() -> None:
    home, words = Path(sys.argv[1]), sys.argv[2:] or ["train", "look"]
    if "train" in words:
        subprocess.run(TRAIN.split(), cwd=home, check=True)
    if "look" in words:
        look(home)


if __name__ == "__main__":
    main()
