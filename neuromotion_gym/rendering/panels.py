"""Panels of the overlay and their contents. They are drawn at twice the size and halved, which smooths the edges."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.rendering.snapshot import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.rendering.snapshot import Snapshot

Colour = tuple[int, int, int]

INK: Colour = (38, 50, 62)
GREY: Colour = (112, 124, 136)
LINE: Colour = (222, 227, 231)
PAPER: Colour = (255, 255, 255)
GREEN: Colour = (0, 130, 100)
RED: Colour = (200, 80, 0)
"""Right and wrong are bluish green and vermilion (Okabe M, Ito K 2008, Color universal design), which people with
any kind of colour vision can tell apart."""
BLUE: Colour = (0, 104, 168)
TARGET: Colour = (0, 150, 146)
QUIET: Colour = (168, 192, 212)

STRIPS = 8
"""Largest number of channels that are drawn."""
_SHORTEST_NAME, _LONGEST_NAME, _NAME_GAP, _NAME_SIZE = 38.0, 84.0, 8.0, 11.0
"""Room for the names of channels, what is free behind them, and the size of their letters, in the same pixels."""
_HIGHEST_BAR = 20
"""Largest height of the scale bar below the channels, in pixels of a picture 720 high."""
_FINE = 2


class Panel:
    """A panel with rounded corners. Coordinates are pixels of a picture 720 high.

    Parameters
    ----------
    width, height : float
    scale : float
        Height of the picture divided by 720.
    colour : tuple of int, optional
        Colour of the panel; None for text without a panel, on a light background.
    radius : float
        Radius of the corners.
    """

    opacity = 0.93

    def __init__(
        self, width: float, height: float, scale: float, colour: Colour | None = PAPER, radius: float = 14
    ) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height, self.scale, self.colour, self.radius = width, height, scale, colour, radius
        self.factor = scale * _FINE
        self.size = (round(width * scale), round(height * scale))
        fine = (self.size[0] * _FINE, self.size[1] * _FINE)
        self.image: Any = Image.new("RGBA" if colour is None else "RGB", fine, (*INK, 0) if colour is None else colour)
        self.draw: Any = ImageDraw.Draw(self.image)

    def text(
        self,
        place: tuple[float, float],
        words: str,
        size: float,
        colour: Colour = INK,
        bold: bool = False,
        anchor: str = "la",
    ) -> None:
        """Write ``words``; ``anchor`` as in Pillow."""
        if not words:
            return
        mask, (dx, dy) = _written(words, round(size * self.factor), bold, anchor)
        x, y = self._at(place)
        self.image.paste(colour if self.colour else (*colour, 255), (round(x) + dx, round(y) + dy), mask)

    def bar(self, box: tuple[float, float, float, float], colour: Colour, radius: float = 0.0) -> None:
        """Filled rectangle: left, top, right, bottom."""
        corners = [value * self.factor for value in box]
        self.draw.rounded_rectangle(corners, radius * self.factor, fill=colour)

    def line(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Polyline through ``points`` (n, 2)."""
        flat = (np.asarray(points) * self.factor).ravel().tolist()
        self.draw.line(flat, fill=colour, width=max(1, round(width * self.factor)))

    def dot(self, place: tuple[float, float], radius: float, colour: Colour) -> None:
        """Filled circle."""
        x, y = self._at(place)
        r = radius * self.factor
        self.draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)

    def mark(self, place: tuple[float, float], right: bool) -> None:
        """A tick or a cross, so that colour is not the only sign."""
        x, y = place
        shapes = [[(-5, 0), (-1.5, 4), (6, -5)]] if right else [[(-4.5, -4.5), (4.5, 4.5)], [(-4.5, 4.5), (4.5, -4.5)]]
        for shape in shapes:
            self.line(np.add(shape, (x, y)), GREEN if right else RED, 2.2)

    def paste(self, picture: Any, left: float, top: float) -> None:
        """Halve the panel and draw it over ``picture``, a Pillow image, in place."""
        card = self.image.reduce(_FINE)
        corner = (round(left * self.scale), round(top * self.scale))
        if self.colour is None:
            picture.paste(card.convert("RGB"), corner, card.getchannel("A"))
        else:
            picture.paste(card, corner, _mask(self.size, round(self.radius * self.scale), self.opacity))

    def _at(self, place: tuple[float, float]) -> tuple[float, float]:
        return place[0] * self.factor, place[1] * self.factor


