"""The surrogate: a source that generates samples from parameters fitted to people's recordings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.clock import RestartClock
from neuromotion_gym.signals.pieces import piece_rule
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial
from neuromotion_gym.signals.sources import NOT_READABLE
from neuromotion_gym.signals.surrogate_parameters import SurrogateParameters
from neuromotion_gym.signals.synthesis import Synthesis
from neuromotion_gym.signals.synthesis_tape import TapeSynthesis

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.signals.datasets import Ocular
    from neuromotion_gym.signals.pieces import PieceRule
    from neuromotion_gym.signals.sources import Pacing

CALIBRATION_SEED = 20
"""Of the calibration runs: the same for everybody who adapts a decoder to a person of a surrogate."""


class SurrogateSource:
    """Generates samples: one person an episode, restarts by the source's own clock, pieces cross-faded.

    The rules are those of `ReplaySource`: at every restart a row takes up the label that is asked for, with the
    parameters of another trial of that label and person, drawn at random. What noise it takes is drawn from the row's
    own generator, the same amount a piece whatever its label.

    Parameters
    ----------
    parameters : SurrogateParameters
        What `fit_surrogate` gave.
    labels : sequence of str, optional
        Labels to play; all that were fitted where left out.
    ocular : {"keep", "regress"}
        As recorded, or with the ocular channels regressed out by the weights of the person's calibration run.
    skip_cue : float
        Seconds left out after each onset.
    subjects : sequence of str, optional
        Some people alone.
    channels : sequence of str, optional
        Channels to generate, in this order; all where left out.
    pieces_s, fade_s, pacing, epoch_s
        See `ReplaySource`.

    Raises
    ------
    NeuroMotionError
        If a label, person or channel is not in the surrogate, or the options contradict each other.
    """

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
        rule = piece_rule(whole, skip_cue if meta["has_onset"] else 0.0, pieces_s, fade_s, epoch_s)
        self._skip, self._fade = rule.skip, rule.fade
        self._shortest, self._longest = _piece_lengths(rule, meta["trial_s"], rate)
        self._synthesis = self._made(self._longest + self._fade)
        self._whole_trials: Synthesis | TapeSynthesis | None = None
        self._trials, self._first, self._count = self._bank()
        length = round(meta["trial_s"] * rate)
        self._room = 1 if meta["has_onset"] else max(1, length - self._longest - self._fade + 1)
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, self._fade + 1) / (self._fade + 1))
        self._ramp = ramp.astype(np.float32)[:, None]
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
        """Surrogate from a file, or a shipped one by its name.

        Parameters
        ----------
        name : str or path
            ``"eegmmidb_tune"`` and so on (see `shipped_surrogates`), or the path of an ``.npz`` file.
        labels, **options
            See the class.

        Raises
        ------
        NeuroMotionError
            If there is no such surrogate (the message lists those there are), or its file is broken.
        """
        shipped = shipped_surrogates()
        path = shipped.get(str(name), Path(name))
        if str(name) not in shipped and path.suffix != ".npz":
            raise NeuroMotionError(
                f"No surrogate is called {str(name)!r}. Surrogates: {', '.join(shipped) or 'none'}; or the path of "
                "an .npz file that `neuromotion surrogate fit` wrote."
            )
        return cls(SurrogateParameters.read(path), labels, **options)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        channels = len(self.spec.channels)
        self._rows = np.arange(num_rows)
        self._clock = RestartClock(num_rows, self._shortest, self._longest, draws=3)
        self._noise = [np.random.default_rng(0)] * num_rows
        self._person = np.full(num_rows, -1)
        self._label = np.full(num_rows, -1)
        self._trial = np.full(num_rows, -1)
        self._length = np.zeros(num_rows, np.int64)
        self._position = np.zeros(num_rows, np.int64)
        self._piece = np.zeros((num_rows, self._longest + self._fade, channels), np.float32)
        self._played = np.zeros((num_rows, len(self._trials)), bool)
        self._readable = np.zeros(num_rows, bool)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``; see `Source.reset`."""
        children = [generator.spawn(1)[0] for generator in generators]
        # Drawn even where the session is given, so that what follows is the same either way
        drawn = np.array([child.integers(len(self.sessions)) for child in children])
        self._person[rows] = drawn if sessions is None else sessions
        self._clock.reset(rows, children)
        for row, child in zip(rows.tolist(), children, strict=True):
            self._noise[row] = child.spawn(1)[0]
        self._label[rows] = self._trial[rows] = -1
        self._length[rows] = self._position[rows] = 0
        self._played[rows] = False
        self._readable[rows] = True

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next ``n_samples`` samples of each row, float32 of shape (m, channels, n_samples); see `Source.read`."""
        rows = self._rows if rows is None else np.asarray(rows)
        labels = np.asarray(labels)
        if np.count_nonzero(self._readable[rows]) < len(rows):
            raise NeuroMotionError(NOT_READABLE)
        columns = np.arange(n_samples)
        last = self._piece.shape[1] - 1
        position = self._position[rows]
        samples = self._piece[rows[:, None], np.minimum(position[:, None] + columns, last)]
        position += n_samples
        self._position[rows] = position
        while (over := (position > self._length[rows]).nonzero()[0]).size:
            late = rows[over]
            self._position[late] -= self._length[late]
            self._restart(late, labels[over])
            place = columns - (n_samples - self._position[late, None])
            fresh = self._piece[late[:, None], np.clip(place, 0, last)]
            samples[over] = np.where(place[:, :, None] >= 0, fresh, samples[over])
            position = self._position[rows]
        return np.ascontiguousarray(samples.transpose(0, 2, 1))

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Go on by ``n_samples`` samples that nobody hears; see `Source.pass_over`."""
        rows = self._rows if rows is None else np.asarray(rows)
        if np.count_nonzero(self._person[rows] < 0):
            raise NeuroMotionError(NOT_READABLE)
        self._readable[rows] = False
        position = self._position[rows] + n_samples
        self._position[rows] = position
        while (over := (position > self._length[rows]).nonzero()[0]).size:
            late = rows[over]
            self._position[late] -= self._length[late]
            self._restart(late, np.asarray(labels)[over], heard=False)
            position = self._position[rows]

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of what each row plays."""
        return self._person.copy()

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label that plays; -1 where nothing has been read since the reset."""
        return self._label.copy()

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now; see `Source`."""
        return self._position + self._skip

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials whose parameters ``row`` played since its last reset."""
        return frozenset(self._played[row].nonzero()[0].tolist())

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
        return (
            Recording(
                np.ascontiguousarray(samples.reshape(-1, samples.shape[2]).T),
                self.spec,
                marked,
                p.meta["dataset"],
                subject,
                name,
                "generated calibration",
                as_recorded=self._ocular == "keep",
            ),
        )

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds."""
        return (self._shortest + self._longest) / 2 / self.spec.rate_hz

    def _restart(self, rows: np.ndarray, labels: np.ndarray, *, heard: bool = True) -> None:
        """Begin the next piece of ``rows``, shape (m,), with ``labels``, shape (m,); make its samples if ``heard``."""
        lengths, uniform = self._clock.advance(rows)
        first, count = self._first[self._person[rows], labels], self._count[self._person[rows], labels]
        # Another trial than the last one, where there is another
        last = self._trial[rows] - first
        excluded = (last >= 0) & (last < count) & (count > 1)
        choice = (uniform[:, 0] * (count - excluded)).astype(np.int64)
        choice += excluded & (choice >= last)
        trials = first + choice
        if heard:
            self._write_piece(rows, trials, self._skip + (uniform[:, 1] * self._room).astype(np.int64))
        self._trial[rows], self._label[rows], self._length[rows] = trials, labels, lengths
        self._played[rows, trials] = True

    def _write_piece(self, rows: np.ndarray, trials: np.ndarray, offsets: np.ndarray) -> None:
        """Samples of the next piece of ``rows``, with the piece before it fading out under its begin."""
        noise = self._synthesis.draw([self._noise[row] for row in rows.tolist()])
        fresh = self._synthesis.generate(self._trials[trials], offsets, noise)
        going_on = np.flatnonzero(self._label[rows] >= 0)
        if self._fade and going_on.size:
            old = rows[going_on]
            tail = self._piece[old[:, None], self._length[old, None] + np.arange(self._fade)]
            fresh[going_on, : self._fade] = self._ramp * fresh[going_on, : self._fade] + (1 - self._ramp) * tail
        self._piece[rows] = fresh

    def _made(self, length: int) -> Synthesis | TapeSynthesis:
        """What generates stretches of a length, from tapes where the model wants them."""
        kind = TapeSynthesis if self._parameters.meta.get("noise") == "tape" else Synthesis
        return kind(self._parameters, length, self._ocular, self._channels)

    def _bank(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Playable trials sorted by person and label, and for each of those the first and how many."""
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


def shipped_surrogates() -> dict[str, Path]:
    """Names and files of the surrogates that come with the library: ``<dataset>_<part>``."""
    try:
        folder = Path(str(files("neuromotion_gym.assets"))) / "surrogates"
    except ModuleNotFoundError:
        folder = Path(__file__).resolve().parents[2] / "assets" / "surrogates"
    return {path.stem: path for path in sorted(folder.glob("*.npz"))}


def _piece_lengths(rule: PieceRule, trial_s: float, rate: float) -> tuple[int, int]:
    """Shortest and longest piece in samples; the longest gives way to what a trial holds."""
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
