"""Whether a decoder and labelled recordings fit: channels, rate, unit, amplitude, labels, and what it gets right.

A wrong unit, order of channels or order of labels often raises no error: the decoder is only at chance. Here it is
found and named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.datasets.sessions import regressed
from neuromotion_gym.decoders.arrangement import can_be_arranged, labelled_arrangement
from neuromotion_gym.decoders.faults import Fault
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.amplitude import typical_amplitude
from neuromotion_gym.signals.fitting import WARNED_TIMES, fitted, misfits
from neuromotion_gym.signals.reading_options import Reading
from neuromotion_gym.signals.windows import windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording, Session

BATCH = 256
SURE = 0.01
"""Largest probability with which chance alone would do as well, for what counts as better than chance."""
CONSTANT = 0.01
"""A posterior that differs less than this over all windows does not depend on them."""
GAIN = 0.15
"""Least gain in accuracy from which on another order of the labels is named."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How often a decoder and the labels of recordings agree.

    Parameters
    ----------
    labels : tuple of str
        Those that occur in the recordings.
    confusion : int array, shape (labels, labels of the decoder)
        Windows by label (row) and decoded label (column).
    trials, right : int
        Trials, and those whose windows together give their label.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    trials: int
    right: int

    @property
    def windows(self) -> int:
        """Number of windows."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Balanced accuracy: mean over the labels of the share of windows that are right."""
        right = self.confusion[np.arange(len(self.labels)), np.arange(len(self.labels))]
        return float(np.mean(right / self.confusion.sum(axis=1)))

    @property
    def chance(self) -> float:
        """Balanced accuracy of guessing."""
        return 1 / self.confusion.shape[1]

    def __str__(self) -> str:
        return (
            f"{self.accuracy:.2f} of {self.windows} windows are right (mean over {len(self.labels)} labels; chance "
            f"{self.chance:.2f}), {self.right} of {self.trials} trials"
        )


@dataclass(frozen=True, eq=False)
class RecordingCheck:
    """What `check_recordings` finds; ``agreement`` is None if the decoder cannot read the recordings."""

    faults: list[Fault]
    agreement: Agreement | None = field(default=None)


def check_recordings(
    decoder: Decoder, recordings: Sequence[Recording], reading: Reading | Mapping[str, Any] | None = None
) -> RecordingCheck:
    """Check whether a decoder fits labelled recordings, and what it gets right.

    Parameters
    ----------
    decoder : Decoder
    recordings : sequence of Recording
        As they were read, see `neuromotion_gym.signals.reading.read_recordings`.
    reading : Reading or mapping, optional
        Says which recordings are calibration runs, for a decoder that is adapted to each person, and which channels
        record the eyes, for one that was trained without them.

    Raises
    ------
    NeuroMotionError
        If there is no recording, or a calibration run or ocular channels are needed and there are none.
    """
    if not recordings:
        raise NeuroMotionError("There are no recordings to check the decoder on.")
    faults = _signal_faults(decoder, recordings)
    if faults or not decoder.spec.classifies:
        return RecordingCheck(faults)
    spec = decoder.spec.model_copy(update={"scale": None})  # the amplitude is a fault of its own
    fitting = [fitted(recording, spec, others=spec.ocular == "regress") for recording in recordings]
    if faults := _amplitude_faults(decoder, [recording.pick(spec.channels) for recording in fitting]):
        return RecordingCheck(faults)
    labels = list(dict.fromkeys(trial.label for one in fitting for trial in one.trials))
    right = f"{', '.join(spec.labels)}; a map renames, reading={{'labels': {{'name': 'label'}}}}"
    if not set(labels) & set(spec.labels):
        return RecordingCheck([Fault("labels", ", ".join(labels) or "no trials", right)])
    missing = [Fault("labels", f"no trial of {label}", right) for label in spec.labels if label not in labels]
    given = [_decoded(decoder, session) for session in _sessions(fitting, reading, spec)]
    read, truth, posterior = (np.concatenate([one[part] for one in given]) for part in (0, 1, 3))
    groups = np.concatenate([one[2] for one in given])
    agreement = _agreement(truth, groups, posterior, spec.labels)
    return RecordingCheck([*missing, *_decision_faults(decoder, read, truth, posterior, agreement)], agreement)


def _sessions(
    recordings: Sequence[Recording], reading: Reading | Mapping[str, Any] | None, spec: DecoderSpec
) -> list[Session]:
    """Sessions as the decoder was trained: with the eyes regressed out, if they were."""
    said = Reading.of(reading)
    # The recordings are read already: only what says which channels and runs they hold is still of use
    names = {name: name for name in said.channels.values()} if isinstance(said.channels, dict) else said.channels
    kept = {"channels": names, **said.model_dump(include={"calibration", "play", "ocular_channels"})}
    own = OwnRecordings.read(list(recordings), Reading(**kept), spec, adapted=spec.adaptation.kind != "none")
    if spec.ocular != "regress":
        return list(own.sessions)
    return [regressed(session, own.facts.ocular_channels).pick(spec.channels) for session in own.sessions]


def _signal_faults(decoder: Decoder, recordings: Sequence[Recording]) -> list[Fault]:
    """A fault for each difference between the recordings and what the decoder reads, each once."""
    spec = decoder.spec
    wanted = {
        "modality": spec.modality,
        "rate_hz": f"{spec.rate_hz:g} Hz; resample=True converts it",
        "unit": f"{spec.unit}; unit= says the right one",
        "no": f"{', '.join(spec.channels[:8])}{' …' if len(spec.channels) > 8 else ''}; channels= maps names",
    }
    found: dict[str, list[str]] = {}
    for recording in recordings:
        for phrase in misfits(recording.spec, spec):
            found.setdefault(phrase, []).append(recording.name)
    return [
        Fault(
            "channels" if phrase.startswith("no channel") else phrase.split()[0],
            f"{phrase} in {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else ""),
            wanted.get(phrase.split()[0], "names that match one channel each"),
        )
        for phrase, names in found.items()
    ]


