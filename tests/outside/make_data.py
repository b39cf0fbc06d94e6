"""Writes the foot set as its reader wants it: noise whose channels are loud for one movement each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("still", "press", "lift", "tilt_in", "tilt_out")
TRIAL_S = 1.6
ROUNDS = 3


def write_foot_set(root: Path) -> Path:
    """Eight people with three runs each below ``root/foot_set``; the folder of data sets."""
    folder = root / "foot_set"
    folder.mkdir(parents=True)
    for person in range(1, 9):
        gains = np.random.default_rng([5, person]).uniform(0.7, 1.4, 4)
        for index, run in enumerate("abc"):
            generator = np.random.default_rng([6, person, index])
            lines = ["rate 250"]
            for label in [*LABELS] * ROUNDS:
                loud = np.ones(4)
                if label != "still":
                    loud[LABELS.index(label) - 1] = 6.0
                samples = generator.standard_normal((round(TRIAL_S * 250), 4)) * gains * loud * 10
                lines += [" ".join(f"{value:.2f}" for value in row) + f" {label}" for row in samples]
            (folder / f"w{person}_{run}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root
