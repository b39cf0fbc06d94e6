"""Offline figures of a decoder on whole sessions: its accuracy per window and per trial, for every person.

Each labelled trial is cut into windows, one per hop, as in the loop but without joins between trials. People are the
unit of every interval. Figures of decoders of continuous targets: `neuromotion_gym.training.target_evaluation`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.checks import random_inputs
from neuromotion_gym.decoders.decoder import require_posterior
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.windows import epoch_start
from neuromotion_gym.statistics import studentised_bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session, Trial

RELIABILITY_BINS = 10
BATCH = 256
LONGEST_TIMING_S = 5.0
"""Seconds for which decisions are timed."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """Every decision of a decoder over some sessions; row i of every array is one window.

    Parameters
    ----------
    labels : tuple of str
    posterior : float32 array, shape (n, labels)
    truth : int array, shape (n,)
    people : str array, shape (n,)
    trials : int array, shape (n,)
        Number of the trial, counted over all sessions.
    since_onset_s : float array, shape (n,)
        Time from the trial's start to the end of the window.
    onset : bool array, shape (n,)
        Whether the trial's start is an onset.
    """

    labels: tuple[str, ...]
    posterior: np.ndarray
    truth: np.ndarray
    people: np.ndarray
    trials: np.ndarray
    since_onset_s: np.ndarray
    onset: np.ndarray

    def restricted(self, labels: Sequence[str]) -> Decisions:
        """Only the windows of some labels (such as left and right), the posterior renormalised over them."""
        picks = [self.labels.index(label) for label in labels]
        rows = np.isin(self.truth, picks)
        posterior = self.posterior[rows][:, picks]
        posterior = posterior / np.maximum(posterior.sum(axis=1, keepdims=True), 1e-12)
        truth = np.array([picks.index(label) for label in self.truth[rows]], np.int64)
        return Decisions(
            tuple(labels),
            posterior,
            truth,
            self.people[rows],
            self.trials[rows],
            self.since_onset_s[rows],
            self.onset[rows],
        )

    def per_trial(self) -> Decisions:
        """One decision for each trial, from the mean of the log posteriors of its windows."""
        from scipy.special import softmax

        trials, first, inverse = np.unique(self.trials, return_index=True, return_inverse=True)
        summed = np.zeros((len(trials), len(self.labels)))
        np.add.at(summed, inverse, np.log(np.maximum(self.posterior, 1e-12)))
        mean = summed / np.bincount(inverse)[:, None]
        return Decisions(
            self.labels,
            softmax(mean, axis=1).astype(np.float32),
            self.truth[first],
            self.people[first],
            trials,
            self.since_onset_s[first],
            self.onset[first],
        )


def decide(
    decoder: Decoder | Callable[[Session], Decoder],
    sessions: Iterable[Session],
    *,
    skip_s: float = 0.0,
    before_onset: bool = False,
    by_session: bool = False,
) -> Decisions:
    """Adapt a decoder to each person, then run it over the recordings of ``sessions``.

    Parameters
    ----------
    decoder : Decoder, or function from a session to one
        For folds: a function that returns the decoder trained without the person of the session.
    sessions : iterable of Session
    skip_s : float
        Seconds left out at the start of each trial.
    before_onset : bool
        Whether windows may begin before their trial, as latencies need; otherwise they lie inside it.
    by_session : bool
        Whether ``people`` names sessions instead: the units of figures of a data set with one person.

    Raises
    ------
    NeuroMotionError
        If the decoder gives targets, the recordings do not fit it, or they hold no window.
    """
    rows: list[tuple[np.ndarray, int, str, int, np.ndarray, bool]] = []
    count = 0
    labels: tuple[str, ...] = ()
    for session in sessions:
        # An object without the method decode is the function that picks a decoder
        one: Decoder = decoder if hasattr(decoder, "decode") else decoder(session)  # type: ignore[operator,assignment]
        require_posterior(one.spec, "An offline report")
        labels = one.spec.labels
        if one.spec.epoch_s is not None and one.spec.pacing == "trial" and skip_s > one.spec.epoch_s[0]:
            raise NeuroMotionError(
                f"Decoder {one.spec.name!r} reads each trial from {one.spec.epoch_s[0]:g} s on, so that the first "
                f"{skip_s:g} s cannot be left out; take one whose epoch_s begins later."
            )
        adaptation = one.adapt(session.calibration)
        for recording in session.recordings:
            picked = fitted(recording, one.spec)
            for trial in picked.trials:
                if trial.label not in labels:
                    continue
                starts = _starts(one, trial, picked.samples.shape[1], skip_s, before_onset)
                if not len(starts):
                    continue
                posterior = _posterior(one, picked, starts, adaptation)
                since = (starts + one.spec.window - trial.start) / one.spec.rate_hz
                unit = session.session if by_session else session.subject
                rows.append((posterior, labels.index(trial.label), unit, count, since, trial.has_onset))
                count += 1
    if not rows:
        raise NeuroMotionError(
            "No window lies inside a trial of the decoder's labels; check skip_s and the recordings."
        )
    lengths = [len(row[0]) for row in rows]
    return Decisions(
        labels,
        np.concatenate([row[0] for row in rows]),
        np.repeat([row[1] for row in rows], lengths),
        np.repeat([row[2] for row in rows], lengths),
        np.repeat([row[3] for row in rows], lengths),
        np.concatenate([row[4] for row in rows]),
        np.repeat([row[5] for row in rows], lengths),
    )


def _starts(decoder: Decoder, trial: Trial, length: int, skip_s: float, before_onset: bool) -> np.ndarray:
    """First samples of the windows of one trial, in a recording of ``length`` samples."""
    spec = decoder.spec
    if spec.pacing == "trial":
        start = epoch_start(trial, length, spec)
        return np.array([] if start is None else [start], np.int64)
    hop = max(1, round(spec.hop_s * spec.rate_hz))
    begin = trial.start + round(skip_s * spec.rate_hz)
    if before_onset:
        begin = max(0, begin + hop - spec.window)
    return np.arange(begin, trial.stop - spec.window + 1, hop)


def _posterior(decoder: Decoder, recording: Recording, starts: np.ndarray, adaptation: np.ndarray | None) -> np.ndarray:
    window = decoder.spec.window
    views = np.lib.stride_tricks.sliding_window_view(recording.samples, window, axis=1).transpose(1, 0, 2)
    parts = []
    for first in range(0, len(starts), BATCH):
        chosen = views[starts[first : first + BATCH]]
        rows = None if adaptation is None else np.broadcast_to(adaptation, (len(chosen), *adaptation.shape))
        parts.append(decoder.predict_proba(chosen, rows))
    return np.concatenate(parts)


def accuracy_by_person(decisions: Decisions) -> dict[str, float]:
    """Balanced accuracy of each person: mean recall over the labels that the person's trials have."""
    right = decisions.posterior.argmax(axis=1) == decisions.truth
    result = {}
    for person in np.unique(decisions.people):
        mine = decisions.people == person
        shown = np.unique(decisions.truth[mine])
        result[str(person)] = float(np.mean([right[mine & (decisions.truth == label)].mean() for label in shown]))
    return result


