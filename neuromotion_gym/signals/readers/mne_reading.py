"""Objects and files of MNE-Python, read as a `Reading` says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading


def is_of_mne(what: object) -> bool:
    """Whether something is an MNE Raw or Epochs; MNE is not imported for the answer."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(what, mne.io.BaseRaw | mne.BaseEpochs)


def recording_of(inst: Any, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Recording:
    """Recording of an MNE Raw or Epochs.

    Parameters
    ----------
    inst : mne.io.BaseRaw or mne.BaseEpochs
    reading : Reading
    origin : Origin
        Where it comes from.
    channels : sequence of str, optional
        Channels to take; all of the modality if left out.

    Raises
    ------
    NeuroMotionError
        If the modality is not said, or as `Recording.from_mne`.
    """
    return Recording.from_mne(inst, **options_of(reading, origin, channels))


def options_of(reading: Reading, origin: Origin, channels: Sequence[str] | None) -> dict[str, Any]:
    """Arguments of `Recording.from_mne` and of `neuromotion_gym.signals.readers.mne_files.read`.

    Raises
    ------
    NeuroMotionError
        If the modality is not said.
    """
    if reading.modality is None:
        raise NeuroMotionError("The kind of signal is not known; say it with modality= in the reading.")
    return {
        "modality": reading.modality,
        "labels": reading.labels,
        "events": reading.events,
        "event_id": reading.event_id,
        "stim_channel": reading.stim_channel,
        "channels": channels,
        "unit": reading.unit,
        "dataset": origin.dataset,
        "subject": origin.subject,
        "session": origin.session,
        "run": origin.run,
        "trial_s": reading.marked_s,
        "strict": reading.strict,
    }
