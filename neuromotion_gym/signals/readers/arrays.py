"""Recordings as NumPy archives (``.npz``), for your own data; no pickles.

| key | content |
|---|---|
| ``samples`` | numbers, shape (channels, samples) |
| ``rate_hz`` | samples per second |
| ``channels`` | channel names, shape (channels,) |
| ``unit`` | unit of the samples, such as ``V``, ``µV``, ``count``; may be missing if it is given to `read` |
| ``modality`` | ``eeg`` or ``emg`` |
| ``labels``, ``starts``, ``stops`` | shape (trials,): label, first sample, and sample after the last, of each trial |
| ``has_onset`` | optional, shape (trials,), or one value for all: whether a trial begins at its onset (default: yes) |
| ``as_recorded`` | optional: whether a flat channel is an error (default: yes); False where channels were mixed |
| ``bad_spans`` | optional, shape (spans, 2): first sample and sample after the last of spans that are not used |
| ``targets``, ``target_values`` | optional: names of continuous targets, and their values, (targets, samples) |
| ``dataset``, ``subject``, ``session``, ``run`` | optional: where the samples come from |
"""

from __future__ import annotations

import zipfile
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import replacing
from neuromotion_gym.signals.modality import checked_modality
from neuromotion_gym.signals.readers.sizes import DEFAULT_LIMIT_BYTES, check_size, zip_bytes
from neuromotion_gym.signals.recording import Recording, SignalSpec, Targets, Trial
from neuromotion_gym.signals.sample_faults import note_sample_faults
from neuromotion_gym.signals.stretches import Faults, Stretch, sound_stretches

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

REQUIRED = ("samples", "rate_hz", "channels", "unit", "modality", "labels", "starts", "stops")
ORIGIN = {"dataset": "user", "subject": "0", "session": "0", "run": "0"}


def read(
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    unit: str | None = None,
    strict: bool = False,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
) -> Recording:
    """Recording from an ``.npz`` file with the keys of the module's table.

    Parameters
    ----------
    path : path
        The file.
    labels : sequence of str, optional
        Labels that may occur; any by default.
    unit : str, optional
        Unit of the samples, instead of the one in the file.
    strict : bool
        Whether faults that are otherwise warned about (repeated trials, clipped channels) are errors.
    limit_bytes : int
        Memory that the arrays may need; a larger archive is refused before it is unpacked.

    Raises
    ------
    NeuroMotionError
        If the file is missing, corrupt, too large or holds pickles, keys are missing or of the wrong shape or kind, a
        label or the unit is not known, the arrays are no valid recording (see `Recording`), or ``strict`` is true and
        there are faults.
    """
    arrays = load(Path(path), limit_bytes)
    if unit is not None:
        arrays["unit"] = np.array(unit)
    missing = [key for key in REQUIRED if key not in arrays]
    if missing:
        raise NeuroMotionError(f"{path} lacks {', '.join(missing)}; a recording needs {', '.join(REQUIRED)}.")
    faults = Faults()
    try:
        recording = _recording(arrays, faults)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{path}: {error}") from error
    except Exception as error:  # the arrays can be of any kind, and NumPy can raise nearly any exception
        raise NeuroMotionError(f"{path} is no recording: {type(error).__name__}: {error}") from error
    unknown = sorted({trial.label for trial in recording.trials} - set(labels)) if labels is not None else []
    if unknown:
        raise NeuroMotionError(f"{path} has unknown labels {', '.join(unknown)}; known: {', '.join(labels or ())}.")
    faults.report(str(path), strict=strict)
    return recording


