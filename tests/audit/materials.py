"""Invented materials for the tests of the audit."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromotion_gym.audit.material import Material

RATE_HZ = 100.0


def trials(people: int = 6, sessions: int = 2, count: int = 16, seed: int = 0) -> dict[str, Any]:
    """Arguments of `Material.of_windows`: white noise, two labels in random order, half a second a trial."""
    generator = np.random.default_rng(seed)
    n = people * sessions * count
    labels = np.concatenate(
        [generator.permutation(np.repeat(["left", "right"], count // 2)) for _ in range(people * sessions)]
    )
    return {
        "windows": generator.standard_normal((n, 4, 50)).astype(np.float32),
        "labels": labels,
        "rate_hz": RATE_HZ,
        "people": np.repeat([f"P{i}" for i in range(people)], sessions * count),
        "sessions": np.tile(np.repeat([f"s{i}" for i in range(sessions)], count), people),
        "groups": np.tile(np.arange(count), people * sessions),
        "start_s": np.tile(np.arange(count) * 1.0, people * sessions),
        "channels": ["F7", "F8", "C3", "C4"],
        "unit": "count",
    }


def material(**changes: Any) -> Material:
    """A material of `trials` with some arguments changed."""
    return Material.of_windows(**{**trials(), **changes})
