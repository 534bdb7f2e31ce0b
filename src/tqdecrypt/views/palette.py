"""The colours of pages and pictures: few, light and dark, dark on white on paper.

One style sheet serves both: classes set ``color``, and shapes in SVG are painted with
``currentColor``.  Rules are written out instead of CSS variables, which not every program that
shows SVG knows.  Nothing is told by colour alone.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FONT", "SHADES", "Shade", "page_style_sheet", "style_sheet"]

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


PANEL = Shade("#f6f8fa", "#161b22")
"""Behind what stands out in a page."""
TEXT_FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif'
"""Of sentences; whatever is a value of the capture keeps :data:`FONT`."""

_PAGE = """
html{-webkit-text-size-adjust:100%}
body{margin:0;font:15px/1.55 TEXT_FONT}
.report{max-width:1160px;margin:0 auto;padding:28px 24px 48px}
.report h1{font-size:28px;line-height:1.2;margin:4px 0 8px;overflow-wrap:anywhere}
.report h2{font-size:20px;line-height:1.3;margin:44px 0 12px;padding-bottom:6px;border-bottom:1px solid}
.report h3{font-size:15px;margin:18px 0 4px}
.report p{margin:6px 0;max-width:84ch;overflow-wrap:anywhere}
.report ul,.report ol{margin:6px 0;padding-left:22px;max-width:84ch}
.report li{margin:3px 0;overflow-wrap:anywhere}
.report a{color:inherit}
.report section section{margin:0 0 24px;overflow-x:auto}
.report section section h2{font-size:15px;margin:26px 0 4px;padding:0;border:0;overflow-wrap:anywhere}
.report .kind{font-size:12px;letter-spacing:.08em;text-transform:uppercase;margin:0}
.report .note{white-space:pre-wrap;border-left:3px solid;padding:2px 0 2px 12px;margin:14px 0}
.report nav ol{display:flex;flex-wrap:wrap;gap:2px 18px;list-style:none;padding:0;max-width:none}
.report .panel{border:1px solid;border-radius:8px;padding:14px 18px;margin:16px 0}
.report .panel h3{margin-top:0}
.report .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;
list-style:none;padding:0;margin:18px 0;max-width:none}
.report .tiles li{border:1px solid;border-radius:8px;padding:12px 16px;margin:0}
.report .tiles .figure{display:block;font-size:26px;line-height:1.2;font-weight:600}
.report .tiles .label,.report .tiles .more{display:block;font-size:13px}
.report table{margin:10px 0 6px;font-size:12.5px;line-height:1.45}
.report caption{text-align:left;padding-bottom:6px;font-size:13.5px}
.report th{font-weight:600;border-bottom:1px solid;white-space:nowrap;vertical-align:bottom}
.report td{border-bottom:1px solid;padding-top:3px;padding-bottom:3px}
.report tbody th{font-weight:normal}
.report td.whole{white-space:nowrap}
.report .ladder>p{max-width:none}
.report .timeline>h2{display:none}
.report .remarked td{border-bottom:0;padding-bottom:0}
.report section section>p,.report section section>h2,.report h3,.report caption{white-space:pre-wrap}
.report figure{margin:10px 0;overflow-x:auto}
.report svg{display:block}
.report details{font-size:13px;margin:4px 0}
.report summary{cursor:pointer}
.report article{margin:0 0 18px}
.report code{font-size:92%}
.report dl{display:grid;grid-template-columns:minmax(120px,max-content) 1fr;gap:5px 18px;margin:8px 0}
.report dt{font-weight:600}
.report dd{margin:0;max-width:84ch;overflow-wrap:anywhere}
.report dd ul{list-style:none;padding:0;margin:0}
.report dd li{margin:0}
.report footer{margin-top:48px;font-size:13px}
@media (max-width:640px){
.report{padding:18px 14px 36px}
.report h1{font-size:23px}
.report .tiles{grid-template-columns:1fr 1fr;gap:8px}
.report .tiles li{padding:9px 11px}
.report .tiles .figure{font-size:21px}
.report dl{grid-template-columns:1fr;gap:0}
.report dd{margin-bottom:8px}
.report figure svg{max-width:none}
}
@page{size:A4;margin:14mm 13mm}
@media print{
body{font-size:10pt}
.report{max-width:none;padding:0}
.report h2{font-size:14pt;margin-top:22pt;break-after:avoid}
.report h3,.report caption,.report section section h2{break-after:avoid}
.report nav,.report details{display:none}
.report thead{display:table-header-group}
.report tr,.report svg,.report .panel,.report .tiles li{break-inside:avoid}
.report table{font-size:7.5pt}
.report td,.report th{padding-right:6px;overflow-wrap:anywhere}
.report .number,.report th,.report td:first-child{overflow-wrap:normal}
.report td:first-child{white-space:nowrap}
.report th{white-space:normal}
.report section section,.report figure{overflow:visible}
.report .ladder svg{max-height:235mm;width:auto}
.report .tiles{grid-template-columns:repeat(4,1fr)}
}
"""


def page_style_sheet() -> str:
    """Return the rules for a whole page, those of :func:`style_sheet` included."""
    rules = _PAGE.replace("\n", "").replace("TEXT_FONT", TEXT_FONT)
    return (
        f"{style_sheet()}{rules}{_surfaces(0)}"
        f"@media (prefers-color-scheme:dark){{{_surfaces(1)}}}"
        f"@media print{{{_surfaces(0)}}}"
    )


def _surfaces(which: int) -> str:
    line = LINE[which]
    edged = ".report h2,.report th,.report td,.report .panel,.report .tiles li,.report .note"
    return (
        f"body{{background:{PAPER[which]};color:{INK[which]}}}"
        f".report .panel,.report .tiles li{{background:{PANEL[which]}}}"
        f"{edged}{{border-color:{line}}}"
    )


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
