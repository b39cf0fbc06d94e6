"""Pictures of a report, from numbers to HTML: success, time to success, success against offline accuracy.

Positions in an SVG are percentages of its width, so a picture fits a phone and a wide screen with letters of one size.
Colours are near those of Okabe and Ito, which readers with any kind of colour vision can tell apart; lines of bounds
differ in their dashes, too. Every row says in words what it shows, for readers who hear the page.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.benchmark.shown import count, limits, mean_and_limits, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.statistics import Interval

BOUNDS = {
    "oracle": "oracle: always right after its own lag",
    "open_loop": "open_loop: labels chosen at the start",
    "shuffled": "shuffled: labels drawn at random",
    "blind": "blind: best constant posture",
    "chance": "chance",
}
"""Vertical lines, with their words in the legend."""
STYLE = """
:root { --decoder: #0072b2; --control: #b85000; --oracle: #00795a; --shuffled: #9a6700; --blind: #a3407c;
  --open_loop: #5b51a5; --chance: #6b7580; }
@media (prefers-color-scheme: dark) {
  :root { --decoder: #56b4e9; --control: #f08a4b; --oracle: #2ec79b; --shuffled: #e6b93f; --blind: #e08fc0;
    --open_loop: #a79df0; --chance: #8b96a1; }
}
figure { margin: 0 0 1.5rem; padding: 1rem 1.25rem; background: var(--card); border-radius: .75rem; }
figcaption { max-width: 48rem; margin-bottom: .5rem; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1.25rem; margin: .5rem 0; padding: 0; font-size: .85rem;
  color: var(--muted); list-style: none; }
.legend svg { width: 1.75rem; height: 1rem; margin-right: .4rem; vertical-align: -.15rem; }
figure h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
.row, .axis { display: grid; grid-template-columns: minmax(6rem, 12rem) 1fr 10rem; column-gap: 1.5rem;
  align-items: center; }
.row + .row { border-top: 1px solid var(--line); }
.row .value { font-size: .875rem; font-variant-numeric: tabular-nums; }
.row svg { grid-column: 2; grid-row: 1; }
.axis svg { grid-column: 2; }
.row svg, .axis svg, .panel svg { width: 100%; overflow: visible; display: block; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1.5rem;
  align-items: end; }
.panel { padding-left: 2.25rem; }
.panel h3 { margin-left: -2.25rem; font-weight: 600; }
.panel p { margin: 1.75rem 0 0; font-size: .85rem; color: var(--muted); }
svg text { fill: var(--muted); font-size: 12px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .dot { fill: currentColor; fill-opacity: .55; }
svg .mean { fill: currentColor; stroke: var(--card); stroke-width: 2; }
svg .interval { stroke: currentColor; stroke-width: 4; stroke-linecap: round; }
.decoder { color: var(--decoder); } .control { color: var(--control); }
svg .oracle { stroke: var(--oracle); stroke-width: 2.5; }
svg .open_loop { stroke: var(--open_loop); stroke-width: 2.5; stroke-dasharray: 10 4; }
svg .shuffled { stroke: var(--shuffled); stroke-width: 2.5; stroke-dasharray: 6 3; }
svg .blind { stroke: var(--blind); stroke-width: 2.5; stroke-dasharray: 2 3; }
svg .chance { stroke: var(--chance); stroke-width: 1.5; stroke-dasharray: 10 3 2 3; }
@media (max-width: 40rem) {
  figure { padding: .75rem .9rem; margin-left: -.5rem; margin-right: -.5rem; }
  .row { grid-template-columns: 1fr auto; margin-top: .6rem; }
  .row .name { font-weight: 600; font-size: .9rem; }
  .row svg { grid-column: 1 / 3; grid-row: 2; }
  .axis { grid-template-columns: 1fr; }
  .axis svg { grid-column: 1; }
  .row svg, .axis svg { width: calc(100% - 16px); margin: 0 8px; }
}
"""
HEIGHT, MEAN_Y, DOTS_Y, DOT = 54, 14, (27, 46), 3.1
"""Pixels: height of a row, place of its mean, first and last place of its dots, radius of a dot."""
BLOCK = 40.0
"""Pixels: largest width of a block of dots of the same value."""
SAME = 0.006
"""Bounds that are nearer to each other than this would hide each other."""
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, eq=False)
class Bar:
    """What one decoder reached with one controller.

    Parameters
    ----------
    decoder, controller : str
    control : bool
        Whether the decoder is a control.
    success : Interval
    rates : float array, shape (people,)
        Success rate of each person.
    bounds : mapping of str to float
        Success rates of the bounds, and chance; keys of `BOUNDS`.
    times_s : float array, shape (successes,)
        Seconds to selection of every success.
    person_times_s : float array, shape (people with a success,)
        Median of each person's.
    oracle_time_s : float
        Median of the oracle's; NaN where it was not played.
    """

    decoder: str
    controller: str
    control: bool
    success: Interval
    rates: np.ndarray
    bounds: Mapping[str, float]
    times_s: np.ndarray
    person_times_s: np.ndarray
    oracle_time_s: float

    @property
    def kind(self) -> str:
        """Class of its marks, which gives them their colour."""
        return "control" if self.control else "decoder"


@dataclass(frozen=True, eq=False)
class Scatter:
    """Success of each person against the offline accuracy of the same decoder for the same person.

    Parameters
    ----------
    decoder, controller : str
    control : bool
    accuracy, success : float array, shape (people,)
    rho : float
        Spearman's rank correlation; NaN if one of the two does not vary.
    """

    decoder: str
    controller: str
    control: bool
    accuracy: np.ndarray
    success: np.ndarray
    rho: float


@dataclass(frozen=True, eq=False)
class Measured:
    """A share with its interval, such as an accuracy, in one row of a picture.

    Parameters
    ----------
    name : str
    marked : bool
        Whether the row stands out from the others.
    share : Interval
    each : float array, shape (people,)
        The share of each person; may be empty.
    chance : float
        Where a line stands; NaN for none.
    """

    name: str
    marked: bool
    share: Interval
    each: np.ndarray
    chance: float


def measured_picture(caption: str, rows: Sequence[Measured]) -> str:
    """Shares from 0 to 1: the mean with its interval, one dot a person, chance as a line.

    Parameters
    ----------
    caption : str
        HTML.
    rows : sequence of Measured
    """
    parts = []
    for row in rows:
        value = mean_and_limits(row.share)
        words = f"{row.name}: {value}; chance {number(row.chance, '.2f')}"
        marks = [] if np.isnan(row.chance) else [_line(row.chance, "chance")]
        if not np.isnan(row.share.low):
            marks.append(_span(row.share.low, row.share.high))
        marks += [_circle(row.share.mean, MEAN_Y, 6, "mean"), *_dots(row.each)]
        parts.append(_row(row.name, "control" if row.marked else "decoder", value, words, marks))
    parts.append(_axis([f"{value:g}" for value in GRID]))
    return _figure(caption, ["chance"] if any(not np.isnan(row.chance) for row in rows) else [], parts)


def success_picture(bars: Sequence[Bar]) -> str:
    """Success rates: the mean with its interval, one dot a person, the bounds as lines.

    Parameters
    ----------
    bars : sequence of Bar
        In the order shown; those of one decoder stand together.
    """
    present = [name for name in BOUNDS if any(name in bar.bounds for bar in bars)]
    parts = []
    for decoder, group in _by_decoder(bars):
        parts.append(f"<h3>{html.escape(decoder)}</h3>")
        for bar in group:
            told = ", ".join(f"{name} {number(value, '.2f')}" for name, value in bar.bounds.items())
            words = (
                f"{bar.decoder} with {bar.controller}: success {bar.success.mean:.2f}, 95 % interval "
                f"{limits(bar.success)}; {count(len(bar.rates), 'person', 'people')} from {bar.rates.min():.2f} to "
                f"{bar.rates.max():.2f}; {told}"
            )
            marks = _bounds(bar.bounds)
            if not np.isnan(bar.success.low):
                marks.append(_span(bar.success.low, bar.success.high))
            marks += [_circle(bar.success.mean, MEAN_Y, 6, "mean"), *_dots(bar.rates)]
            parts.append(_row(bar.controller, bar.kind, mean_and_limits(bar.success), words, marks))
        parts.append(_axis([f"{value:g}" for value in GRID]))
    caption = (
        "<b>Success by decoder and controller.</b> Large dot and bar: mean over people with its 95 % interval. "
        "Small dots: one a person."
    )
    return _figure(caption, present, parts)


def time_picture(bars: Sequence[Bar], limit_s: float) -> str:
    """Seconds to a right selection: median and quartiles of all successes, one dot a person, the oracle's median.

    Parameters
    ----------
    bars : sequence of Bar
    limit_s : float
        Time limit, the end of the axis.
    """
    parts = []
    for decoder, group in _by_decoder(bars):
        parts.append(f"<h3>{html.escape(decoder)}</h3>")
        for bar in group:
            marks = [] if np.isnan(bar.oracle_time_s) else [_line(bar.oracle_time_s / limit_s, "oracle")]
            value, words = "no success", f"{bar.decoder} with {bar.controller}: no success"
            if len(bar.times_s):
                low, middle, high = np.quantile(bar.times_s, [0.25, 0.5, 0.75])
                value = f"{middle:.1f} s"
                words = (
                    f"{bar.decoder} with {bar.controller}: median {value}, half of all between {low:.1f} and "
                    f"{high:.1f} s; oracle {number(bar.oracle_time_s, '.1f', ' s')}"
                )
                marks += [_span(low / limit_s, high / limit_s), _circle(middle / limit_s, MEAN_Y, 6, "mean")]
                marks += _dots(bar.person_times_s / limit_s)
            parts.append(_row(bar.controller, bar.kind, value, words, marks))
        parts.append(_axis([f"{value * limit_s:g} s" for value in GRID]))
    caption = (
        "<b>Time to success.</b> Large dot and bar: median, and half of all successes. Small dots: median of "
        f"one person. The axis ends at the time limit, {limit_s:g} s."
    )
    return _figure(caption, ["oracle"] if any(not np.isnan(bar.oracle_time_s) for bar in bars) else [], parts)


def offline_picture(panels: Sequence[Scatter]) -> str:
    """Success against offline accuracy, one panel per decoder and controller, one dot a person."""
    least = min((float(panel.accuracy.min()) for panel in panels), default=0.0)
    start = np.floor(10 * min(least, 0.9)) / 10
    parts = ['<div class="panels">']
    for panel in panels:
        people = count(len(panel.accuracy), "person", "people")
        rho = f"{people}, rank correlation {panel.rho:.2f}"
        if np.isnan(panel.rho):
            rho = f"{people}, no rank correlation: one of the two is the same for all"
        words = f"{panel.decoder} with {panel.controller}: success against offline accuracy, {rho}"
        marks = []
        for value in GRID:
            y = f"{100 * (1 - value):g}%"
            marks.append(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
            marks.append(f'<text x="-6" y="{y}" dy="4" text-anchor="end">{value:g}</text>')
        for place in (0.0, 0.5, 1.0):
            label = f"{start + place * (1 - start):.2g}"
            marks.append(f'<line class="grid" x1="{100 * place:g}%" x2="{100 * place:g}%" y1="0" y2="100%"/>')
            marks.append(f'<text x="{100 * place:g}%" y="100%" dy="18" text-anchor="middle">{label}</text>')
        for accuracy, success in zip(panel.accuracy, panel.success, strict=True):
            x, y = 100 * (accuracy - start) / (1 - start), 100 * (1 - success)
            marks.append(f'<circle class="dot" cx="{x:.4g}%" cy="{y:.4g}%" r="4.5"/>')
        parts.append(
            f'<div class="panel"><h3>{html.escape(panel.decoder)}, {html.escape(panel.controller)}</h3>'
            + _svg(200, words, marks, "control" if panel.control else "decoder")
            + f"<p>{html.escape(rho)}</p></div>"
        )
    caption = (
        "<b>Success against offline accuracy.</b> One dot a person; across: balanced accuracy per window of the "
        "decoder, up: success in the loop."
    )
    return _figure(caption, [], [*parts, "</div>"])


def _by_decoder(bars: Sequence[Bar]) -> Iterable[tuple[str, list[Bar]]]:
    for decoder, control in dict.fromkeys((bar.decoder, bar.control) for bar in bars):
        name = f"{decoder} (control)" if control else decoder
        yield name, [bar for bar in bars if (bar.decoder, bar.control) == (decoder, control)]


def _figure(caption: str, bounds: Sequence[str], parts: Sequence[str]) -> str:
    legend = ""
    if bounds:
        samples = "".join(
            f'<li><svg aria-hidden="true"><line class="{name}" x1="0" x2="100%" y1="50%" y2="50%"/></svg>{BOUNDS[name]}'
            "</li>"
            for name in bounds
        )
        legend = f'<ul class="legend">{samples}</ul>'
    return "\n".join([f"<figure><figcaption>{caption}{legend}</figcaption>", *parts, "</figure>"])


def _row(name: str, kind: str, value: str, words: str, marks: Sequence[str]) -> str:
    grid = [f'<line class="grid" x1="{100 * at:g}%" x2="{100 * at:g}%" y1="0" y2="{HEIGHT}"/>' for at in GRID]
    return (
        f'<div class="row"><span class="name">{html.escape(name)}</span>'
        + _svg(HEIGHT, words, [*grid, *marks], kind)
        + f'<span class="value">{html.escape(value)}</span></div>'
    )


def _axis(labels: Sequence[str]) -> str:
    texts = [
        f'<text x="{100 * at:g}%" y="14" text-anchor="middle">{html.escape(label)}</text>'
        for at, label in zip(GRID, labels, strict=True)
    ]
    return f'<div class="axis"><svg height="20" aria-hidden="true">{"".join(texts)}</svg></div>'


def _svg(height: int, words: str, marks: Sequence[str], kind: str) -> str:
    title = f"<title>{html.escape(words)}</title>"
    return f'<svg class="{kind}" height="{height}" role="img">{title}{"".join(marks)}</svg>'


def _bounds(bounds: Mapping[str, float]) -> list[str]:
    """Lines of the bounds; those of about the same value stand side by side, so that none hides another."""
    found: list[str] = []
    values: list[float] = []
    for name, value in bounds.items():
        beside = sum(abs(value - other) < SAME for other in values)
        found.append(_line(value, name, 3 * beside))
        values.append(value)
    return found


def _line(at: float, kind: str, right_px: float = 0) -> str:
    return f'<line class="{kind}" x1="{100 * at:.4g}%" x2="{100 * at:.4g}%" y1="0" y2="{HEIGHT}"{_moved(right_px)}/>'


def _moved(right_px: float) -> str:
    return f' transform="translate({right_px:.3g})"' if right_px else ""


def _span(low: float, high: float) -> str:
    return f'<line class="interval" x1="{100 * low:.4g}%" x2="{100 * high:.4g}%" y1="{MEAN_Y}" y2="{MEAN_Y}"/>'


def _circle(at: float, y: float, radius: float, kind: str, right_px: float = 0) -> str:
    return f'<circle class="{kind}" cx="{100 * at:.4g}%" cy="{y:.4g}" r="{radius:g}"{_moved(right_px)}/>'


def _dots(values: np.ndarray) -> list[str]:
    """One dot per value; dots of about the same value form a block around it, from the bottom of the row."""
    top, bottom = DOTS_Y
    places: dict[int, list[float]] = {}
    for value in np.sort(values):
        places.setdefault(round(60 * float(value)), []).append(float(value))
    high = int((bottom - top) // (2 * DOT)) + 1
    found = []
    for stack in places.values():
        columns = -(-len(stack) // high)
        step = min(2 * DOT, BLOCK / max(columns - 1, 1))
        for index, value in enumerate(stack):
            right = step * (index // high - (columns - 1) / 2)
            found.append(_circle(value, bottom - 2 * DOT * (index % high), DOT, "dot", right))
    return found