def confusion(decisions: Decisions) -> np.ndarray:
    """Counts, int array of shape (labels, labels): rows are true labels, columns decoded ones."""
    counts = np.zeros((len(decisions.labels),) * 2, np.int64)
    np.add.at(counts, (decisions.truth, decisions.posterior.argmax(axis=1)), 1)
    return counts


def reliability(decisions: Decisions, bins: int = RELIABILITY_BINS) -> tuple[list[dict[str, float]], float]:
    """Confidence against accuracy in equal bins of confidence, and the expected calibration error.

    The error is the mean distance between the two, weighted by the number of windows in each bin (Guo et al. 2017).
    """
    confidence = decisions.posterior.max(axis=1)
    right = decisions.posterior.argmax(axis=1) == decisions.truth
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    table, error = [], 0.0
    for number in range(bins):
        inside = index == number
        if inside.any():
            mean, share = float(confidence[inside].mean()), float(right[inside].mean())
            table.append({"confidence": mean, "accuracy": share, "windows": int(inside.sum())})
            error += abs(mean - share) * float(inside.mean())
    return table, error


def permutation_chance(decisions: Decisions, resamples: int = 200, seed: int = 0) -> tuple[float, float]:
    """Balanced accuracy by chance, mean over people: the labels of trials are shuffled within each person.

    Returns
    -------
    mean, upper : float
        Mean and 95th percentile over ``resamples`` shuffles.
    """
    generator = np.random.default_rng(seed)
    trials, first, inverse = np.unique(decisions.trials, return_index=True, return_inverse=True)
    truth, people = decisions.truth[first], decisions.people[first]
    decoded = decisions.posterior.argmax(axis=1)
    labels = len(decisions.labels)
    # votes[t, l]: how many windows of trial t were decoded as l
    votes = np.zeros((len(trials), labels))
    np.add.at(votes, (inverse, decoded), 1)
    windows = votes.sum(axis=1)
    means = []
    for _ in range(resamples):
        scores = []
        for person in np.unique(people):
            mine = np.flatnonzero(people == person)
            shuffled = truth[mine][generator.permutation(len(mine))]
            hits = np.bincount(shuffled, weights=votes[mine, shuffled], minlength=labels)
            shown = np.bincount(shuffled, weights=windows[mine], minlength=labels)
            scores.append(np.mean(hits[shown > 0] / shown[shown > 0]))
        means.append(np.mean(scores))
    return float(np.mean(means)), float(np.quantile(means, 0.95))


