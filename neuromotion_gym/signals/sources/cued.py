"""The protocol of sources that play the label they are asked for: replay, surrogate, perturbed and live ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from neuromotion_gym.signals.recording import Recording, SignalSpec

Pacing = Literal["sliding", "trial"]


class Cued(Protocol):
    """Streams samples for the labels that the operators of a batch of limbs have picked.

    A source is built once. `start` sets the size of the batch; then some or all rows are reset and read. All random
    numbers come from the generators that are passed to `reset`, one per row. The order of the draws does not depend on
    the labels that are asked for later: row ``i`` of a batch gives the same samples as a batch of one with the same
    generator.
    """

    spec: SignalSpec
    labels: tuple[str, ...]
    """Labels that it can play; `read` takes indices into this tuple."""
    sessions: tuple[tuple[str, str], ...]
    """(subject, session) of every session that it can play."""
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
            Rows to reset; the other rows do not change.
        generators : sequence of m numpy.random.Generator
            One per row. The source keeps a child of each (``generator.spawn(1)[0]``) for the episode.
        sessions : int array, shape (m,), optional
            Index into ``self.sessions`` for each row; drawn at random by default.
        """

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next ``n_samples`` samples of each row.

        Parameters
        ----------
        labels : int array, shape (m,)
            The label that each row's operator wants now; it plays from the row's next restart on.
        n_samples : int
            Number of samples.
        rows : int array, shape (m,), optional
            Rows to read; all by default.

        Returns
        -------
        float32 array, shape (m, channels, n_samples)

        Raises
        ------
        NeuroMotionError
            If a row was never reset, or was passed over since its last reset.
        """

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Move on as `read` does, but without generating samples: for bounds that need only the labels.

        Labels, restarts and trials are the same as with `read`. A row that was passed over can be read again only after
        a reset. A source may lack this method; then `read` is called instead, and its samples are dropped.
        """

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of the session that each row plays."""

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): index of the label of the piece from which each row's last sample came.

        -1 where nothing has been read since the reset.
        """

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now.

        The last sample read lies ``since_onset - 1`` samples after the onset; ``skip_cue`` is included. Without
        onsets, the first sample of the piece counts as the onset. An epoch that ends at sample ``e`` after onset is
        complete after the first read with ``since_onset > e``; its end is then ``since_onset - 1 - e`` samples ago.
        """

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials (numbered within the source) that ``row`` played since its last reset."""

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``; empty where there are none."""

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds; a change of label waits for about half of it on average."""


class Targeted(Cued, Protocol):
    """A source whose trials also carry continuous targets: what the person did meanwhile, such as joints of the hand.

    It is asked for labels like any other. ``targets`` is empty in a source that has the attribute and no targets.
    """

    targets: tuple[str, ...]
    """Names of the targets."""

    @property
    def target(self) -> np.ndarray:
        """Float array, shape (rows, targets): targets at the last sample that each row read, -1 to 1."""
