"""Objects and files of MNE-Python, read as a `Reading` says."""

from __future__ import annotations

import glob
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.modality import Modality
from neuromotion_gym.signals.readers.made import as_one_trial, delayed, rate_of
from neuromotion_gym.signals.readers.mne_warnings import warnings_noted
from neuromotion_gym.signals.recording import Recording
from neuromotion_gym.signals.stretches import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading


def is_of_mne(what: object) -> bool:
    """Whether something is an MNE Raw or Epochs; MNE is not imported for the answer."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(what, mne.io.BaseRaw | mne.BaseEpochs)


def epochs_of(file: Path, *, strict: bool) -> Any:
    """`mne.Epochs` of a file that holds epochs (``-epo.fif`` by its name, ``.set`` by its content); None for others."""
    read = _epochs_reader(file)
    if read is None:
        return None
    faults = Faults()
    with warnings_noted(faults):
        epochs = read(file, verbose="WARNING")
    faults.report(str(file), strict=strict)
    return epochs


def _epochs_reader(file: Path) -> Callable[..., Any] | None:
    """The function of MNE that reads the epochs of a file; None if it holds none."""
    import mne

    if _is_epochs_fif(file):
        return mne.read_epochs  # type: ignore[no-any-return]
    if file.suffix.lower() == ".set":
        try:
            mne.io.read_raw_eeglab(file, verbose="ERROR")
        except TypeError:  # of MNE, where the file has more than one trial
            return mne.read_epochs_eeglab  # type: ignore[no-any-return]
    return None


def _is_epochs_fif(file: Path) -> bool:
    """Whether a file holds epochs by its name."""
    return file.stem.endswith(("-epo", "_epo")) and file.suffix == ".fif"


def continuations(file: Path) -> list[Path]:
    """Further files of a FIF file that is split (``x_raw-1.fif``, ``x_split-02_raw.fif``); MNE reads them with it."""
    name, numbered = glob.escape(file.name), f"{glob.escape(file.stem)}-[0-9]*.fif"
    pattern = name.replace("_split-01_", "_split-[0-9]*_") if "_split-01_" in name else numbered
    named = [other for other in file.parent.glob(pattern) if other != file]
    if not named or _is_epochs_fif(file):
        return named
    import mne

    try:
        raw = mne.io.read_raw_fif(file, verbose="ERROR")
    except Exception as error:  # with a corrupt file MNE can raise nearly any exception
        raise NeuroMotionError(f"{file} cannot be read as a recording: {type(error).__name__}: {error}") from error
    return [file.with_name(Path(name).name) for name in raw.filenames[1:]]


def with_modality_of(inst: Any, reading: Reading) -> Reading:
    """``reading`` with the modality of the channels of an MNE object, if it names none and they have just one."""
    if reading.modality is not None:
        return reading
    kinds = [kind for kind in get_args(Modality) if kind in inst.get_channel_types()]
    return reading.model_copy(update={"modality": kinds[0]}) if len(kinds) == 1 else reading


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
    return completed(Recording.from_mne(inst, **options_of(reading, origin, channels)), reading, origin)


def completed(recording: Recording, reading: Reading, origin: Origin) -> Recording:
    """A recording that MNE has read, with what only ``reading`` and the file's name say: label, onsets, delay.

    Raises
    ------
    NeuroMotionError
        If the label map lacks the label, the rate differs from the one that is said, or a trial is shorter than the
        delay.
    """
    if origin.label is not None:
        recording = as_one_trial(recording, origin.label, reading.labels)
    if reading.has_onset is not None:
        trials = tuple(replace(trial, has_onset=reading.has_onset) for trial in recording.trials)
        recording = replace(recording, trials=trials)
    rate = rate_of(recording.spec.rate_hz, reading.rate_hz)
    if rate != recording.spec.rate_hz:
        recording = replace(recording, spec=replace(recording.spec, rate_hz=rate))
    return delayed(recording, reading.delay_s)


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
        "labels": reading.labels if origin.label is None else {},
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