def draw_strips(panel: Panel, box: tuple[float, float, float, float], snapshot: Snapshot) -> None:
    """Draw channels one above the other, all at the same scale, with a scale bar; at most `STRIPS` of them.

    ``box`` is left, top, right, bottom.
    """
    signal, channels = snapshot.signal, snapshot.channels
    chosen = pick_channels(channels, snapshot.shown_first)
    left, top, right, bottom = box
    values = signal[chosen] - np.median(signal[chosen], axis=1, keepdims=True)
    reach = nice_above(float(np.quantile(np.abs(values), 0.995)) if values.size else 0.0)
    height = (bottom - top) / len(chosen)
    names = [shortened_to(spoken(str(channels[index])), _LONGEST_NAME, _NAME_SIZE, panel.scale) for index in chosen]
    start = left + max(_SHORTEST_NAME, *(text_width(name, _NAME_SIZE, panel.scale) for name in names)) + _NAME_GAP
    for row, name in enumerate(names):
        middle = top + (row + 0.5) * height
        panel.text((left, middle), name, _NAME_SIZE, colour=GREY, anchor="lm")
        panel.line(np.array([[start, middle], [right, middle]]), LINE, 0.8)
        x, y = envelope(values[row], int((right - start) * panel.scale))
        y = middle - np.clip(y / reach, -1.0, 1.0) * 0.5 * height
        panel.line(np.stack([start + x * (right - start), y], axis=1), BLUE, 1.0)
    share = 0.5
    while share * height / 2 > _HIGHEST_BAR:
        share /= 2
    panel.line(np.array([[right - 1, bottom + 8], [right - 1, bottom + 8 + share * height / 2]]), INK, 1.6)
    panel.text((right - 8, bottom + 16), in_words(share * reach, snapshot.unit), 11.5, colour=GREY, anchor="rm")


def draw_bars(panel: Panel, top: float, row: float, snapshot: Snapshot) -> None:
    """Draw the posterior: one bar per label, the decoded label in a strong colour, the intended one with a ring.

    For values of targets, which may be below 0, the length of a bar is the size of the value.
    """
    left, right, name = 16.0, panel.width - 58, 160.0
    rows = [(spoken(label), float(p), label) for label, p in zip(snapshot.labels, snapshot.posterior, strict=True)]
    for index, (words, share, label) in enumerate(rows):
        y = top + (index + 0.5) * row
        decoded, wanted = label == snapshot.decoded, label == snapshot.intended
        panel.text((left + 14, y), words, 13, bold=decoded, colour=INK if decoded or wanted else GREY, anchor="lm")
        if wanted:
            panel.dot((left + 3, y), 4, BLUE)
            panel.dot((left + 3, y), 2, PAPER)
        panel.bar((name, y - 6, right, y + 6), LINE, 6)
        if abs(share) > 0.01:
            colour = (GREEN if wanted else RED) if decoded else QUIET
            panel.bar((name, y - 6, name + max(12.0, abs(share) * (right - name)), y + 6), colour, 6)
        panel.text((panel.width - 16, y), f"{share:.2f}", 12, colour=INK if decoded else GREY, anchor="rm")
    if snapshot.effort is not None:
        y = top + (len(rows) + 0.5) * row
        panel.text((left + 14, y), "effort", 13, colour=GREY, anchor="lm")
        panel.bar((name, y - 2, right, y + 2), LINE, 2)
        panel.bar((name, y - 2, name + max(4.0, float(np.clip(snapshot.effort, 0, 1)) * (right - name)), y + 2), INK, 2)
        panel.text((panel.width - 16, y), f"{snapshot.effort:.2f}", 12, colour=GREY, anchor="rm")


def draw_gauges(panel: Panel, top: float, row: float, snapshot: Snapshot) -> None:
    """Draw the position of the limb on each axis, and the range that counts as the goal."""
    left, right, lowest = 16.0, panel.width - 16, snapshot.lowest
    for index, axis in enumerate(snapshot.axes):
        y = top + index * row
        here = float(np.clip(snapshot.positions[index], lowest, 1))
        panel.text((left, y), spoken(axis), 13, colour=INK)
        panel.text((right, y), f"{here:+.2f}" if lowest < 0 else f"{here:.2f}", 12, colour=GREY, anchor="ra")
        track = y + 0.54 * row

        def place(value: float) -> float:
            return left + 6 + (np.clip(value, lowest, 1) - lowest) / (1 - lowest) * (right - left - 12)

        panel.bar((left, track - 3, right, track + 3), LINE, 3)
        panel.bar((place(0) - 0.8, track - 7, place(0) + 0.8, track + 7), LINE)
        if snapshot.goals is not None:
            goal = float(snapshot.goals[index])
            start, end = place(goal - snapshot.tolerance), place(goal + snapshot.tolerance)
            panel.bar((start, track - 7, end, track + 7), TARGET, 7)
        panel.dot((place(here), track), 7.5, PAPER)
        panel.dot((place(here), track), 6, INK)


