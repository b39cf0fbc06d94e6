"""Where the samples of a running loop come from: the `Source` protocol, and replay of held-out trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.bank import TrialBank, TrialKey, build_bank
from neuromotion_gym.signals.clock import RestartClock
from neuromotion_gym.signals.datasets import Ocular, iter_sessions
from neuromotion_gym.signals.parts import Part, parts_table
from neuromotion_gym.signals.pieces import PieceRule, piece_rule

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from neuromotion_gym.signals.recording import Recording, Session, SignalSpec

Pacing = Literal["sliding", "trial"]
NOT_READABLE = "A row is read once it was reset, and not passed over since: call start and reset before read."


class Source(Protocol):
    """Streams samples for the labels that the operators of a batch of limbs have picked.

    A source is built once, told the size of the batch by `start`, and then reset and read row by row
    or all rows at once. Everything random comes from the generators handed to `reset`, one a row, and is
    drawn in an order that does not depend on the labels that are asked for later: row ``i`` of a batch
    gives the same samples as a batch of one with the same generator.
    """

    spec: SignalSpec
    labels: tuple[str, ...]
    """Labels that it can play; `read` takes indices into this tuple."""
    sessions: tuple[tuple[str, str], ...]
    """(subject, session) of all that it can play."""
    provenance: dict[str, Any]
    """For ``info`` and reports: kind, data set, part, split unit, ocular, skip_cue, onset or steady state."""

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``.

        Parameters
        ----------
        rows : int array, shape (m,)
            Rows to reset; the others go on undisturbed.
        generators : sequence of m numpy.random.Generator
            One a row. The source keeps a child of it (``generator.spawn(1)[0]``) for the episode.
        sessions : int array, shape (m,), optional
            Index into ``self.sessions`` for each row; drawn at random when left out.
        """

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next ``n_samples`` samples of each row.

        Parameters
        ----------
        labels : int array, shape (m,)
            The label that each row's operator wants now; taken up at that row's next restart.
        n_samples : int
            How many samples.
        rows : int array, shape (m,), optional
            Rows to read; all when left out.

        Returns
        -------
        float32 array, shape (m, channels, n_samples)

        Raises
        ------
        NeuroMotionError
            If a row was never reset, or passed over since.
        """

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Go on as `read` would, without the samples: for decoders that look at the label that plays alone.

        Labels, restarts and trials are the same. Rows that were passed over can be read again once they are reset.
        A source may leave this out; it is then read, and its samples are dropped.
        """

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of what each row plays."""

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label index of the piece that the last read sample of each row came from.

        -1 where nothing has been read since the reset.
        """

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now.

        The last sample read lies ``since_onset - 1`` samples after the onset; ``skip_cue`` is counted in, and
        without onsets the piece's first sample stands for it. An epoch that ends at sample ``e`` after onset is
        whole in the first read after which ``since_onset > e``, and ended ``since_onset - 1 - e`` samples ago.
        """

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials (numbered within the source) that ``row`` played since its last reset."""

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``; empty where there are none."""

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds (what a change of label waits for, on average, twice over)."""


