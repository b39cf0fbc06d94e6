"""Reads ``w1_a.txt``: a line ``rate 250``, then a line a sample: four amplitudes in microvolts and the movement."""

from itertools import groupby
from pathlib import Path

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

CHANNELS = ("tibialis", "soleus", "peroneus", "gastrocnemius")
LABELS = ("still", "press", "lift", "tilt_in", "tilt_out")


def read_text(path: Path) -> Recording:
    """One run of one person; a trial lasts as long as the movement in the last column stays the same."""
    try:
        first, *lines = path.read_text(encoding="utf-8").split("\n")
        rate = float(first.removeprefix("rate "))
        rows = [line.split() for line in lines if line]
        samples = np.array([row[:-1] for row in rows], dtype=np.float32).T * np.float32(1e-6)
    except (OSError, ValueError) as error:
        raise NeuroMotionError(f"{path} is no run of the foot set: {error}.") from error
    trials, start = [], 0
    for label, members in groupby(row[-1] for row in rows):
        count = len(list(members))
        trials.append(Trial(label, start, start + count))
        start += count
    person, run = path.stem.split("_")
    spec = SignalSpec("emg", CHANNELS, rate, "V")
    return Recording(np.ascontiguousarray(samples), spec, tuple(trials), "foot_set", person, "seated", run)