def _amplitude_faults(decoder: Decoder, recordings: Sequence[Recording]) -> list[Fault]:
    spec = decoder.spec
    if spec.scale is None:
        return []
    faults = []
    for recording in recordings:
        amplitude = typical_amplitude([recording], spec.window)
        times = max(amplitude, spec.scale) / max(min(amplitude, spec.scale), 1e-300)
        if times > WARNED_TIMES:
            faults.append(
                Fault(
                    "amplitude",
                    f"{amplitude:.3g} {spec.unit} in {recording.name}, {times:.3g} times off",
                    f"about {spec.scale:.3g} {spec.unit}, as in training; the unit or the gain may be wrong",
                )
            )
    return faults


def _decoded(decoder: Decoder, session: Session) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Windows of one session, index of the label of each, its trial, and its posterior."""
    spec = decoder.spec.model_copy(update={"scale": None})
    cut, names, groups = windows([session], spec)
    adaptation = decoder.adapt(session.calibration)
    parts = []
    for first in range(0, len(cut), BATCH):
        chosen = cut[first : first + BATCH]
        rows = None if adaptation is None else np.broadcast_to(adaptation, (len(chosen), *adaptation.shape))
        parts.append(decoder.predict_proba(chosen, rows))
    truth = np.array([spec.labels.index(name) for name in names], np.int64)
    trials = np.array([f"{session.dataset}/{session.subject}/{session.session}/{name}" for name in groups])
    return cut, truth, trials, np.concatenate(parts)


def _agreement(truth: np.ndarray, groups: np.ndarray, posterior: np.ndarray, labels: tuple[str, ...]) -> Agreement:
    there = np.unique(truth)
    # Columns: first the labels that occur, in the same order as the rows, then the others
    order = [*there.tolist(), *(index for index in range(len(labels)) if index not in there)]
    place = np.argsort(order)
    confusion = np.zeros((len(there), len(labels)), np.int64)
    np.add.at(confusion, (place[truth], place[posterior.argmax(axis=1)]), 1)
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    summed = np.zeros((len(first), len(labels)))
    np.add.at(summed, inverse, np.log(np.maximum(posterior, 1e-12)))
    right = int((summed.argmax(axis=1) == truth[first]).sum())
    return Agreement(tuple(labels[index] for index in there), confusion, len(first), right)


def _decision_faults(
    decoder: Decoder, read: np.ndarray, truth: np.ndarray, posterior: np.ndarray, agreement: Agreement
) -> list[Fault]:
    """What the decisions show: a constant posterior, a band worn otherwise, another order of labels, chance."""
    spec = decoder.spec
    if len(posterior) > 1 and float(np.ptp(posterior, axis=0).max()) < CONSTANT:
        label = spec.labels[int(posterior[0].argmax())]
        right = f"a posterior that depends on the window: is {spec.unit} the unit that it was trained on?"
        found = f"{posterior[0].max():.3f} for {label} in every window, differences below {CONSTANT}"
        return [Fault("posterior", found, right)]
    if can_be_arranged(decoder):
        fit = labelled_arrangement(decoder, read, truth)
        if fit.differs:
            words = fit.best.words(len(spec.channels))
            found = f"the band is worn {words}: {fit.given_score:.2f} of windows right, {fit.score:.2f} if read so"
            right = f"channels in the order {', '.join(fit.best.of(spec.channels))}; neuromotion calibrate writes it"
            return [Fault("channels", found, right)]
    if (fault := _order_fault(agreement)) is not None:
        return [fault]
    enough = _above_chance(agreement.trials, agreement.trials, agreement.chance)  # or nothing could tell it from chance
    if enough and not _above_chance(agreement.right, agreement.trials, agreement.chance):
        right = (
            "more than chance; check unit, order and names of channels and labels, and the filter it was trained with"
        )
        return [Fault("accuracy", str(agreement), right)]
    return []


def _order_fault(agreement: Agreement) -> Fault | None:
    """The order of labels under which the decoder would be right far more often, if there is one."""
    from scipy.optimize import linear_sum_assignment

    shares = agreement.confusion / agreement.confusion.sum(axis=1, keepdims=True)
    count = len(agreement.labels)
    shares = shares[:, :count]
    _, columns = linear_sum_assignment(-shares)
    best = float(shares[np.arange(count), columns].mean())
    if best - agreement.accuracy < GAIN:
        return None
    # The best of all orders is above chance by chance, the more so the more orders there are
    if not _above_chance(round(best * agreement.trials), agreement.trials, agreement.chance, factorial(count)):
        return None
    pairs = [
        f"{agreement.labels[column]} for {agreement.labels[row]}" for row, column in enumerate(columns) if column != row
    ]
    found = f"{agreement.accuracy:.2f} of windows right, {best:.2f} in another order; it says {', '.join(pairs)}"
    return Fault("order of labels", found, "labels in the order of the model's outputs")


def _above_chance(right: int, trials: int, chance: float, tried: int = 1) -> bool:
    """Whether guessing would get as many trials right with a probability below `SURE`; trials are independent."""
    from scipy.stats import binom

    return bool(binom.sf(right - 1, trials, chance) * tried < SURE)