class ReplaySource:
    """Plays held-out trials: one subject and session an episode, restarts by its own clock, pieces cross-faded.

    At every restart, whenever the clock, drawn at reset, has it, a row takes up the label that is asked for and
    plays another trial of it: from its onset (``skip_cue`` seconds later) or, for steady-state recordings, from
    an offset drawn at random. During the cross-fade (raised cosine) the old piece goes on under the new one.
    What is read without any change of label is the same whatever happens elsewhere in the batch.

    Parameters
    ----------
    sessions : iterable of Session
        Taken one at a time; only what can be played stays in memory (float32), calibration runs never do.
    labels : sequence of str
        Labels to play; `read` takes indices into them. Every session needs trials of each.
    skip_cue : float
        Seconds left out after each onset.
    pieces_s : (float, float), optional
        Shortest and longest piece in seconds; `PIECES_S` where left out. The longest gives way, down to what nine
        trials in ten can hold after ``skip_cue``; trials shorter than that are not played.
    fade_s : float, optional
        Length of the cross-fade in seconds; `FADE_S` where left out.
    pacing : {"sliding", "trial"}
        ``"trial"``: every piece is a whole epoch, from onset (plus ``skip_cue``) to `TRIAL_MARGIN_S` after
        ``epoch_s[1]``. There pieces may reach past the end of the trial, by margin and fade.
    epoch_s : (float, float), optional
        First and last second after onset that a decoder reads; needed for ``pacing="trial"``.
    provenance : dict, optional
        What is known of the sessions (data set, part, split ...); completed and kept as `provenance`.
    calibration : callable, optional
        From a subject to its calibration recordings; those of ``sessions`` where left out.

    Raises
    ------
    NeuroMotionError
        If options contradict each other or the trials, or a session lacks a label.
    """

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
        calibration: Callable[[str], tuple[Recording, ...]] | None = None,
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

    @classmethod
    def from_dataset(
        cls,
        dataset: str,
        part: Part,
        labels: Sequence[str],
        *,
        ocular: Ocular = "keep",
        subjects: Sequence[str] | None = None,
        root: str | os.PathLike[str] | None = None,
        session_kind: str = "imagined",
        channels: Sequence[str] | None = None,
        **options: Any,
    ) -> ReplaySource:
        """Replay of a part of a data set; calibration runs are read again when they are asked for.

        Parameters
        ----------
        dataset, part, ocular, subjects, root, session_kind
            See `neuromotion_gym.signals.datasets.load_sessions`.
        labels : sequence of str
            Labels to play.
        channels : sequence of str, optional
            Channels to play, in this order (after the ocular regression, which needs all); all where left out.
        **options
            ``skip_cue``, ``pieces_s``, ``fade_s``, ``pacing``, ``epoch_s`` of the class.
        """
        table = parts_table(dataset)

        def sessions(people: Sequence[str] | None) -> Iterable[Session]:
            found = iter_sessions(
                dataset,
                part,
                root=root,
                subjects=people,
                session_kind=session_kind,
                ocular=ocular,
                calibration_apart=True if part != "train" else None,
            )
            return found if channels is None else (session.pick(channels) for session in found)

        provenance = {
            "dataset": dataset,
            "part": part,
            "split": table.split,
            "ocular": ocular,
            "session_kind": session_kind if len(table.kinds) > 1 else None,
            "unseen": sorted(set(table.unseen) & set(subjects or table.people)) if part == "test" else [],
            "licence": table.licence,
        }
        return cls(
            sessions(subjects),
            labels,
            provenance=provenance,
            calibration=lambda subject: next(iter(sessions([subject]))).calibration,
            **options,
        )

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        self._rows = np.arange(num_rows)
        self._clock = RestartClock(num_rows, self._shortest, self._longest, draws=2)
        self._session = np.full(num_rows, -1)
        self._label = np.full(num_rows, -1)
        self._trial = np.full(num_rows, -1)
        self._source = np.zeros(num_rows, np.int64)  # where in the bank the piece begins
        self._before = np.full(num_rows, -1)  # where the piece before it goes on; -1 without one
        self._length = np.zeros(num_rows, np.int64)
        self._position = np.zeros(num_rows, np.int64)
        self._played = np.zeros((num_rows, len(self._bank.keys)), bool)
        self._readable = np.zeros(num_rows, bool)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``; see `Source.reset`."""
        children = [generator.spawn(1)[0] for generator in generators]
        # Drawn even where the session is given, so that what follows is the same either way
        drawn = np.array([child.integers(len(self.sessions)) for child in children])
        self._session[rows] = drawn if sessions is None else sessions
        self._clock.reset(rows, children)
        self._label[rows] = self._trial[rows] = self._before[rows] = -1
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
        source = self._source[rows, None] + (self._position[rows, None] + columns)
        position = self._position[rows, None] + columns
        before = np.broadcast_to(self._before[rows, None], source.shape)
        self._position[rows] += n_samples
        while (over := np.flatnonzero(self._position[rows] > self._length[rows])).size:
            late = rows[over]
            self._position[late] -= self._length[late]
            self._restart(late, labels[over])
            new = columns >= n_samples - self._position[late, None]
            place = columns - (n_samples - self._position[late, None])
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
        """Go on by ``n_samples`` samples that nobody hears; see `Source.pass_over`."""
        rows = self._rows if rows is None else np.asarray(rows)
        if np.count_nonzero(self._session[rows] < 0):
            raise NeuroMotionError(NOT_READABLE)
        self._readable[rows] = False
        self._position[rows] += n_samples
        while (over := (self._position[rows] > self._length[rows]).nonzero()[0]).size:
            late = rows[over]
            self._position[late] -= self._length[late]
            self._restart(late, np.asarray(labels)[over])

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of what each row plays."""
        return self._session.copy()

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label that plays; -1 where nothing has been read since the reset."""
        return self._label.copy()

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now; see `Source`."""
        return self._position + (self._rule.skip if self._bank.has_onset else 0)

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials, as indices into `trials`, that ``row`` played since its last reset."""
        return frozenset(self._played[row].nonzero()[0].tolist())

    @property
    def trials(self) -> tuple[TrialKey, ...]:
        """Subject, session, run, label and start of every trial that can be played."""
        return self._bank.keys

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``; empty where there are none."""
        if self._calibration is not None:
            return self._calibration(self.sessions[session][0])
        return self._own_calibration[session]

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds."""
        return (self._shortest + self._longest) / 2 / self.spec.rate_hz

    def _restart(self, rows: np.ndarray, labels: np.ndarray) -> None:
        """Begin the next piece of ``rows``, shape (m,), with ``labels``, shape (m,)."""
        going_on = self._source[rows] + self._length[rows]
        self._before[rows] = np.where(self._label[rows] < 0, -1, going_on)
        lengths, uniform = self._clock.advance(rows)
        first, count = self._bank.first[self._session[rows], labels], self._bank.count[self._session[rows], labels]
        # Another trial than the last one, where there is another
        last = self._trial[rows] - first
        excluded = (last >= 0) & (last < count) & (count > 1)
        choice = (uniform[:, 0] * (count - excluded)).astype(np.int64)
        choice += excluded & (choice >= last)
        trial = first + choice
        offset = (uniform[:, 1] * self._bank.room[trial]).astype(np.int64)
        self._trial[rows], self._label[rows], self._length[rows] = trial, labels, lengths
        self._source[rows] = self._bank.begin[trial] + offset
        self._played[rows, trial] = True

    def _noting_calibration(self, sessions: Iterable[Session]) -> Iterable[Session]:
        """Pass sessions on; keep their calibration runs where nobody reads them again."""
        for session in sessions:
            if self._calibration is None:
                self._own_calibration.append(session.calibration)
            yield session
