"""What a person is told beside the limb: the signal, what the decoder makes of it, what was wanted, how far it is.

Laid out for 1280 x 720 and scaled to the height of the picture. `window` says which part stays free for the limb.
"""

from __future__ import annotations

from dataclasses import dataclass
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
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

_LEFT, _RIGHT = 24, 24
_WIDTH, _TOP = 300, 92
_ROW = 30


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that the overlay shows at one moment.

    Parameters
    ----------
    signal : float array, shape (channels, samples)
        The last seconds, newest last.
    rate_hz : float
        Sampling rate of ``signal``.
    unit : str
        Unit of its values, ``V`` for volts.
    channels : sequence of str
        Their names.
    labels : sequence of str
        The decoder's labels.
    posterior : float array, shape (labels,)
        Its last decision.
    intended, decoded : str
        Labels; what the operator wants, what was decoded.
    time_s, time_limit_s : float
        Seconds into the episode, and its length.
    success : bool or None
        None while it goes on.
    wrong : bool
        Whether it ended by a wrong selection.
    title, subtitle : str
        Environment and decoder; person, part and controller.
    axes : sequence of str
        Degrees of freedom that move.
    positions : float array, shape (axes,)
        Where they are, -1 to 1.
    goals : float array, shape (axes,), or None
        Where they should be.
    tolerance : float
        How near counts as there.
    effort : float or None
        Strength of the contraction, 0 to 1.
    """

    signal: np.ndarray
    rate_hz: float
    unit: str
    channels: Sequence[str]
    labels: Sequence[str]
    posterior: np.ndarray
    intended: str
    decoded: str
    time_s: float
    time_limit_s: float
    success: bool | None
    wrong: bool
    title: str
    subtitle: str
    axes: Sequence[str]
    positions: np.ndarray
    goals: np.ndarray | None = None
    tolerance: float = 0.15
    effort: float | None = None


def window(width: int = 1280, height: int = 720) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of a picture that the overlay leaves free, in pixels."""
    scale = height / 720
    side = int((_LEFT + _WIDTH) * scale)
    return side, int(64 * scale), width - side, int(height - 64 * scale)


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
    _check(snapshot)
    from PIL import Image

    picture = Image.fromarray(frame)
    _head(picture, snapshot, scale)
    _signal_panel(picture, snapshot, scale)
    _decoder_panels(picture, snapshot, scale)
    _foot(picture, snapshot, scale)
    return np.asarray(picture)


def _check(snapshot: Snapshot) -> None:
    pairs = (
        ("channels", len(snapshot.channels), "rows of signal", len(snapshot.signal)),
        ("labels", len(snapshot.labels), "elements of posterior", len(snapshot.posterior)),
        ("axes", len(snapshot.axes), "positions", len(snapshot.positions)),
    )
    for name, count, other, number in pairs:
        if count != number:
            raise NeuroMotionError(f"The snapshot names {count} {name} but has {number} {other}.")


def _head(picture: Image.Image, snapshot: Snapshot, scale: float) -> None:
    width = picture.width
    title = Panel(width / scale - _LEFT - _RIGHT, 56, scale, colour=None)
    title.text((0, 0), snapshot.title, 21, bold=True)
    title.text((0, 29), snapshot.subtitle, 13.5, colour=GREY)
    clock = f"{snapshot.time_s:4.1f} s of {snapshot.time_limit_s:.0f} s"
    right = title.width
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
    draw_strips(panel, (16, 44, _WIDTH - 16, 526), snapshot.signal, snapshot.channels, snapshot.unit)
    panel.paste(picture, _LEFT, _TOP)


def _decoder_panels(picture: Image.Image, snapshot: Snapshot, scale: float) -> None:
    left = picture.width / scale - _RIGHT - _WIDTH
    bars = 52 + _ROW * len(snapshot.labels) + (_ROW if snapshot.effort is not None else 0)
    panel = Panel(_WIDTH, bars, scale)
    panel.text((16, 13), "Decoder", 15, bold=True)
    panel.text((_WIDTH - 16, 15), "probability", 12, colour=GREY, anchor="ra")
    draw_bars(panel, 44, _ROW, snapshot)
    panel.paste(picture, left, _TOP)

    gauges = Panel(_WIDTH, 46 + 50 * len(snapshot.axes), scale)
    gauges.text((16, 13), "Movement", 15, bold=True)
    if snapshot.goals is not None:
        gauges.text((_WIDTH - 16, 15), "target", 12, colour=GREY, anchor="ra")
        gauges.bar((_WIDTH - 76, 17, _WIDTH - 62, 27), TARGET, 5)
    draw_gauges(gauges, 44, 50, snapshot)
    gauges.paste(picture, left, _TOP + bars + 14)


def _foot(picture: Image.Image, snapshot: Snapshot, scale: float) -> None:
    """What was wanted beside what was decoded; the outcome once there is one."""
    right = snapshot.decoded == snapshot.intended
    pill = Panel(540, 46, scale, colour=PAPER, radius=23)
    pill.text((24, 23), "wants", 12.5, colour=GREY, anchor="lm")
    pill.text((72, 23), spoken(snapshot.intended), 15.5, bold=True, anchor="lm")
    pill.text((284, 23), "decoded", 12.5, colour=GREY, anchor="lm")
    pill.text((350, 23), spoken(snapshot.decoded), 15.5, bold=True, colour=GREEN if right else RED, anchor="lm")
    pill.mark((516, 23), right)
    middle = picture.width / scale / 2
    pill.paste(picture, middle - pill.width / 2, 720 - 46 - 18)
    if snapshot.success is None and not snapshot.wrong:
        return
    words = "Target selected" if snapshot.success else "Wrong posture selected" if snapshot.wrong else "Time is up"
    colour = GREEN if snapshot.success else RED if snapshot.wrong else GREY
    banner = Panel(340, 54, scale, colour=colour, radius=27)
    banner.text((170, 27), words, 19, bold=True, colour=PAPER, anchor="mm")
    banner.paste(picture, middle - banner.width / 2, 82)


def spoken(label: str) -> str:
    """A label as one reads it aloud."""
    return label.replace("_", " ")
