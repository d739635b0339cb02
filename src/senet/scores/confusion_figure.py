"""The confusion matrix as a figure: a row for each class, a column for each first guess."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import altair as alt

from senet.page.figure import INK, MUTED, VARIANTS, Figure, inline_data, layered_figure, rounded_tooltip
from senet.scores.section import OTHERS, ScoreSection

KEY = "confusion"
_COLOURS = {"right": VARIANTS[1], "wrong": VARIANTS[2], "either": MUTED}
_CAPTION = (
    "Rows are classes, columns predictions. Framed and blue: right; orange: wrong. "
    "The stronger the colour, the greater the share of the row."
)
_SOME = " Shown are {} classes, those of the most confused pairs; the rest is summed up as all others (grey: either)."
_CELL = 24  # pixels, of a row
_DIGIT = 6.4  # pixels, of the counts


def confusion_figures(shown: ScoreSection) -> list[Figure]:
    """Return the figure; none of one class alone."""
    names = list(shown.marks.values())
    cells = _cells(shown)
    if any(OTHERS in (cell["class"], cell["guess"]) for cell in cells):
        names.append(OTHERS)
    if len(names) < 2:
        return []
    caption = _CAPTION + (_SOME.format(len(shown.marks)) if OTHERS in names else "")
    diagonal = [{"class": name, "guess": name} for name in names if name != OTHERS]
    across = alt.X(
        "guess:N",
        title="Predicted",
        scale=alt.Scale(domain=names),
        axis=_axis(names, 0 if max(map(len, names)) <= 2 else -90),
    )
    down = alt.Y("class:N", title="Class", scale=alt.Scale(domain=names), axis=_axis(names, 0))
    base = alt.Chart().encode(x=across, y=down)
    frames = base.mark_rect(filled=False, stroke=INK, strokeOpacity=0.45, strokeWidth=1.5)
    layers = [
        _coloured(base, cells),
        frames.properties(data=inline_data(diagonal)),
        _counts(base, cells, len(names)),
    ]
    return [layered_figure(KEY, "Confusion matrix", caption, layers, height=_CELL * len(names))]


def _axis(names: Sequence[str], angle: int) -> alt.Axis:
    return alt.Axis(
        labelAngle=angle,
        labelFontSize=12 if len(names) <= 12 else 10,
        labelOverlap=False,
        ticks=False,
        domain=False,
        grid=True,
        tickBand="extent",
    )


def _cells(shown: ScoreSection) -> list[dict[str, Any]]:
    """Return the cells that hold images, with the share of their row."""
    sums: Counter[tuple[str, str]] = Counter()
    rows: Counter[str] = Counter()
    for true, guess, images in shown.found.pairs:
        row, column = (shown.marks.get(number, OTHERS) for number in (true, guess))
        sums[row, column] += images
        rows[row] += images
    return [_cell(*place, images, images / rows[place[0]]) for place, images in sums.items()]


def _cell(row: str, column: str, images: int, share: float) -> dict[str, Any]:
    kind = "wrong" if row != column else "either" if row == OTHERS else "right"
    return {"class": row, "guess": column, "images": images, "share": share, "kind": kind}


def _coloured(base: alt.Chart, cells: list[dict[str, Any]]) -> alt.Chart:
    tips = [alt.Tooltip("class:N"), alt.Tooltip("guess:N", title="predicted"), alt.Tooltip("images:Q")]
    colours = alt.Scale(domain=[*_COLOURS], range=[*_COLOURS.values()])
    # A root: one error among a hundred is to be seen. Below one, for the counts are read on it.
    shares = alt.Scale(type="sqrt", domain=[0, 1], range=[0.06, 0.6])
    cell: alt.Chart = base.mark_rect().properties(data=inline_data(cells))
    colour = alt.Color("kind:N", scale=colours, legend=None)
    return cell.encode(
        color=colour,
        opacity=alt.Opacity("share:Q", scale=shares, legend=None),
        tooltip=[*tips, rounded_tooltip("share", ".1%")],
    )


def _counts(base: alt.Chart, cells: list[dict[str, Any]], columns: int) -> alt.Chart:
    """Write the counts that fit into their cells, as wide as the page makes them."""
    fits = alt.expr(f"length(format(datum.images, 'd')) * {_DIGIT} < width / {columns} - 2 ? 1 : 0")
    text: alt.Chart = base.mark_text(color=INK, fontSize=11, opacity=fits).properties(data=inline_data(cells))
    return text.encode(text=alt.Text("images:Q", format="d"))
