"""What benchmarks of decoders that follow their wearer share: figures in words and pictures, episodes, cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers.registry import make_controller
from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.decoders.adaptation import adaptation_in_use
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.statistics import studentised_bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from neuromotion_gym.decoders.adaptation import AdaptationOptions
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.recording import Recording

ROWS, COST_S = 64, 60.0


def told(values: np.ndarray, low: float = 0.0) -> str:
    """Mean and interval over people; ``low`` is -1 for differences."""
    interval = studentised_bootstrap_interval(values, bounds=(low, 1.0))
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def strip_plot(
    shown: Mapping[str, Mapping[str, np.ndarray]], chances: Sequence[float], width: float, path: Path
) -> None:
    """A dot a person for each way, a panel for each title; chance is dotted."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(shown),
        figsize=(width, 0.42 * sum(len(ways) + 2 for ways in shown.values())),
        dpi=100,
        height_ratios=[len(ways) for ways in shown.values()],
    )
    for axis, (title, ways), chance in zip(axes, shown.items(), chances, strict=True):
        for place, values in enumerate(ways.values()):
            apart = place + np.linspace(-0.2, 0.2, len(values))
            axis.plot(np.sort(values), apart, "o", color="#0072B2", alpha=0.7, ms=4)
            axis.plot([values.mean()] * 2, [place - 0.35, place + 0.35], color="black")
        axis.axvline(chance, color="grey", linestyle=":")
        axis.set_yticks(range(len(ways)), list(ways))
        axis.invert_yaxis()
        axis.set_xlim(-0.02, 1.02)
        axis.set_title(title, fontsize=10, loc="left")
    axes[-1].set_xlabel("dot: a person never seen; line: mean; dotted: chance")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def looped(
    decoder: OnnxDecoder,
    person: str,
    options: AdaptationOptions,
    env_id: str,
    level: str,
    part: Literal["test", "all"],
    episodes: int,
    bound: str = "",
    *,
    after_labels: bool = False,
) -> float:
    """Share of a person's episodes, ``episodes`` of each session, that end with the right selection.

    Recordings of a part are replayed to ``argmax``; the decoder may be the ``bound`` "shuffled", "open_loop" or
    "oracle" of itself. With ``after_labels``, only sessions are played that have an earlier, labelled one.
    """
    driven = BoundDecoder(bound, decoder) if bound in ("shuffled", "open_loop", "oracle") else decoder  # type: ignore[arg-type]
    source = open_source(
        playing_for(decoder.spec, source="replay", part=part, subjects=[person], after_labels=after_labels)
    )
    parts = assemble(env_id, decoder=driven, source=source, level=level, adaptation=options)
    keys = episode_keys(parts.source.sessions, episodes)
    # What is kept is kept in a row: the episodes of a session come after each other there
    loop = ClosedLoop(parts, 1 if options.keep == "session" else len(keys))
    try:
        played, _ = play(loop, make_controller("argmax", loop.layout), keys, 0)
    finally:
        loop.close()
    return float(np.mean([one["success"] for one in played]))


def decision_ms(
    decoder: OnnxDecoder,
    windows: np.ndarray,
    options: AdaptationOptions,
    calibration: Sequence[Recording],
    apart: int,
) -> float:
    """Processor time of one decision with its adaptation in a batch of 64, in milliseconds, over a minute.

    Each row plays ``windows``, shape (n, channels, samples), ``apart`` windows after the row before.
    """
    adapted = adaptation_in_use(decoder, options, ROWS)
    assert adapted is not None
    for row in range(ROWS):
        adapted.begin(row, 0, lambda: calibration)
    rows, steps = np.arange(ROWS), round(COST_S / decoder.spec.hop_s)
    start = time.process_time()
    for step in range(steps):
        batch = windows[(step + apart * rows) % len(windows)]
        decoder.predict_proba(batch, adapted.values)
        adapted.update(rows, batch)
    return 1000 * (time.process_time() - start) / (steps * ROWS)
