"""Sessions made of noise, for tests that do not depend on the kind of signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.decoders import DecoderSpec, ProbabilityDecoder
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.signals.sources.replay import ReplaySource

if TYPE_CHECKING:
    from collections.abc import Callable

SIX = ("elbow_bend", "elbow_extend", "hand_close", "hand_open", "wrist_left", "wrist_right")
THREE = ("rest", "left_fist", "right_fist")


def noise_sessions(spec: DecoderSpec, people: int = 2, trials: int = 4) -> list[Session]:
    """Sessions with trials of 4.2 s of noise, whose amplitude tells the label, and with a calibration run."""
    rng = np.random.default_rng(5)
    signal = SignalSpec(spec.modality, spec.channels, spec.rate_hz, spec.unit)
    length = round(4.2 * spec.rate_hz)
    onset = spec.modality == "eeg"
    sessions = []
    for person in range(people):
        marks, parts = [], []
        for number in range(trials * len(spec.labels)):
            label = number % len(spec.labels)
            marks.append(Trial(spec.labels[label], number * length, (number + 1) * length, onset))
            parts.append((1 + label) * rng.standard_normal((len(spec.channels), length)))
        samples = np.concatenate(parts, axis=1).astype(np.float32)
        recording = Recording(samples, signal, tuple(marks), "noise", f"P{person}", "0", "1")
        calibration = Recording(samples[:, :length], signal, (), "noise", f"P{person}", "0", "0")
        sessions.append(Session("noise", f"P{person}", "0", (recording,), (calibration,)))
    return sessions


def noise_source(spec: DecoderSpec, people: int = 2) -> ReplaySource:
    """Replay of `noise_sessions`."""
    pacing = {"pacing": "trial", "epoch_s": spec.epoch_s} if spec.pacing == "trial" else {}
    return ReplaySource(noise_sessions(spec, people), spec.labels, **pacing)


class Loudness:
    """Decodes the label from the amplitude of `noise_sessions`."""

    def __init__(self, labels: int) -> None:
        self._levels = 1.0 + np.arange(labels)

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        loudness = windows.std(axis=(1, 2))[:, None]
        score = np.exp(-20 * np.abs(np.log(loudness / self._levels)))
        return score / score.sum(axis=1, keepdims=True)


def make_decoder(labels: tuple[str, ...] = THREE, rate_hz: float = 200.0, **changes: object) -> ProbabilityDecoder:
    """A decoder that is always right on `noise_sessions`."""
    fields: dict[str, object] = {
        "name": "loudness",
        "modality": "emg",
        "dataset": "noise",
        "labels": labels,
        "channels": ("c1", "c2"),
        "rate_hz": rate_hz,
        "unit": "V",
        "window": round(0.2 * rate_hz),
        "hop_s": 0.05,
        "split": "trial",
        "licence": "none",
    }
    return ProbabilityDecoder(Loudness(len(labels)), DecoderSpec(**{**fields, **changes}))


@pytest.fixture
def options() -> Callable[..., dict[str, object]]:
    """Options of an environment that decodes noise; arguments replace the defaults."""

    def build(decoder: ProbabilityDecoder | None = None, **changes: object) -> dict[str, object]:
        decoder = decoder or make_decoder()
        return {"decoder": decoder, "source": noise_source(decoder.spec), "level": "easy", **changes}

    return build
