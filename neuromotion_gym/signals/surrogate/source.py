"""The surrogate: a source that generates samples from parameters fitted to people's recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Targets, Trial
from neuromotion_gym.signals.sources.copying import SharesParts
from neuromotion_gym.signals.sources.pieces import piece_rule
from neuromotion_gym.signals.sources.playheads import Playheads
from neuromotion_gym.signals.surrogate.courses import lines
from neuromotion_gym.signals.surrogate.fresh import Synthesis
from neuromotion_gym.signals.surrogate.parameters import TARGET_STEP, SurrogateParameters
from neuromotion_gym.signals.surrogate.tape import TapeSynthesis, stretches

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.signals.sources.cued import Pacing
    from neuromotion_gym.signals.sources.pieces import PieceRule
    from neuromotion_gym.signals.sources.playheads import Restart

CALIBRATION_SEED = 20
"""Seed of the generated calibration runs: a person of a surrogate has the same run in every environment."""


class SurrogateSource(SharesParts):
    """Generates samples: one person per episode, restarts by the source's own clock, pieces cross-faded.

    The rules are those of `ReplaySource`: at every restart a row begins to play the label that is asked for, with the
    parameters of another trial of that label and person, drawn at random. The noise comes from the row's own generator;
    every piece draws the same amount of random numbers, whatever its label. Where continuous targets were fitted, those
    of the same trial and place play with its samples.

    Parameters
    ----------
    parameters : SurrogateParameters
        Parameters from `fit_surrogate` or from a file.
    labels : sequence of str, optional
        Labels to play; all fitted labels by default.
    ocular : {"keep", "regress"}
        As recorded, or with the ocular channels regressed out with the weights of the person's calibration run.
    skip_cue : float
        Seconds left out after each onset.
    subjects : sequence of str, optional
        People to play; all by default.
    channels : sequence of str, optional
        Channels to generate, in this order; all by default.
    pieces_s, fade_s, pacing, epoch_s
        See `ReplaySource`.

    Raises
    ------
    NeuroMotionError
        If a label, person or channel is not in the surrogate, or the options contradict each other.
    """

    shared_parts = ("_parameters", "_synthesis", "_whole_trials", "_courses", "_lines")

    def __init__(
        self,
        parameters: SurrogateParameters,
        labels: Sequence[str] | None = None,
        *,
        ocular: Ocular = "keep",
        skip_cue: float = 0.0,
        subjects: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        pieces_s: tuple[float, float] | None = None,
        fade_s: float | None = None,
        pacing: Pacing = "sliding",
        epoch_s: tuple[float, float] | None = None,
    ) -> None:
        meta = parameters.meta
        if ocular not in ("keep", "regress"):
            raise NeuroMotionError(f"ocular is {ocular!r}; it has to be 'keep' or 'regress'.")
        if not skip_cue >= 0:
            raise NeuroMotionError(f"skip_cue is {skip_cue} s; it cannot be negative.")
        if pacing not in ("sliding", "trial") or (pacing == "trial") != (epoch_s is not None):
            raise NeuroMotionError(
                f"pacing is {pacing!r} and epoch_s is {epoch_s}; "
                "pacing has to be 'sliding' without epoch_s, or 'trial' with it."
            )
        self._parameters, self._ocular, self._channels = parameters, ocular, channels
        self.labels = tuple(meta["labels"] if labels is None else labels)
        self._people = _people(parameters, subjects)
        self.sessions = tuple(parameters.sessions[person] for person in self._people)
        whole = parameters.spec
        self.spec = (
            whole if channels is None else SignalSpec(whole.modality, tuple(channels), whole.rate_hz, whole.unit)
        )
        rate = whole.rate_hz
        if skip_cue and not meta["has_onset"]:
            raise NeuroMotionError(f"Trials of {meta['dataset']} have no onset: skip_cue does not apply to them.")
        rule = piece_rule(whole, skip_cue, pieces_s, fade_s, epoch_s)
        self._skip, self._fade = rule.skip, rule.fade
        self._shortest, self._longest = _piece_lengths(rule, meta["trial_s"], rate)
        self._synthesis = self._made(self._longest + self._fade)
        self._whole_trials: Synthesis | TapeSynthesis | None = None
        self._trials, self._first, self._count = self._bank()
        length = round(meta["trial_s"] * rate)
        self.targets = parameters.targets
        self._courses = TARGET_STEP * parameters.target_course.astype(np.float32)
        self._lines = lines(length, self._courses.shape[2]) if self.targets else np.zeros((length, 0))
        self._room = 1 if meta["has_onset"] else max(1, length - self._longest - self._fade + 1)
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, self._fade + 1) / (self._fade + 1))
        self._ramp = ramp.astype(np.float32)
        self.provenance: dict[str, Any] = {
            **{key: meta[key] for key in ("dataset", "part", "split", "licence", "model")},
            "kind": "surrogate",
            "ocular": ocular,
            "skip_cue": skip_cue,
            "onset": "onset" if meta["has_onset"] else "steady state",
            "pacing": pacing,
            "pieces_s": (self._shortest / rate, self._longest / rate),
            "fade_s": self._fade / rate,
            "people": len({subject for subject, _ in self.sessions}),
            "trials": len(self._trials),
        }
        self.start(0)

    @classmethod
    def load(cls, name: str | os.PathLike[str], labels: Sequence[str] | None = None, **options: Any) -> SurrogateSource:
        """Surrogate from a file, or a shipped one by its name; see `SurrogateParameters.find` and the class."""
        return cls(SurrogateParameters.find(name), labels, **options)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        self._heads = Playheads(num_rows, (self._shortest, self._longest), 3, self._first, self._count)
        self._noise = [np.random.default_rng(0)] * num_rows
        # Trial that each row plays, and the sample of it where the piece begins; those of the piece before it, and
        # where that one goes on during the cross-fade (trial -1 if there is none)
        self._now, self._before = (np.full((2, num_rows), -1) for _ in range(2))
        # In front of a piece lie the last samples of the one before, so that what is read is contiguous
        length = self._shortest + self._longest + self._fade
        self._pieces = np.zeros((num_rows, len(self.spec.channels), length), np.float32)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``; see `Cued.reset`."""
        for row, child in zip(rows.tolist(), self._heads.reset(rows, generators, sessions), strict=True):
            self._noise[row] = child.spawn(1)[0]
        self._now[:, rows] = self._before[:, rows] = -1

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next ``n_samples`` samples of each row, float32 of shape (m, channels, n_samples); see `Cued.read`."""
        heads = self._heads
        rows = heads.all_rows if rows is None else np.asarray(rows)
        heads.check_readable(rows)
        labels, parts = np.asarray(labels), []
        # In each of these steps a row begins one piece at most
        for first in range(0, max(n_samples, 1), self._shortest):
            count = min(self._shortest, n_samples - first)
            for restart in heads.move(rows, labels, count):
                self._begin_pieces(restart)
            pieces = self._pieces
            parts.append(stretches(pieces, count)[rows, :, self._shortest - count + heads.position[rows]])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Move on by ``n_samples`` samples without generating them; see `Cued.pass_over`."""
        self._heads.pass_over(labels, n_samples, rows)

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of the session that each row plays."""
        return self._heads.session.copy()

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label that plays; -1 where nothing has been read since the reset."""
        return self._heads.label.copy()

    @property
    def target(self) -> np.ndarray:
        """Targets at the last sample that each row read, with its cross-fade, float32 of shape (rows, targets).

        0 where nothing has been read since the reset. It means nothing after `pass_over`.
        """
        position, (trial, begin) = self._heads.position, self._now
        read = trial >= 0
        values = self._targets_at(np.where(read, trial, 0), begin + position - 1) * read[:, None]
        old, place = self._before
        fading = np.flatnonzero(read & (position <= self._fade) & (old >= 0))
        if fading.size:
            at = position[fading] - 1
            weight = self._ramp[at, None]
            before = self._targets_at(old[fading], place[fading] + at)
            values[fading] = weight * values[fading] + (1 - weight) * before
        return np.asarray(values, dtype=np.float32)

    def _targets_at(self, trials: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Targets of trials at a sample of each, shape (n, targets); what lies after the end is held."""
        share = self._lines[np.clip(places, 0, len(self._lines) - 1)]
        return np.asarray(np.add.reduce(self._courses[trials] * share[:, None], axis=2))

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now; see `Cued`."""
        return self._heads.position + self._skip

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials whose parameters ``row`` used since its last reset."""
        return self._heads.trials_played(row)

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """A generated calibration run of ``sessions[session]``; empty where none was fitted."""
        p, person = self._parameters, int(self._people[session])
        trials = np.flatnonzero(p.calibration & (p.person == person))
        if not trials.size:
            return ()
        length = round(p.meta["trial_s"] * self.spec.rate_hz)
        if self._whole_trials is None:
            self._whole_trials = self._made(length)
        synthesis = self._whole_trials
        generator = np.random.default_rng([CALIBRATION_SEED, person])
        noise = synthesis.draw([generator] * len(trials))
        samples = synthesis.generate(trials, np.zeros(len(trials), np.int64), noise)
        marked = tuple(
            Trial(p.meta["labels"][p.label[trial]], i * length, (i + 1) * length, p.meta["has_onset"])
            for i, trial in enumerate(trials)
            if p.label[trial] >= 0
        )
        subject, name = self.sessions[session]
        targets = None
        if self.targets:
            values = np.clip(self._courses[trials] @ self._lines.T, -1, 1).astype(np.float32)
            targets = Targets(self.targets, values.transpose(1, 0, 2).reshape(len(self.targets), -1))
        return (
            Recording(
                np.ascontiguousarray(samples.transpose(1, 0, 2).reshape(samples.shape[1], -1)),
                self.spec,
                marked,
                p.meta["dataset"],
                subject,
                name,
                "generated calibration",
                as_recorded=self._ocular == "keep",
                # A window with targets may not reach from one trial into another one
                bad_spans=tuple((i * length, i * length) for i in range(1, len(trials))) if self.targets else (),
                targets=targets,
            ),
        )

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds."""
        return (self._shortest + self._longest) / 2 / self.spec.rate_hz

    def _begin_pieces(self, restart: Restart) -> None:
        """Generate the new pieces; the old ones fade out during their beginning."""
        rows = restart.rows
        noise = self._synthesis.draw([self._noise[row] for row in rows.tolist()])
        offsets = self._skip + (restart.uniform[:, 1] * self._room).astype(np.int64)
        trials = self._trials[restart.trials]
        going_on = self._now[:, rows] + np.stack([0 * restart.ended, restart.ended])
        self._before[:, rows] = np.where(restart.going_on, going_on, -1)
        self._now[:, rows] = trials, offsets
        fresh = self._synthesis.generate(trials, offsets, noise)
        pieces, fade = self._pieces, self._fade
        for row, own, ended in zip(rows.tolist(), fresh, (restart.going_on * restart.ended).tolist(), strict=True):
            if ended:
                end = self._shortest + ended
                own[:, :fade] = self._ramp * own[:, :fade] + (1 - self._ramp) * pieces[row, :, end : end + fade]
                pieces[row, :, : self._shortest] = pieces[row, :, ended:end]
            pieces[row, :, self._shortest :] = own

    def _made(self, length: int) -> Synthesis | TapeSynthesis:
        """Synthesis of stretches of one length, from tapes if the model uses them."""
        kind = TapeSynthesis if self._parameters.meta.get("noise") == "tape" else Synthesis
        return kind(self._parameters, length, self._ocular, self._channels)

    def _bank(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Playable trials sorted by person and label; first trial and number of trials of each person and label."""
        p = self._parameters
        known = p.meta["labels"]
        unknown = [label for label in self.labels if label not in known]
        if unknown:
            raise NeuroMotionError(
                f"The surrogate of {p.meta['dataset']} cannot play {', '.join(map(repr, unknown))}; "
                f"its labels: {', '.join(known)}."
            )
        found = [
            [
                np.flatnonzero(~p.calibration & (p.person == person) & (p.label == known.index(label)))
                for label in self.labels
            ]
            for person in self._people
        ]
        count = np.array([[len(trials) for trials in row] for row in found])
        if (count == 0).any():
            person, label = np.argwhere(count == 0)[0]
            raise NeuroMotionError(
                f"{self.sessions[person][0]} of the surrogate has no trial of {self.labels[label]!r}."
            )
        first = (np.cumsum(count) - count.ravel()).reshape(count.shape)
        return np.concatenate([trials for row in found for trials in row]), first, count


def _piece_lengths(rule: PieceRule, trial_s: float, rate: float) -> tuple[int, int]:
    """Shortest and longest piece in samples; the longest is shortened to fit into a trial."""
    longest = min(rule.longest, round(trial_s * rate) - rule.skip - rule.fade) if rule.shrink else rule.longest
    if longest < rule.shortest:
        raise NeuroMotionError(
            f"Trials of {trial_s:.2f} s leave {longest / rate:.2f} s for a piece after {rule.skip / rate:g} s of cue "
            f"and a fade of {rule.fade / rate:g} s, but the shortest piece lasts {rule.shortest / rate:.2f} s: "
            "lower skip_cue or pieces_s."
        )
    return rule.shortest, longest


def _people(parameters: SurrogateParameters, subjects: Sequence[str] | None) -> np.ndarray:
    """Indices of the chosen people."""
    known = [subject for subject, _ in parameters.sessions]
    unknown = [subject for subject in subjects or () if subject not in known]
    if unknown:
        raise NeuroMotionError(
            f"The surrogate of {parameters.meta['dataset']}, part {parameters.meta['part']!r}, has no "
            f"{', '.join(unknown)}; its people: {', '.join(dict.fromkeys(known))}."
        )
    chosen = [i for i, subject in enumerate(known) if subjects is None or subject in subjects]
    if not chosen:
        raise NeuroMotionError("Name at least one person of the surrogate.")
    return np.array(chosen)
