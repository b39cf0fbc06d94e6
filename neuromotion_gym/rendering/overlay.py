"""The overlay beside the limb, for people: signal, decoder's output, intended label, and positions of limb and goal.

The layout is made for 1280 x 720 pixels and is scaled to the height of the picture. `window` gives the part that stays
free for the limb.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering.panels import (
    GREEN,
    GREY,
    INK,
    LINE,
    PAPER,
    RED,
    TARGET,
    Panel,
    draw_bars,
    draw_gauges,
    draw_strips,
    text_width,
)
from neuromotion_gym.rendering.snapshot import spoken

if TYPE_CHECKING:
    from PIL import Image

    from neuromotion_gym.rendering.snapshot import Snapshot

_LEFT, _RIGHT = 24, 24
_WIDTH, _TOP = 300, 92
_TITLE = 21
"""Size of the title; a long one is written smaller."""
_ROW = 30
_GAP = 14
_HEAD = 46
_GAUGE, _LOWEST_GAUGE = 50, 34
"""Height of a gauge, and the least that it can be read at; if there is no room for all, some are left out."""
_MOST_LABELS = 11
_PILL, _UNDER_PILL, _CAPTION_WIDTH = 46, 20, 780
"""Height of the line with the labels, room around it in a caption, and width of a picture with a caption."""


def window(width: int = 1280, height: int = 720) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of a picture that the overlay leaves free, in pixels."""
    scale = height / 720
    side = int((_LEFT + _WIDTH) * scale)
    return side, int(64 * scale), width - side, int(height - 64 * scale)


