"""Perturbations: sources that change the samples of another source and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import check_registered, resolve

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording
    from neuromotion_gym.signals.sources.cued import Cued, Targeted


class Perturbed:
    """A source around another source (both `Cued`); subclasses define how the samples change.

    Labels, restarts and trials are those of the inner source; its random numbers are the same with and without the
    perturbation.
    Calibration runs are recorded before use and are not perturbed.

    Parameters
    ----------
    inner : Cued
        The source whose samples are changed.
    """

    def __init__(self, inner: Cued) -> None:
        self.inner = inner
        self.spec, self.labels, self.sessions = inner.spec, inner.labels, inner.sessions
        self.targets: tuple[str, ...] = getattr(inner, "targets", ())
        self.provenance: dict[str, Any] = dict(inner.provenance)

    def begin(self, rows: np.ndarray, generators: Sequence[np.random.Generator]) -> None:
        """Draw the random numbers for the new episodes of ``rows``, with one generator per row."""

    def change(self, samples: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        """Samples of some rows (all where None), float32 of shape (m, channels, n), as they arrive at the decoder."""
        raise NotImplementedError

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        self.inner.start(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``; see `Cued.reset`."""
        self.inner.reset(rows, generators, sessions)
        # Called last, so that the child generators of the inner source are the same with and without a perturbation
        self.begin(rows, [generator.spawn(1)[0] for generator in generators])

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next samples of each row, float32 of shape (m, channels, n_samples); see `Cued.read`."""
        return np.asarray(self.change(self.inner.read(labels, n_samples, rows), rows), dtype=np.float32)

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Move on without samples; see `Cued.pass_over`."""
        getattr(self.inner, "pass_over", self.inner.read)(labels, n_samples, rows)

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of the session that each row plays."""
        return self.inner.session_index

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label that plays."""
        return self.inner.playing

    @property
    def target(self) -> np.ndarray:
        """Float array, shape (rows, targets): targets at the last sample; see `Targeted`."""
        return cast("Targeted", self.inner).target

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples since the onset of the piece that plays."""
        return self.inner.since_onset

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials that ``row`` played since its last reset."""
        return self.inner.trials_played(row)

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``, as recorded."""
        return self.inner.calibration(session)

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds."""
        return self.inner.mean_piece_s()


class LostChannels(Perturbed):
    """Lost electrodes: their channels are zero from the first sample on.

    Parameters
    ----------
    inner : Cued
    channels : sequence of str
        Names of the lost channels.

    Raises
    ------
    NeuroMotionError
        If the source has no such channel.
    """

    def __init__(self, inner: Cued, channels: Sequence[str]) -> None:
        super().__init__(inner)
        if isinstance(channels, str) or not isinstance(channels, Sequence):
            raise NeuroMotionError(f"channels is {channels!r}; it has to be a list of names.")
        if missing := [name for name in channels if name not in inner.spec.channels]:
            raise NeuroMotionError(
                f"Channels {', '.join(map(str, missing))} cannot be lost; "
                f"the source has {', '.join(inner.spec.channels)}."
            )
        self._lost = [inner.spec.channels.index(name) for name in channels]

    def change(self, samples: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        """Set the lost channels to zero; see `Perturbed.change`."""
        samples[:, self._lost] = 0.0
        return samples


Factory = Callable[..., "Cued"]
"""Function from a source to its perturbed version; options are keyword arguments."""

_KNOWN: dict[str, Factory | str] = {"lost_channels": LostChannels}


def register_perturbation(name: str, factory: Factory | str) -> None:
    """Register a perturbation of another package; registering the same one again changes nothing.

    ``factory`` is a subclass of `Perturbed`, a function ``(inner, **options) -> Cued``, or ``"module:Class"``, which is
    imported when it is used.

    Raises
    ------
    NeuroMotionError
        If another perturbation has this name.
    """
    check_registered(name, factory, "perturbation", _KNOWN)
    _KNOWN[name] = factory


def perturbation_names() -> list[str]:
    """Names of all perturbations, sorted."""
    return sorted(_KNOWN)


def perturb(inner: Cued, name: str, options: dict[str, Any]) -> Cued:
    """``inner`` with a perturbation around it.

    Raises
    ------
    NeuroMotionError
        If there is no such perturbation, or it has no such option.
    """
    return checked_perturbation(name, options)(inner, **options)


def checked_perturbation(name: str, options: dict[str, Any]) -> Factory:
    """The function that makes perturbation ``name``, if it has these options; nothing is made.

    Raises
    ------
    NeuroMotionError
        If there is no such perturbation, or it has no such option.
    """
    if name not in _KNOWN:
        raise NeuroMotionError(f"No perturbation is called {name!r}. Perturbations: {', '.join(perturbation_names())}.")
    factory: Factory = resolve(_KNOWN[name])
    try:
        inspect.signature(factory).bind(None, **options)
    except TypeError as error:
        raise NeuroMotionError(f"Perturbation {name!r} does not take these options: {error}.") from error
    return factory
