"""A data set that the library has never heard of: four people, two folds, a reader of its own, registered by the tests.

Each trial raises the channel of its label, for each person by another amount: what a network was fitted on can be told
from the sum of its windows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial
from neuromotion_gym.training.networks.network import DecoderNetwork

NAME = "mock_band"
PEOPLE = ("P1", "P2", "P3", "P4")
LABELS = ("still", "press")
SPEC = SignalSpec("emg", ("a", "b"), 100.0, "mV")
PARTS = """
dataset: mock_band
modality: emg
split: subject
licence: CC0-1.0
cite: none
doi: null
one_session_per: kind
kinds:
  presses: {calibration: ["0"], runs: ["1", "2"]}
parts:
  train: [{people: [P1, P2]}]
  tune: [{people: [P3]}]
  test: [{people: [P4]}]
folds: [[P1, P3], [P2, P4]]
"""
RECIPE = {
    "decoder": {
        "name": "mock",
        "modality": "emg",
        "dataset": NAME,
        "labels": list(LABELS),
        "channels": list(SPEC.channels),
        "rate_hz": 100,
        "unit": "mV",
        "window": 20,
        "hop_s": 0.1,
        "output": "logits",
        "split": "subject",
        "licence": "CC0-1.0",
    },
    "data": {"stride_s": 0.1},
    "network": {"name": "mock_means", "options": {"gain": 2.0}},
    "training": {"method": "closed_form"},
}


def write_person(root: Path, person: str, *, seed: int = 0) -> None:
    """Write all runs of one person, as `read` reads them."""
    folder = root / NAME / person
    folder.mkdir(parents=True, exist_ok=True)
    for run in ("0", "1", "2"):
        generator = np.random.default_rng([seed, PEOPLE.index(person), int(run)])
        samples = generator.normal(size=(2, 480))
        for trial in range(8):
            samples[trial % 2, 60 * trial : 60 * trial + 60] += 5 + PEOPLE.index(person)
        np.save(folder / f"{run}.npy", samples.astype(np.float32))


def read(person: str, run: str, root: Path) -> Recording:
    """One run."""
    samples = np.load(root / NAME / person / f"{run}.npy")
    trials = tuple(Trial(LABELS[trial % 2], 60 * trial, 60 * trial + 60, has_onset=False) for trial in range(8))
    return Recording(samples, SPEC, trials, NAME, person, "0", run)


def files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    """The file of one run."""
    return (root / NAME / person / f"{run}.npy",)


def dataset(folder: Path) -> Dataset:
    """The data set, its table of parts written into ``folder``."""
    table = folder / "parts.yaml"
    table.write_text(PARTS, encoding="utf-8")
    return Dataset(
        name=NAME, parts=table, read=read, files=files, unit="mV", rate_hz=100.0, has_onset=False,
        pieces_s=(0.3, 0.7), fade_s=0.03, rest="still",
    )  # fmt: skip


class Means(DecoderNetwork):
    """Logits are the means of the channels times a gain; it keeps a sum over all windows that it was fitted on."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.gain * window.mean(-1) + 0 * self.seen,)

    def fit(self, data, generator) -> None:
        self.seen += float(data.windows(np.arange(len(data.labels))).astype(np.float64).sum())


def build(spec, *, gain: float = 1.0) -> Means:
    """Network of means."""
    return Means(gain)
