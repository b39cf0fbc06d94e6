"""Any file that MNE-Python reads (EDF, BDF, GDF, FIF, BrainVision ...), with a map from its annotations to labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.modality import Modality
from neuromotion_gym.signals.readers.edf_header import check_whole
from neuromotion_gym.signals.recording import Recording

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence


def read_raw(path: str | os.PathLike[str]) -> Any:
    """`mne.io.Raw` of a file, loaded into memory; every failure raises a NeuroMotionError.

    Raises
    ------
    NeuroMotionError
        If the file is missing, truncated, or not in a format that MNE reads.
    """
    import warnings

    import mne

    file = Path(path)
    if not file.exists():
        raise NeuroMotionError(f"{file} does not exist.")
    if file.suffix.lower() in (".edf", ".bdf"):
        check_whole(file)
    try:
        with warnings.catch_warnings():  # MNE repairs common header errors; serious ones are raised below
            warnings.simplefilter("ignore")
            return mne.io.read_raw(file, preload=True, verbose="ERROR")
    except Exception as error:  # with a corrupt file MNE can raise nearly any exception
        raise NeuroMotionError(f"{file} cannot be read as a recording: {type(error).__name__}: {error}") from error


def read(
    path: str | os.PathLike[str],
    *,
    modality: Modality,
    labels: Mapping[str, str | None] | None = None,
    channels: Sequence[str] | None = None,
    dataset: str = "user",
    subject: str = "0",
    session: str = "0",
    run: str = "0",
    trial_s: float | None = None,
) -> Recording:
    """Recording from a file; see `Recording.from_mne` for the options.

    Parameters
    ----------
    path : path
        File with an ending that MNE knows.
    channels : sequence of str, optional
        Channels to take, in this order; all by default.

    Raises
    ------
    NeuroMotionError
        If the file is missing, truncated or unreadable, channels are missing, flat or NaN, there are no
        annotations, or one is not in ``labels``.
    """
    raw = read_raw(path)
    try:
        recording = Recording.from_mne(
            _picked(raw, channels),
            modality=modality,
            labels=labels,
            dataset=dataset,
            subject=subject,
            session=session,
            run=run,
            trial_s=trial_s,
        )
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{path}: {error}") from error
    except Exception as error:
        raise NeuroMotionError(f"{path} cannot be read as a recording: {type(error).__name__}: {error}") from error
    return recording if channels is None else recording.pick(channels)


def _picked(raw: Any, channels: Sequence[str] | None) -> Any:
    """``raw`` with ``channels`` only, so that a broken channel that is not needed is no error."""
    if channels is None:
        return raw
    missing = [name for name in channels if name not in raw.ch_names]
    if missing:
        raise NeuroMotionError(f"channels {', '.join(missing)} are missing; there are {', '.join(raw.ch_names)}.")
    return raw.pick(list(channels))
