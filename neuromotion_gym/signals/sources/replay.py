"""Replay of held-out trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.sources.bank import TrialBank, TrialKey, build_bank
from neuromotion_gym.signals.sources.copying import SharesParts
from neuromotion_gym.signals.sources.pieces import PieceRule, piece_rule
from neuromotion_gym.signals.sources.playheads import Playheads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuromotion_gym.signals.recording import Recording, Session, SignalSpec
    from neuromotion_gym.signals.sources.cued import Pacing
    from neuromotion_gym.signals.sources.playheads import Restart


class ReplaySource(SharesParts):
    """Plays held-out trials: one subject and session per episode, restarts by its own clock, pieces cross-faded.

    The times of the restarts are drawn at reset. At each restart a row begins to play the label that is asked for, with
    another trial of it: from ``skip_cue`` seconds after its onset or, in steady-state recordings, from an offset drawn
    at random. During the cross-fade (a raised cosine) the old piece continues and fades out. The samples of a row do
    not depend on the other rows of the batch.

    Parameters
    ----------
    sessions : iterable of Session
        Taken one at a time; the stretches of trials stay in memory (float32), and the calibration runs if
        ``calibration`` is left out.
    labels : sequence of str
        Labels to play; `read` takes indices into them. Every session needs trials of each.
    skip_cue : float
        Seconds left out after each onset.
    pieces_s : (float, float), optional
        Shortest and longest piece in seconds; those of the modality by default. The longest is shortened until it fits
        into nine of ten trials after ``skip_cue``; shorter trials are not played.
    fade_s : float, optional
        Length of the cross-fade in seconds; that of the modality by default.
    pacing : {"sliding", "trial"}
        ``"trial"``: every piece is a whole epoch, from the onset (plus ``skip_cue``) to `TRIAL_MARGIN_S` after
        ``epoch_s[1]``. Such a piece may continue after the end of its trial, for the margin and the fade.
    epoch_s : (float, float), optional
        Beginning and end of the epoch that a decoder reads, in seconds after onset; needed for ``pacing="trial"``.
    provenance : dict, optional
        Facts about the sessions (data set, part, split ...); completed here and kept as ``provenance``.
    calibration : callable, optional
        Function from a subject and a session to its calibration recordings; by default those of ``sessions`` are used.

    Raises
    ------
    NeuroMotionError
        If options contradict each other or the trials, or a session lacks a label.
    """

    shared_parts = ("_bank", "_own_calibration")

    def __init__(
        self,
        sessions: Iterable[Session],
        labels: Sequence[str],
        *,
        skip_cue: float = 0.0,
        pieces_s: tuple[float, float] | None = None,
        fade_s: float | None = None,
        pacing: Pacing = "sliding",
        epoch_s: tuple[float, float] | None = None,
        provenance: dict[str, Any] | None = None,
        calibration: Callable[[str, str], tuple[Recording, ...]] | None = None,
    ) -> None:
        if skip_cue < 0:
            raise NeuroMotionError(f"skip_cue is {skip_cue} s; it cannot be negative.")
        if pacing not in ("sliding", "trial") or (pacing == "trial") != (epoch_s is not None):
            raise NeuroMotionError(
                f"pacing is {pacing!r} and epoch_s is {epoch_s}; "
                "pacing has to be 'sliding' without epoch_s, or 'trial' with it."
            )
        self.labels = tuple(labels)
        self._own_calibration: list[tuple[Recording, ...]] = []
        self._calibration = calibration
        self._rule: PieceRule

        def rule_of(spec: SignalSpec) -> PieceRule:
            self._rule = piece_rule(spec, skip_cue, pieces_s, fade_s, epoch_s)
            return self._rule

        self._bank: TrialBank = build_bank(self._noting_calibration(sessions), self.labels, rule_of)
        self.spec = self._bank.spec
        self.sessions = self._bank.sessions
        self.targets = self._bank.target_names
        rate, fade = self.spec.rate_hz, self._rule.fade
        self._shortest, self._longest = self._rule.shortest, self._bank.longest
        self._ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / (fade + 1))).astype(np.float32)
        self.provenance = {
            **(provenance or {}),
            "kind": "replay",
            "skip_cue": skip_cue,
            "onset": "onset" if self._bank.has_onset else "steady state",
            "pacing": pacing,
            "pieces_s": (self._shortest / rate, self._longest / rate),
            "fade_s": fade / rate,
            "people": len({subject for subject, _ in self.sessions}),
            "trials": len(self._bank.keys),
            "trials_too_short": self._bank.left_out,
        }
        self.start(0)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        pieces = self._shortest, self._longest
        self._heads = Playheads(num_rows, pieces, 2, self._bank.first, self._bank.count)
        self._source = np.zeros(num_rows, np.int64)  # where in the bank the piece begins
        self._before = np.full(num_rows, -1)  # where the piece before it continues; -1 if there is none

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``; see `Cued.reset`."""
        self._heads.reset(rows, generators, sessions)
        self._before[rows] = -1

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next ``n_samples`` samples of each row, float32 of shape (m, channels, n_samples); see `Cued.read`."""
        heads = self._heads
        rows = heads.all_rows if rows is None else np.asarray(rows)
        heads.check_readable(rows)
        columns = np.arange(n_samples)
        position = heads.position[rows, None] + columns
        source = self._source[rows, None] + position
        before = np.broadcast_to(self._before[rows, None], source.shape)
        for restart in heads.move(rows, np.asarray(labels), n_samples):
            self._begin_pieces(restart)
            over, late = restart.places, restart.rows
            place = columns - (n_samples - heads.position[late, None])
            new = place >= 0
            position[over] = np.where(new, place, position[over])
            source[over] = np.where(new, self._source[late, None] + place, source[over])
            before = before.copy()
            before[over] = np.where(new, self._before[late, None], before[over])
        samples = self._bank.samples[source]
        fading = (position < self._rule.fade) & (before >= 0)
        if fading.any():
            weight = self._ramp[position[fading], None]
            old = self._bank.samples[before[fading] + position[fading]]
            samples[fading] = weight * samples[fading] + (1 - weight) * old
        return np.ascontiguousarray(samples.transpose(0, 2, 1))

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Move on by ``n_samples`` samples without returning them; see `Cued.pass_over`."""
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
        position, read = self._heads.position, self._heads.label >= 0
        last = np.where(read, self._source + position - 1, 0)
        values = self._bank.targets[last] * read[:, None].astype(np.float32)
        fading = read & (position <= self._rule.fade) & (self._before >= 0)
        if fading.any():
            place = position[fading] - 1
            weight = self._ramp[place, None]
            old = self._bank.targets[self._before[fading] + place]
            values[fading] = weight * values[fading] + (1 - weight) * old
        return np.asarray(values)

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now; see `Cued`."""
        return self._heads.position + (self._rule.skip if self._bank.has_onset else 0)

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials, as indices into `trials`, that ``row`` played since its last reset."""
        return self._heads.trials_played(row)

    @property
    def trials(self) -> tuple[TrialKey, ...]:
        """Subject, session, run, label and start of every trial that can be played."""
        return self._bank.keys

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``; empty where there are none."""
        if self._calibration is not None:
            return self._calibration(*self.sessions[session])
        return self._own_calibration[session]

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds."""
        return (self._shortest + self._longest) / 2 / self.spec.rate_hz

    def _begin_pieces(self, restart: Restart) -> None:
        """Set where the new pieces begin in the bank, and where the old ones continue during the cross-fade."""
        rows, trials = restart.rows, restart.trials
        self._before[rows] = np.where(restart.going_on, self._source[rows] + restart.ended, -1)
        offset = (restart.uniform[:, 1] * self._bank.room[trials]).astype(np.int64)
        self._source[rows] = self._bank.begin[trials] + offset

    def _noting_calibration(self, sessions: Iterable[Session]) -> Iterable[Session]:
        """Yield the sessions; keep their calibration runs if there is no function to read them again."""
        for session in sessions:
            if self._calibration is None:
                self._own_calibration.append(session.calibration)
            yield session