def latency_to_first_right(decisions: Decisions, ignore: Sequence[str] = ()) -> dict[str, float] | None:
    """Seconds from onset to the first right decision; None where no trial has an onset.

    Parameters
    ----------
    decisions : Decisions
        Made with ``before_onset=True``.
    ignore : sequence of str
        Labels left out, such as rest, which has no onset.
    """
    skipped = [decisions.labels.index(label) for label in ignore if label in decisions.labels]
    usable = decisions.onset & ~np.isin(decisions.truth, skipped)
    if not usable.any():
        return None
    right = decisions.posterior.argmax(axis=1) == decisions.truth
    firsts = []
    for trial in np.unique(decisions.trials[usable]):
        mine = np.flatnonzero(decisions.trials == trial)
        hits = mine[right[mine]]
        firsts.append(decisions.since_onset_s[hits].min() if len(hits) else np.inf)
    values = np.array(firsts)
    median = float(np.median(values))
    return {"median_s": median if np.isfinite(median) else -1.0, "never": float(np.mean(np.isinf(values)))}


def summary(decisions: Decisions, seed: int = 0) -> dict[str, Any]:
    """Balanced accuracy per person with its interval, for `report`."""
    people = accuracy_by_person(decisions)
    interval = studentised_bootstrap_interval(
        np.array(list(people.values())), generator=np.random.default_rng(seed), bounds=(0, 1)
    )
    chance, upper = permutation_chance(decisions, seed=seed)
    return {
        "balanced_accuracy": {"mean": interval.mean, "low": _number(interval.low), "high": _number(interval.high)},
        "people": len(people),
        "by_person": people,
        "chance": {"mean": chance, "upper_95": upper},
    }


def report(decisions: Decisions, subsets: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """All figures of one set of decisions, ready for ``metrics.json``.

    Parameters
    ----------
    decisions : Decisions
    subsets : sequence of sequences of labels
        Groups of labels that are also evaluated on their own, such as left against right.
    """
    trials = decisions.per_trial()
    table, error = reliability(decisions)
    result = {
        "labels": list(decisions.labels),
        "windows": len(decisions.truth),
        "trials": len(trials.truth),
        "per_window": summary(decisions),
        "per_trial": summary(trials),
        "confusion": confusion(decisions).tolist(),
        "expected_calibration_error": error,
        "reliability": table,
    }
    for subset in subsets:
        alone = decisions.restricted(subset)
        result["_".join(subset)] = {"per_window": summary(alone), "per_trial": summary(alone.per_trial())}
    return result


def milliseconds_per_decision(decoder: Decoder, batch: int = 64, repeats: int = 200) -> float:
    """Median time of one decision in a batch, one thread, on random windows; fewer repeats of slow decoders."""
    spec = decoder.spec
    windows, adaptation = random_inputs(spec, batch)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        decoder.decode(windows, adaptation)
        times.append(time.perf_counter() - begin)
        if sum(times) > LONGEST_TIMING_S:
            break
    return float(np.median(times)) * 1e3 / batch


def _number(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON does not have."""
    return float(value) if np.isfinite(value) else None