def pick_channels(channels: Sequence[str], shown_first: Sequence[str] = ()) -> list[int]:
    """Indices of at most `STRIPS` channels: those of ``shown_first``, then evenly spaced ones.

    Names are compared without regard to upper and lower case. All channels are shown, in their own order, where there
    is room for them.
    """
    if len(channels) <= STRIPS:
        return list(range(len(channels)))
    names = [str(channel).upper() for channel in channels]
    wanted = dict.fromkeys(str(name).upper() for name in shown_first)
    chosen = [names.index(name) for name in wanted if name in names][:STRIPS]
    others = [index for index in range(len(channels)) if index not in chosen]
    places = np.linspace(0, len(others) - 1, STRIPS - len(chosen)).round()
    return chosen + [others[int(place)] for place in places]


def envelope(values: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value in each column of pixels, so that no peak is lost.

    Returns
    -------
    x : float array, shape (n,)
        0 to 1 along the strip.
    y : float array, shape (n,)
    """
    if len(values) <= 2 * columns or columns < 1:
        return np.linspace(0.0, 1.0, len(values)), values
    edges = np.linspace(0, len(values), columns + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    return np.repeat(np.linspace(0.0, 1.0, columns), 2), np.stack([low, high], axis=1).ravel()


def nice_above(value: float) -> float:
    """The smallest 1, 2 or 5 times a power of ten that is not below ``value``; 1 if it is not positive and finite."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))


def in_words(value: float, unit: str) -> str:
    """A value with its unit and a prefix that keeps the number short."""
    if unit.lower() not in ("v", "volt", "volts"):
        several = unit.isalpha() and unit.islower() and len(unit) > 3 and not unit.endswith("s") and value != 1
        return f"{value:g} {unit}{'s' * several}".strip()  # a word such as "count", not a symbol
    for factor, prefix in ((1.0, "V"), (1e-3, "mV"), (1e-6, "µV")):
        if value >= factor:
            return f"{value / factor:g} {prefix}"
    return f"{value * 1e9:g} nV"


def text_width(words: str, size: float, scale: float, bold: bool = False) -> float:
    """Width of a line of text in pixels of a picture 720 high."""
    left, _, right, _ = _font(round(size * scale * _FINE), bold).getbbox(words)
    return float(right - left) / (scale * _FINE)


def shortened_to(words: str, longest: float, size: float, scale: float) -> str:
    """A line of text; where it is wider than ``longest`` pixels of a picture 720 high, its beginning and "…"."""
    shown, rest = words, len(words)
    while text_width(shown, size, scale) > longest and rest > 1:
        rest -= 1
        shown = words[:rest].rstrip() + "…"
    return shown


@cache
def _font(pixels: int, bold: bool) -> Any:
    """DejaVu Sans from Matplotlib's files, found without importing Matplotlib; otherwise Pillow's own font."""
    from PIL import ImageFont

    spec = find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), pixels)
    return ImageFont.load_default(pixels)


@lru_cache(maxsize=2048)
def _written(words: str, pixels: int, bold: bool, anchor: str) -> tuple[Any, tuple[int, int]]:
    """A line of text as a mask, and the place of its corner relative to the anchor."""
    from PIL import Image, ImageDraw

    font = _font(pixels, bold)
    left, top, right, bottom = font.getbbox(words, anchor=anchor)
    mask = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
    ImageDraw.Draw(mask).text((1 - left, 1 - top), words, fill=255, font=font, anchor=anchor)
    return mask, (int(left) - 1, int(top) - 1)


@cache
def _mask(size: tuple[int, int], radius: int, opacity: float) -> Any:
    """Rounded rectangle of one opacity."""
    from PIL import Image, ImageDraw

    large = Image.new("L", (size[0] * 4, size[1] * 4), 0)
    box = [0, 0, size[0] * 4 - 1, size[1] * 4 - 1]
    ImageDraw.Draw(large).rounded_rectangle(box, radius * 4, fill=round(255 * opacity))
    return large.reduce(4)