def above_caption(width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of a picture that `caption` leaves free, in pixels."""
    return 0, 0, width, height - round((_PILL + _UNDER_PILL) * width / _CAPTION_WIDTH)


def caption(frame: np.ndarray, snapshot: Snapshot) -> np.ndarray:
    """Draw the labels that were intended and decoded below a small picture, and the outcome above it; no panels.

    Parameters and result are those of `compose`.
    """
    snapshot.check()
    from PIL import Image

    picture = Image.fromarray(frame)
    _foot(picture, snapshot, picture.width / _CAPTION_WIDTH, 12, _UNDER_PILL / 2)
    return np.asarray(picture)


def compose(frame: np.ndarray, snapshot: Snapshot) -> np.ndarray:
    """Draw the overlay over a picture.

    Parameters
    ----------
    frame : uint8 array, shape (height, width, 3)
        Not changed.
    snapshot : Snapshot

    Returns
    -------
    uint8 array, shape (height, width, 3)

    Raises
    ------
    NeuroMotionError
        If the picture is too narrow for the two panels, or the snapshot's parts do not fit each other.
    """
    height, width = frame.shape[:2]
    scale = height / 720
    if width < 2.6 * (_LEFT + _WIDTH) * scale:
        raise NeuroMotionError(
            f"The overlay needs a picture at least {2.6 * (_LEFT + _WIDTH) / 720:.2f} times as wide as high, "
            f"not {width} x {height}."
        )
    snapshot.check()
    from PIL import Image

    picture = Image.fromarray(frame)
    _head(picture, snapshot, scale)
    _signal_panel(picture, snapshot, scale)
    _decoder_panels(picture, snapshot, scale)
    _foot(picture, snapshot, scale, 82, 18)
    return np.asarray(picture)


def _head(picture: Image.Image, snapshot: Snapshot, scale: float) -> None:
    width = picture.width
    title = Panel(width / scale - _LEFT - _RIGHT, 56, scale, colour=None)
    clock = f"{snapshot.time_s:4.1f} s of {snapshot.time_limit_s:.0f} s"
    right = title.width
    room = right - text_width(clock, 14, scale) - _GAP
    size = min(_TITLE, _TITLE * room / max(1.0, text_width(snapshot.title, _TITLE, scale, bold=True)))
    title.text((0, 0), snapshot.title, size, bold=True)
    title.text((0, 29), snapshot.subtitle, 13.5, colour=GREY)
    title.text((right, 4), clock, 14, anchor="ra")
    title.bar((right - _WIDTH, 32, right, 38), LINE, 3)
    share = float(np.clip(snapshot.time_s / snapshot.time_limit_s, 0.0, 1.0)) if snapshot.time_limit_s > 0 else 0.0
    if share > 0:
        title.bar((right - _WIDTH, 32, right - _WIDTH + max(6.0, share * _WIDTH), 38), INK, 3)
    title.paste(picture, _LEFT, 22)


def _signal_panel(picture: Image.Image, snapshot: Snapshot, scale: float) -> None:
    panel = Panel(_WIDTH, 560, scale)
    seconds = snapshot.signal.shape[1] / snapshot.rate_hz
    panel.text((16, 13), "Signal", 15, bold=True)
    panel.text((_WIDTH - 16, 15), f"last {seconds:.1f} s, {snapshot.rate_hz:g} Hz", 12, colour=GREY, anchor="ra")
    draw_strips(panel, (16, 44, _WIDTH - 16, 526), snapshot)
    panel.paste(picture, _LEFT, _TOP)


def _decoder_panels(picture: Image.Image, snapshot: Snapshot, scale: float) -> None:
    left = picture.width / scale - _RIGHT - _WIDTH
    snapshot = _with_labels(snapshot, _MOST_LABELS)
    bars = 52 + _ROW * len(snapshot.labels) + (_ROW if snapshot.effort is not None else 0)
    panel = Panel(_WIDTH, bars, scale)
    panel.text((16, 13), "Decoder", 15, bold=True)
    panel.text((_WIDTH - 16, 15), "probability" if snapshot.decoded else "value", 12, colour=GREY, anchor="ra")
    draw_bars(panel, 44, _ROW, snapshot)
    panel.paste(picture, left, _TOP)

    room = 720 - (_TOP + bars + _GAP) - _HEAD - _GAP
    snapshot = _with_axes(snapshot, int(room // _LOWEST_GAUGE))
    if not snapshot.axes:
        return
    row = min(_GAUGE, room / len(snapshot.axes))
    gauges = Panel(_WIDTH, _HEAD + row * len(snapshot.axes), scale)
    gauges.text((16, 13), snapshot.gauges, 15, bold=True)
    if snapshot.goals is not None:
        left_of_word = _WIDTH - 16 - text_width(snapshot.goal, 12, scale) - 8
        gauges.text((_WIDTH - 16, 15), snapshot.goal, 12, colour=GREY, anchor="ra")
        gauges.bar((left_of_word - 14, 17, left_of_word, 27), TARGET, 5)
    draw_gauges(gauges, 44, row, snapshot)
    gauges.paste(picture, left, _TOP + bars + _GAP)


def _with_labels(snapshot: Snapshot, most: int) -> Snapshot:
    """The snapshot with at most so many labels: those that were decoded and intended, and the most probable ones."""
    labels, named = snapshot.labels, (snapshot.decoded, snapshot.intended)
    rank = [
        (label not in named, -abs(float(p)), index)
        for index, (label, p) in enumerate(zip(labels, snapshot.posterior, strict=True))
    ]
    kept = sorted(index for _, _, index in sorted(rank)[:most])
    return replace(snapshot, labels=[labels[index] for index in kept], posterior=np.asarray(snapshot.posterior)[kept])


def _with_axes(snapshot: Snapshot, most: int) -> Snapshot:
    """The snapshot with at most so many axes: those whose goal or position is farthest from home."""
    positions = np.asarray(snapshot.positions)
    goals = None if snapshot.goals is None else np.asarray(snapshot.goals)
    far = np.abs(positions) if goals is None else np.maximum(np.abs(positions), np.abs(goals))
    kept = np.sort(np.argsort(-far, kind="stable")[:most])
    axes = [snapshot.axes[index] for index in kept]
    return replace(snapshot, axes=axes, positions=positions[kept], goals=None if goals is None else goals[kept])


def _foot(picture: Image.Image, snapshot: Snapshot, scale: float, above: float, below: float) -> None:
    """Draw the intended and the decoded label and, after the end of the episode, its outcome.

    ``above`` and ``below`` are the distances of the outcome and of the labels from the border.
    """
    right = snapshot.decoded == snapshot.intended
    pill = Panel(540, _PILL, scale, colour=PAPER, radius=_PILL / 2)
    pill.text((24, 23), "wants", 12.5, colour=GREY, anchor="lm")
    pill.text((72, 23), spoken(snapshot.intended), 15.5, bold=True, anchor="lm")
    if snapshot.decoded:
        pill.text((284, 23), "decoded", 12.5, colour=GREY, anchor="lm")
        pill.text((350, 23), spoken(snapshot.decoded), 15.5, bold=True, colour=GREEN if right else RED, anchor="lm")
        pill.mark((516, 23), right)
    middle = picture.width / scale / 2
    pill.paste(picture, middle - pill.width / 2, picture.height / scale - _PILL - below)
    if not snapshot.ended:
        return
    colour = GREEN if snapshot.success else RED if snapshot.wrong else GREY
    banner = Panel(340, 54, scale, colour=colour, radius=27)
    banner.text((170, 27), snapshot.verdict, 19, bold=True, colour=PAPER, anchor="mm")
    banner.paste(picture, middle - banner.width / 2, above)
