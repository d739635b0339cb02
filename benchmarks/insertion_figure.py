"""Draw docs/insertion.svg: the five places for a block in a residual unit.

python benchmarks/insertion_figure.py
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

PAGE = Path(__file__).parent.parent / "docs" / "insertion.svg"
CONVOLUTIONS = ("1x1", "3x3", "1x1")
WIDTH, STEP, BOX = 176, 44, (76, 26)  # of a panel, between the rows, of a box
LEFT, RIGHT = 60, 138  # of a panel: branch and shortcut
INK, PAPER, BLOCK = "#1f2328", "#ffffff", "#d97706"


@dataclass(frozen=True)
class Strategy:
    """One panel.

    Args:
        name: As ``insert(where=...)`` takes it.
        branch: Boxes of the branch, from the input down.
        shortcut: Box on the shortcut, or none.
        after: Box after the sum and its activation, or none.
    """

    name: str
    branch: tuple[str, ...] = CONVOLUTIONS
    shortcut: str = ""
    after: str = ""


STRATEGIES = (
    Strategy("standard", branch=(*CONVOLUTIONS, "SE")),
    Strategy("pre", branch=("SE", *CONVOLUTIONS)),
    Strategy("post", after="SE"),
    Strategy("identity", shortcut="SE"),
    Strategy("conv3x3", branch=("1x1", "3x3", "SE", "1x1")),
)


def picture() -> str:
    """Return the whole picture as SVG."""
    size = {"width": str(WIDTH * len(STRATEGIES)), "height": str(9 * STEP)}
    root = ET.Element("svg", size, xmlns="http://www.w3.org/2000/svg")
    root.set("font-family", "system-ui, sans-serif")
    root.set("font-size", "13")
    ET.SubElement(root, "title").text = "Where a block goes in a residual unit: " + ", ".join(
        s.name for s in STRATEGIES
    )
    ET.SubElement(root, "rect", size, fill=PAPER)
    for i, strategy in enumerate(STRATEGIES):
        panel(ET.SubElement(root, "g", transform=f"translate({i * WIDTH} 0)"), strategy)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def panel(group: ET.Element, strategy: Strategy) -> None:
    """Draw one unit: input, branch and shortcut, sum, activation, output."""
    text(group, WIDTH / 2, 24, strategy.name, weight="bold")
    top, rows = STEP, len(strategy.branch)
    total = top + 5.4 * STEP
    line(group, LEFT, top - 6, LEFT, total)
    line(group, LEFT, top + 6, RIGHT, top + 6)
    line(group, RIGHT, top + 6, RIGHT, total)
    line(group, RIGHT, total, LEFT + 11, total)
    for row, label in enumerate(strategy.branch):
        box(group, LEFT, top + (row + 1) * 5 * STEP / (rows + 1), label)
    if strategy.shortcut:
        box(group, RIGHT, top + 2.5 * STEP, strategy.shortcut, width=44)
    line(group, LEFT, total, LEFT, total + 2.4 * STEP)
    ET.SubElement(group, "circle", cx=f"{LEFT}", cy=f"{total:g}", r="11", fill=PAPER, stroke=INK)
    text(group, LEFT, total + 5, "+")
    box(group, LEFT, total + 0.75 * STEP, "ReLU")
    if strategy.after:
        box(group, LEFT, total + 1.6 * STEP, strategy.after)


def box(group: ET.Element, x: float, y: float, label: str, width: float = BOX[0]) -> None:
    """Draw a labelled box around (x, y)."""
    block = label == "SE"
    corner = {"x": f"{x - width / 2:g}", "y": f"{y - BOX[1] / 2:g}", "rx": "4"}
    size = {"width": f"{width:g}", "height": f"{BOX[1]}"}
    ET.SubElement(group, "rect", {**corner, **size}, fill=BLOCK if block else PAPER, stroke=BLOCK if block else INK)
    text(group, x, y + 4.5, f"conv {label}" if "x" in label else label, fill=PAPER if block else INK)


def line(group: ET.Element, x1: float, y1: float, x2: float, y2: float) -> None:
    """Draw a connection."""
    ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
    ET.SubElement(group, "line", ends, stroke=INK)


def text(group: ET.Element, x: float, y: float, label: str, weight: str = "normal", fill: str = INK) -> None:
    """Write a centred label."""
    style = {"text-anchor": "middle", "font-weight": weight, "fill": fill}
    ET.SubElement(group, "text", style, x=f"{x:g}", y=f"{y:g}").text = label


if __name__ == "__main__":
    PAGE.write_text(picture(), encoding="utf-8")
