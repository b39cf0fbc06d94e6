"""Offline figures of a decoder of continuous targets: how much of them it explains, beside clocks that see no signal.

Windows slide through whole recordings, one hop apart. Where all repetitions of a movement follow each other, the place
in the recording tells much about the targets, so R² is also taken within blocks: what was done, and what is said of it,
are counted from their means over all windows of one person and movement. Beside it stand clocks, which know when a
movement begins and have no signal: the mean, over the person's calibration run, of the movement (*block*), of the time
since its trial began (*phase*), and of both. People are the unit of every interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.target_windows import blocks_at, targets_at, window_ends
from neuromotion_gym.statistics import studentised_bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording, Session

BATCH = 1024
CLOCKS = ("block", "phase", "block and phase")
LONGEST_LAG_S = 1.0


@dataclass(frozen=True, eq=False)
class Estimates:
    """What a decoder and the clocks say of all windows of some sessions; row i of every array is one window.

    Parameters
    ----------
    names : tuple of str
        Names of the targets.
    said, truth : float array, shape (n, targets)
        What the decoder says, and what the person did at the window's end.
    people, blocks : str array, shape (n,)
        Person, and movement.
    pieces : int array, shape (n,)
        Number of the recording's piece between two gaps, counted over all sessions: windows of a piece follow each
        other, ``hop_s`` apart.
    clocks : dict of str to float array, shape (n, targets)
        What each of `CLOCKS` says; empty where a session has no calibration run with targets.
    hop_s : float
    """

    names: tuple[str, ...]
    said: np.ndarray
    truth: np.ndarray
    people: np.ndarray
    blocks: np.ndarray
    pieces: np.ndarray
    clocks: dict[str, np.ndarray]
    hop_s: float


def estimate(
    decoder: Decoder | Callable[[Session], Decoder], sessions: Iterable[Session], *, by_session: bool = False
) -> Estimates:
    """Adapt a decoder of targets to each person, then run it over the recordings of ``sessions``.

    Parameters
    ----------
    decoder : Decoder, or function from a session to one
        For folds: a function that returns the decoder trained without the person of the session.
    sessions : iterable of Session
    by_session : bool
        Whether ``people`` names sessions instead.

    Raises
    ------
    NeuroMotionError
        If the decoder gives labels, the recordings do not fit it or lack a target, or they hold no window.
    """
    found: list[tuple[np.ndarray, ...]] = []
    clocks: list[dict[str, np.ndarray]] = []
    spec: DecoderSpec | None = None
    piece = 0
    for session in sessions:
        one: Decoder = decoder if hasattr(decoder, "decode") else decoder(session)  # type: ignore[operator,assignment]
        spec = one.spec
        if spec.classifies:
            raise NeuroMotionError(f"Decoder {spec.name!r} gives labels, not targets; its figures are accuracies.")
        adaptation = one.adapt(session.calibration)
        rest = registry.dataset(spec.dataset).rest if registry.is_known(spec.dataset) else None
        clock = Clock.of(session.calibration, spec, rest)
        for recording in session.recordings:
            picked = fitted(recording, spec)
            ends, hop = _ends(picked, spec)
            if not len(ends):
                continue
            blocks = blocks_at(picked, ends, rest)
            number = piece + np.cumsum(np.diff(ends, prepend=ends[0]) != hop)
            piece = int(number[-1]) + 1
            unit = session.session if by_session else session.subject
            found.append(
                (
                    _said(one, picked, ends, adaptation),
                    targets_at(picked, spec.targets, ends),
                    np.full(len(ends), unit),
                    blocks.label,
                    number,
                )
            )
            clocks.append({} if clock is None else clock.says(blocks.label, blocks.since // hop))
    if not found or spec is None:
        raise NeuroMotionError("No window lies in the recordings; they have to be longer than the decoder's window.")
    said, truth, people, block, pieces = (np.concatenate(parts) for parts in zip(*found, strict=True))
    known = CLOCKS if all(clocks) else ()
    return Estimates(
        spec.targets,
        said,
        truth,
        people,
        block,
        pieces,
        {name: np.concatenate([one[name] for one in clocks]) for name in known},
        spec.hop_s,
    )


def _ends(recording: Recording, spec: DecoderSpec) -> tuple[np.ndarray, int]:
    """Ends of the windows of a recording, and the samples from one to the next."""
    hop = max(1, round(spec.hop_s * spec.rate_hz))
    return window_ends(recording, spec.window, hop), hop


def _said(decoder: Decoder, recording: Recording, ends: np.ndarray, adaptation: np.ndarray | None) -> np.ndarray:
    """Targets of the windows that end at ``ends``."""
    window = decoder.spec.window
    views = np.lib.stride_tricks.sliding_window_view(recording.samples, window, axis=1).transpose(1, 0, 2)
    parts = []
    for first in range(0, len(ends), BATCH):
        chosen = views[ends[first : first + BATCH] - window]
        rows = None if adaptation is None else np.broadcast_to(adaptation, (len(chosen), *adaptation.shape))
        parts.append(decoder.decode(chosen, rows)[0])
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Clock:
    """Means of a calibration run: of each movement, each phase, and of both.

    Parameters
    ----------
    blocks : dict of str to float array, shape (targets,)
    phases : (int array, shape (phases,), float array, shape (phases, targets))
        Hops since the trial of a movement began, and the mean at each.
    both : dict of str to the same pair
    """

    blocks: dict[str, np.ndarray]
    phases: tuple[np.ndarray, np.ndarray]
    both: dict[str, tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, calibration: Sequence[Recording], spec: DecoderSpec, rest: str | None) -> Clock | None:
        """The clock of a run; None if there is none, or it has no targets."""
        values, labels, phases = [], [], []
        for recording in calibration:
            if recording.targets is None or set(spec.targets) - set(recording.targets.names):
                return None
            picked = fitted(recording, spec)
            ends, hop = _ends(picked, spec)
            blocks = blocks_at(picked, ends, rest)
            values.append(targets_at(picked, spec.targets, ends))
            labels.append(blocks.label)
            phases.append(blocks.since // hop)
        if not sum(map(len, values)):
            return None
        truth, label, phase = (np.concatenate(parts) for parts in (values, labels, phases))
        own = {str(one): label == one for one in np.unique(label)}
        return cls(
            {one: truth[mine].mean(axis=0) for one, mine in own.items()},
            _by_phase(truth, phase),
            {one: _by_phase(truth[mine], phase[mine]) for one, mine in own.items()},
        )

    def says(self, labels: np.ndarray, phases: np.ndarray) -> dict[str, np.ndarray]:
        """What each of `CLOCKS` says of windows, shape (n, targets); of an unknown movement what the phase says."""
        phase = _at(self.phases, phases)
        block, both = phase.copy(), phase.copy()
        for one in np.unique(labels):
            if (name := str(one)) in self.blocks:
                mine = labels == one
                block[mine], both[mine] = self.blocks[name], _at(self.both[name], phases[mine])
        return dict(zip(CLOCKS, (block, phase, both), strict=True))


def _by_phase(values: np.ndarray, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phases that occur, and the mean of ``values``, shape (n, targets), at each."""
    found, inverse = np.unique(phases, return_inverse=True)
    sums = np.zeros((len(found), values.shape[1]))
    np.add.at(sums, inverse, values)
    return found, sums / np.bincount(inverse)[:, None]