def write(recording: Recording, path: str | os.PathLike[str]) -> None:
    """Write a recording so that `read` returns it again; the file is written completely or not at all."""
    path = Path(path)
    arrays: dict[str, Any] = {
        "samples": recording.samples,
        "rate_hz": recording.spec.rate_hz,
        "channels": np.array(recording.spec.channels),
        "unit": recording.spec.unit,
        "modality": recording.spec.modality,
        "labels": np.array([trial.label for trial in recording.trials], dtype=str),
        "starts": np.array([trial.start for trial in recording.trials], dtype=np.int64),
        "stops": np.array([trial.stop for trial in recording.trials], dtype=np.int64),
        "has_onset": np.array([trial.has_onset for trial in recording.trials], dtype=bool),
        "as_recorded": recording.as_recorded,
        "bad_spans": np.array(recording.bad_spans, dtype=np.int64).reshape(-1, 2),
        **{key: getattr(recording, key) for key in ORIGIN},
    }
    if recording.targets is not None:
        arrays |= {"targets": np.array(recording.targets.names), "target_values": recording.targets.values}
    # Opened here, because savez adds its own ending to a file name without it
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load(path: Path, limit_bytes: int) -> dict[str, np.ndarray]:
    """All arrays of an archive, after its stated size and its checksums have been tested.

    Raises
    ------
    NeuroMotionError
        If the file is missing, corrupt or holds pickles, or its arrays need more memory than ``limit_bytes``.
    """
    if not path.is_file():
        raise NeuroMotionError(f"{path} does not exist.")
    try:
        check_size(path, zip_bytes(path), limit_bytes)
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is None:
            with np.load(path, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}
    except NeuroMotionError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy can raise nearly any exception on corrupt bytes
        raise NeuroMotionError(f"{path} is not a complete .npz file: {type(error).__name__}: {error}") from error
    raise NeuroMotionError(f"{path} is corrupt: the checksum of {broken} is wrong.")


def _recording(arrays: dict[str, np.ndarray], faults: Faults) -> Recording:
    """Recording from arrays that have not been checked yet; what is odd in them is noted in ``faults``."""
    samples = arrays["samples"]
    if samples.ndim != 2 or samples.dtype.kind not in "fiu":
        raise NeuroMotionError(
            f"samples are {samples.dtype} of shape {samples.shape}; they have to be numbers, (channels, samples)."
        )
    labels, starts, stops = (np.atleast_1d(arrays[key]) for key in ("labels", "starts", "stops"))
    onset = np.broadcast_to(arrays.get("has_onset", np.array(True)), labels.shape)
    if not labels.shape == starts.shape == stops.shape or labels.ndim != 1:
        raise NeuroMotionError(
            f"labels, starts and stops have shapes {labels.shape}, {starts.shape} and {stops.shape}; "
            "they have to be equal and 1-D."
        )
    if labels.size and (starts.dtype.kind not in "iu" or stops.dtype.kind not in "iu" or labels.dtype.kind != "U"):
        raise NeuroMotionError("labels have to be strings, and starts and stops integers.")
    trials = sorted(
        (
            Trial(str(name), int(start), int(stop), bool(has))
            for name, start, stop, has in zip(labels, starts, stops, onset, strict=True)
        ),
        key=lambda trial: trial.start,
    )
    modality = checked_modality(_text(arrays["modality"]))
    channels = tuple(str(name) for name in np.atleast_1d(arrays["channels"]))
    spec = SignalSpec(modality, channels, float(arrays["rate_hz"]), _text(arrays["unit"]))
    with np.errstate(over="ignore"):  # an overflow becomes infinite; Recording refuses it and names the channel
        samples = np.ascontiguousarray(samples, dtype=np.float32)
    dataset, subject, session, run = (
        _text(arrays[key]) if key in arrays else default for key, default in ORIGIN.items()
    )
    as_recorded = bool(arrays.get("as_recorded", True))
    spans = arrays.get("bad_spans", np.zeros((0, 2), np.int64))
    if spans.ndim != 2 or spans.shape[1] != 2 or spans.dtype.kind not in "iu":
        raise NeuroMotionError(f"bad_spans are {spans.dtype} of shape {spans.shape}; they have to be integers, (n, 2).")
    bad = tuple((int(start), int(stop)) for start, stop in spans)
    made = Recording(samples, spec, tuple(trials), dataset, subject, session, run, as_recorded, bad, _targets(arrays))
    note_sample_faults(samples, spec.channels, spec.unit, faults)
    sound = sound_stretches((Stretch(*astuple(trial)) for trial in trials), samples.shape[1], bad, faults)
    return replace(made, trials=tuple(Trial(*one) for one in sound))


def _targets(arrays: dict[str, np.ndarray]) -> Targets | None:
    """The continuous targets, if there are any."""
    if "targets" not in arrays:
        return None
    names, values = np.atleast_1d(arrays["targets"]), arrays["target_values"]
    if names.dtype.kind != "U" or values.dtype.kind not in "fiu":
        raise NeuroMotionError("targets have to be strings, and target_values numbers.")
    return Targets(tuple(str(name) for name in names), np.ascontiguousarray(values, dtype=np.float32))


def _text(array: np.ndarray) -> str:
    """The single string in an array."""
    if array.ndim != 0 or array.dtype.kind != "U":
        raise NeuroMotionError(f"A single string was expected, not {array.dtype} of shape {array.shape}.")
    return str(array)
