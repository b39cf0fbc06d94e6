"""Asks whether rate, filter or device differ between labels: their traces in the spectrum alone, session by session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.label_model import FEWEST, FOLDS, PENALTY
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

UNEVEN = 0.08
"""Standard deviation over sessions of a label's share, from which on sessions differ in their labels."""
ALIKE = 0.15
"""Largest difference of a label's share between sessions of one person that hold the labels alike."""
FEWEST_SESSIONS = 6
MAINS_HZ = (50.0, 60.0)
LEAST_SAMPLES = 32


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Accuracy of the traces of a device, where sessions differ in their labels."""
    if min(one.shape[1] for one in material.excerpts) < LEAST_SAMPLES:
        return NotAsked(f"excerpts are shorter than {LEAST_SAMPLES} samples")
    traces, shares, groups = _sessions(material)
    if shares.std(axis=0).max() < UNEVEN:
        return NotAsked("all sessions hold the labels in about the same shares")
    if len(traces) < FEWEST_SESSIONS:
        return NotAsked(f"fewer than {FEWEST_SESSIONS} sessions cannot be compared")
    accuracy, chance, p = _tells(traces, shares, groups, options)
    by_rate = _rates(material)
    return [
        Answer(
            "accuracy of the traces of the device",
            Interval(accuracy, np.nan, np.nan),
            chance,
            p,
            f"Sampling rate, edges of filters, mains hum and resolution of a session tell the label at {accuracy:.2f} "
            f"(chance {chance:.2f}){by_rate}.",
            "Compare labels within recordings of one device alone, or bring all to one rate, band and resolution, and "
            "show this figure after that.",
        )
    ]


def _rates(material: Material) -> str:
    """Which labels were recorded at which rate, if there are several."""
    rates = sorted(set(material.rates_hz.tolist()))
    if len(rates) < 2:
        return ""
    told = [
        f"{', '.join(sorted(set(material.labels[material.rates_hz == rate].tolist())))} at {rate:g} Hz"
        for rate in rates
    ]
    return "; " + ", ".join(told)


def _sessions(material: Material) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Traces (sessions, d), shares of labels (sessions, labels), and the person of every session.

    Sessions of one person count as one if they hold the labels alike: then only people can change places.
    """
    chosen = np.isin(material.labels, material.names)
    label = np.searchsorted(np.array(material.names), material.labels)
    keys = np.array(
        [f"{p}\0{s}\0{r:g}" for p, s, r in zip(material.people, material.sessions, material.rates_hz, strict=True)]
    )
    sessions = sorted(set(keys[chosen].tolist()))
    traces, shares, people = [], [], []
    for session in sessions:
        mine = np.flatnonzero(chosen & (keys == session)).tolist()
        rate = float(material.rates_hz[mine[0]])
        traces.append(trace([material.excerpts[index] for index in mine], rate))
        shares.append(np.bincount(label[mine], minlength=len(material.names)) / len(mine))
        people.append(material.people[mine[0]])
    number = np.unique(people, return_inverse=True)[1]
    x, y = np.stack(traces), np.stack(shares)
    means = np.stack([y[number == person].mean(axis=0) for person in range(number.max() + 1)])
    if np.abs(y - means[number]).max() < ALIKE and len(means) >= FEWEST_SESSIONS:
        return (
            np.stack([x[number == person].mean(axis=0) for person in range(len(means))]),
            means,
            np.arange(len(means)),
        )
    return x, y, number


def trace(excerpts: list[np.ndarray], rate_hz: float) -> np.ndarray:
    """What rate, filters, mains and resolution leave in the samples of a session, float array of shape (d,)."""
    length = min(one.shape[1] for one in excerpts)
    window = np.hanning(length)
    power = np.zeros(length // 2 + 1)
    for one in excerpts:
        for start in range(0, one.shape[1] - length + 1, length):
            part = one[:, start : start + length].astype(np.float64)
            part -= part.mean(axis=1, keepdims=True)
            spectrum = np.abs(np.fft.rfft(part * window, axis=1)) ** 2
            power += (spectrum / np.maximum(part.var(axis=1, keepdims=True), 1e-30)).mean(axis=0)
    level = np.log10(power[1:] + 1e-12)
    frequency = np.fft.rfftfreq(length, 1 / rate_hz)[1:]

    def mean(low: float, high: float) -> float:
        inside = (frequency >= low) & (frequency < high)
        return float(level[inside].mean()) if inside.any() else float(np.interp((low + high) / 2, frequency, level))

    nyquist = rate_hz / 2
    flat = np.concatenate([one.ravel()[:2000] for one in excerpts[:20]])
    steps = np.diff(np.unique(flat))
    resolution = np.log10(max(float(np.median(steps)) if len(steps) else 1.0, 1e-30) / max(float(flat.std()), 1e-30))
    edges = [
        mean(0, 5) - mean(20, 40),
        mean(5, 15) - mean(20, 40),
        mean(0.9 * nyquist, nyquist) - mean(0.6 * nyquist, 0.8 * nyquist),
    ]
    hum = [
        mean(at - 1.5, at + 1.5) - 0.5 * (mean(at - 8, at - 4) + mean(at + 4, at + 8)) if at + 8 < nyquist else 0.0
        for at in MAINS_HZ
    ]
    return np.array([np.log2(rate_hz), resolution, *edges, *hum])


def _tells(x: np.ndarray, y: np.ndarray, people: np.ndarray, options: Options) -> tuple[float, float, float]:
    """Balanced accuracy of traces on held-out people, its mean over permutations of sessions, and a p-value."""
    from sklearn.linear_model import Ridge

    generator = np.random.default_rng([options.seed, 2])
    orders = np.column_stack([np.arange(len(y)), *(generator.permutation(len(y)) for _ in range(options.permutations))])
    truth = y[orders]  # (sessions, permutations + 1, labels)
    keys = people if len(np.unique(people)) >= FEWEST else np.arange(len(y))
    fold = np.unique(keys, return_inverse=True)[1] % min(FOLDS, len(np.unique(keys)))
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 1e-12, spread, 1)
    chosen = np.zeros(truth.shape[:2], np.int64)
    explained = np.zeros(truth.shape[1])
    for number in np.unique(fold):
        test = fold == number
        target = truth[~test]
        prior = np.maximum(target.mean(axis=0), 1e-9)
        model = Ridge(alpha=PENALTY * int((~test).sum())).fit(scaled[~test], target.reshape(len(target), -1))
        given = model.predict(scaled[test]).reshape(int(test.sum()), *truth.shape[1:])
        chosen[test] = ((given - prior) / prior).argmax(axis=2)
        # Labels of one device may be alike, so that the test is of shares and not of the label that is chosen
        explained += ((given - prior) * (truth[test] - prior)).sum(axis=(0, 2))
    total = truth.sum(axis=0)
    right = np.stack([(truth[:, :, label] * (chosen == label)).sum(axis=0) for label in range(y.shape[1])], axis=1)
    scores = (right / np.maximum(total, 1e-12)).mean(axis=1)
    p = float((explained >= explained[0] - 1e-12).mean())
    return float(scores[0]), float(scores[1:].mean()), p


QUESTION = Question("device", "Do rate, filter or device differ between labels?", ask)
