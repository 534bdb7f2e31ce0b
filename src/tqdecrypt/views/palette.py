"""The colours of pages and pictures: few, light and dark, dark on white on paper.

One style sheet serves both: classes set ``color``, and shapes in SVG are painted with
``currentColor``.  Rules are written out instead of CSS variables, which not every program that
shows SVG knows.  Nothing is told by colour alone.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FONT", "SHADES", "Shade", "style_sheet"]

FONT = 'ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono","Liberation Mono",Consolas,monospace'
"""Widths are reckoned in cells of 0.6 em, which all but the last of these have."""


class Shade(NamedTuple):
    """One colour for light and one for dark surroundings."""

    light: str
    dark: str


PAPER = Shade("#ffffff", "#0d1117")
INK = Shade("#1f2328", "#e6edf3")
SHADES: dict[str, Shade] = {
    "dim": Shade("#59636e", "#9198a1"),
    "good": Shade("#116329", "#3fb950"),
    "bad": Shade("#b3171f", "#ff7b72"),
    "notice": Shade("#7d4e00", "#d29922"),
    "name": Shade("#0b6171", "#56d4dd"),
    "uri": Shade("#0550ae", "#79c0ff"),
    "parameter": Shade("#7a45d6", "#d2a8ff"),
}
"""Class -> its colour, each with a contrast of 4.5 and more on paper (WCAG 2.2, 1.4.3)."""
LINE = Shade("#c5ced6", "#3d444d")
"""Lines that only guide the eye."""
MARKED = Shade("#fff1c2", "#332600")
"""Behind text that is marked."""


def style_sheet() -> str:
    """Return the rules for everything inside an element of class ``tq``."""
    dark = "".join(_rules(1))
    light = "".join(_rules(0))
    return (
        ".tq .strong{font-weight:bold}"
        ".tq .number{text-align:right}"
        ".tq table{border-collapse:collapse}"
        ".tq th,.tq td{padding:2px 10px 2px 0;text-align:left;vertical-align:top}"
        f".tq pre,.tq code,.tq td{{font-family:{FONT}}}"
        ".tq pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}"
        ".tq svg,svg.tq{max-width:100%;height:auto}"
        f"{light}"
        f"@media (prefers-color-scheme:dark){{{dark}}}"
        f"@media print{{{light}}}"
    )


def _rules(which: int) -> list[str]:
    rules = [f".tq{{color:{INK[which]}}}", f".tq .paper{{color:{PAPER[which]}}}"]
    rules += [f".tq .{name}{{color:{shade[which]}}}" for name, shade in SHADES.items()]
    rules.append(f".tq .line{{color:{LINE[which]}}}")
    rules.append(f".tq .halo{{stroke:{PAPER[which]}}}")
    rules.append(f".tq mark,.tq .marked{{background:{MARKED[which]};color:inherit}}")
    rules.append(f"svg.tq .marked{{color:{MARKED[which]}}}")
    return rules