def _at(known: tuple[np.ndarray, np.ndarray], phases: np.ndarray) -> np.ndarray:
    """Means at phases, those of the nearest phase that is known."""
    found, means = known
    after = np.clip(np.searchsorted(found, phases), 0, len(found) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(found[before] - phases) <= np.abs(found[after] - phases), before, after)
    return np.asarray(means[nearest])


def explained(said: np.ndarray, truth: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """R² of each target, shape (targets,); NaN where a target does not move.

    Parameters
    ----------
    said, truth : float array, shape (n, targets)
    blocks : str array, shape (n,), optional
        Both are counted from their means over each block; without it the truth from its mean over everything.
    """
    if blocks is None:
        left, total = truth - said, truth - truth.mean(axis=0)
    else:
        left, total = around(truth - said, blocks), around(truth, blocks)
    power = (total**2).sum(axis=0)
    shares = np.full(truth.shape[1], np.nan)
    moves = power > 0
    shares[moves] = 1 - (left**2).sum(axis=0)[moves] / power[moves]
    return shares


def around(values: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Values of shape (n, targets) less their mean over each block."""
    _, inverse = np.unique(blocks, return_inverse=True)
    sums = np.zeros((inverse.max() + 1, values.shape[1]))
    np.add.at(sums, inverse, values)
    return np.asarray(values - (sums / np.bincount(inverse)[:, None])[inverse])


def lag_s(said: np.ndarray, truth: np.ndarray, blocks: np.ndarray, pieces: np.ndarray, hop_s: float) -> float:
    """Time by which what is said of one person comes after what was done: where the two are most alike.

    Parameters
    ----------
    said, truth : float array, shape (n, targets)
    blocks, pieces : array, shape (n,)
        See `Estimates`. Only moments of one piece are compared.
    hop_s : float

    Returns
    -------
    float, from 0 to `LONGEST_LAG_S` in steps of ``hop_s``
    """
    mine, other = around(said, blocks), around(truth, blocks)
    alike = []
    for hops in range(min(round(LONGEST_LAG_S / hop_s) + 1, len(said))):
        late, early = slice(hops, None), slice(0, len(said) - hops)
        same = pieces[late] == pieces[early]
        a, b = mine[late][same], other[early][same]
        scale = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        alike.append(float(np.mean((a * b).sum(axis=0) / np.maximum(scale, 1e-12))))
    return float(np.argmax(alike) * hop_s)


def target_report(estimates: Estimates) -> dict[str, Any]:
    """All figures of one set of estimates, ready for ``metrics.json``.

    Parameters
    ----------
    estimates : Estimates

    Returns
    -------
    dict
        ``within_blocks`` and ``as_a_whole``: R², mean over targets, of the decoder and of each clock; ``by_target``: R²
        of the decoder within blocks; ``lag_s``. Each with its interval over people, the first two and ``lag_s`` with
        the value of each person, too.
    """
    of_person = {str(person): estimates.people == person for person in np.unique(estimates.people)}
    ways = {"decoder": estimates.said, **estimates.clocks}
    inside = {name: _each(said, estimates, of_person, within=True) for name, said in ways.items()}
    whole = {name: _each(said, estimates, of_person, within=False) for name, said in ways.items()}
    lags = {
        person: lag_s(
            estimates.said[mine], estimates.truth[mine], estimates.blocks[mine], estimates.pieces[mine], estimates.hop_s
        )
        for person, mine in of_person.items()
    }
    targets = np.array(list(inside["decoder"].values()))
    return {
        "targets": list(estimates.names),
        "windows": len(estimates.said),
        "people": len(of_person),
        "within_blocks": {name: _summary(_means(shares)) for name, shares in inside.items()},
        "as_a_whole": {name: _summary(_means(shares)) for name, shares in whole.items()},
        "by_target": {
            name: {**_interval(targets[:, column]), "by_person": dict(zip(of_person, targets[:, column], strict=True))}
            for column, name in enumerate(estimates.names)
            if np.isfinite(targets[:, column]).all()
        },
        "lag_s": _summary(lags, (0.0, LONGEST_LAG_S)),
    }


def _each(
    said: np.ndarray, estimates: Estimates, of_person: dict[str, np.ndarray], *, within: bool
) -> dict[str, np.ndarray]:
    """R² of each target, for each person."""
    return {
        person: explained(said[mine], estimates.truth[mine], estimates.blocks[mine] if within else None)
        for person, mine in of_person.items()
    }


def _means(shares: dict[str, np.ndarray]) -> dict[str, float]:
    """Mean over the targets that move, for each person.

    Raises
    ------
    NeuroMotionError
        If nothing moves in a person.
    """
    if still := [person for person, values in shares.items() if not np.isfinite(values).any()]:
        raise NeuroMotionError(f"No target of {', '.join(still)} moves: there is nothing to explain.")
    return {person: float(np.nanmean(values)) for person, values in shares.items()}


def _summary(values: dict[str, float], bounds: tuple[float, float] = (-np.inf, 1.0)) -> dict[str, Any]:
    return {**_interval(np.array(list(values.values())), bounds), "by_person": values}


def _interval(values: np.ndarray, bounds: tuple[float, float] = (-np.inf, 1.0)) -> dict[str, float | None]:
    """Mean over people with its interval; None for its ends where there is one person."""
    found = studentised_bootstrap_interval(values, generator=np.random.default_rng(0), bounds=bounds)
    low, high = (float(end) if np.isfinite(end) else None for end in (found.low, found.high))
    return {"mean": found.mean, "low": low, "high": high}
