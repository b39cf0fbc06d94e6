"""The parameters of a fitted surrogate, as arrays, and their file (``.npz`` without pickles).

They contain no sample of a recording, only powers, covariances and smoothed responses computed from recordings, most
of them in one or two bytes per value. The model is described in `neuromotion_gym.signals.surrogate.fit`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import make_folder, replacing
from neuromotion_gym.resources import assets_root
from neuromotion_gym.signals.modality import checked_modality
from neuromotion_gym.signals.recording import SignalSpec

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.sessions import Ocular

FORMAT = 1
"""Version of the file's layout."""

LATER = ("mode", "score", "score_step", "offset", "target_course")
"""Arrays that a file may lack; they are then read as empty, and ``offset`` as zeros."""
TARGET_STEP = 1 / 127
"""Step of the courses of targets."""

_META = {
    "format": int,
    "dataset": str,
    "part": str,
    "split": str,
    "licence": str,
    "cite": str,
    "model": str,
    "modality": str,
    "channels": list,
    "rate_hz": float,
    "unit": str,
    "scale": float,
    "labels": list,
    "sessions": list,
    "has_onset": bool,
    "trial_s": float,
    "integer_range": list,
    "ocular_channels": list,
    "evoked_knots_hz": float,
    "runs": list,
}


@dataclass(frozen=True, eq=False)
class SurrogateParameters:
    """Parameters of a surrogate of many people.

    Symbols: people ``p``, trials ``t``, bands ``b``, frames of a trial ``f``, channels ``c`` and as many sources,
    groups of sources ``g``, mixings ``m``, parts of a trial ``h``, patterns of the response to the cue ``r``,
    modes ``k``, points of a spectrum ``n``, continuous targets ``a``.

    Parameters
    ----------
    meta : dict
        ``dataset``, ``part``, ``split``, ``licence``, ``cite``, ``runs``, ``model``; ``modality``, ``channels``,
        ``rate_hz``, ``unit``; ``noise`` (``"tape"``, or ``"fresh"`` where left out); ``scale`` (one internal unit in
        ``unit``); ``labels``; ``sessions`` (subject and session of each person); ``has_onset``; ``trial_s``;
        ``integer_range`` (lowest and highest integer that the device gives, or empty); ``ocular_channels``;
        ``evoked_knots_hz``; ``targets`` (names of the continuous targets, for people whose recordings have some).
    edges_hz : float32 array, shape (b + 1,)
        Edges of the bands.
    person, label : int16 array, shape (t,)
        Person of each trial, and index into the labels; -1 where a calibration trial has no label.
    calibration : bool array, shape (t,)
        Whether a trial comes from a calibration run.
    mixing : float16 array, shape (m, b, c (c + 1) / 2)
        Lower triangles of symmetric matrices: square roots of covariances, in internal units.
    mixing_of : int16 array, shape (t, h)
        Mixing of each part of each trial.
    group : int16 array, shape (c,)
        Group of each source.
    gain : int8 array, shape (t, b, f, g)
        Logarithm of the amplitude of a group in a frame, in steps of ``gain_step``.
    gain_step : float32 array, shape (b,)
        Step of the gains of a band.
    spectrum : float16 array, shape (p, n)
        Amplitude at ``n`` equally spaced frequencies from 0 to half the rate: the shape of the spectrum in the bands.
    evoked_pattern : float16 array, shape (p, r, c)
        Patterns of the slow response to the cue, or of the mean level of trials without onset; r may be 0.
    evoked_course : float16 array, shape (t, r, knots)
        Time course of each pattern in each trial, from the onset, ``evoked_knots_hz`` values per second.
    ocular : float32 array, shape (p, c, ocular channels)
        Each person's regression weights on the ocular channels, after the average reference.
    mode : float16 array, shape (b, k, c (c + 1) / 2)
        Lower triangles of the modes by which covariances vary; see
        `neuromotion_gym.signals.surrogate.modes`. k is 0 if the model has none.
    score : int8 array, shape (t, b, f, k)
        Score of each frame on each mode, in steps of ``score_step``; shape (0, b, f, 0) if k is 0.
    score_step : float32 array, shape (b, k)
        Step of the scores.
    offset : float32 array, shape (p, c)
        Mean level of each channel over a person's trials, in internal units.
    target_course : int8 array, shape (t, a, knots)
        Course of each target in each trial, in steps of `TARGET_STEP`: straight between knots that are evenly spaced
        from its first to its last sample. a is 0 where there are no targets.
    """

    meta: dict[str, Any]
    edges_hz: np.ndarray
    person: np.ndarray
    label: np.ndarray
    calibration: np.ndarray
    mixing: np.ndarray
    mixing_of: np.ndarray
    group: np.ndarray
    gain: np.ndarray
    gain_step: np.ndarray
    spectrum: np.ndarray
    evoked_pattern: np.ndarray
    evoked_course: np.ndarray
    ocular: np.ndarray
    mode: np.ndarray
    score: np.ndarray
    score_step: np.ndarray
    offset: np.ndarray
    target_course: np.ndarray

    def __post_init__(self) -> None:
        _check(self)

    @property
    def spec(self) -> SignalSpec:
        """Channels, rate and unit of the generated samples."""
        meta = self.meta
        return SignalSpec(meta["modality"], tuple(meta["channels"]), float(meta["rate_hz"]), meta["unit"])

    @property
    def sessions(self) -> tuple[tuple[str, str], ...]:
        """Subject and session of each person."""
        return tuple((subject, session) for subject, session in self.meta["sessions"])

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the continuous targets; empty where there are none."""
        return tuple(self.meta.get("targets", ()))

    @property
    def owner(self) -> np.ndarray:
        """Person of each mixing, int64 array of shape (mixings,); no mixing belongs to two people."""
        owner = np.zeros(len(self.mixing), np.int64)
        owner[self.mixing_of] = self.person[:, None]
        return owner

    def ocular_matrix(self, person: int) -> np.ndarray:
        """Average reference and ocular regression of one person, float64 of shape (channels, channels).

        Raises
        ------
        NeuroMotionError
            If the surrogate has no ocular channels.
        """
        names = self.meta["ocular_channels"]
        if not names:
            raise NeuroMotionError(f"The surrogate of {self.meta['dataset']} has no ocular channels to regress out.")
        channels = self.meta["channels"]
        reference = np.eye(len(channels)) - 1 / len(channels)
        picks = [channels.index(name) for name in names]
        matrix = reference - self.ocular[person].astype(np.float64) @ reference[picks]
        matrix[picks] = 0.0
        return matrix

    def projection(self, ocular: Ocular = "keep", channels: Sequence[str] | None = None) -> np.ndarray:
        """Matrices from all recorded channels to the wanted ones, float64 of shape (people, wanted, channels).

        Raises
        ------
        NeuroMotionError
            If a channel is not in the surrogate, or there is nothing to regress out.
        """
        names = self.meta["channels"]
        missing = [name for name in channels or () if name not in names]
        if missing:
            raise NeuroMotionError(f"The surrogate lacks channels {', '.join(missing)}; it has {', '.join(names)}.")
        people = range(len(self.meta["sessions"]))
        matrices = [self.ocular_matrix(person) if ocular == "regress" else np.eye(len(names)) for person in people]
        picks = [names.index(name) for name in (names if channels is None else channels)]
        return np.stack(matrices)[:, picks]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, under a temporary name first; returns its path."""
        target = Path(path)
        make_folder(target.parent)
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "meta"}
        with replacing(target) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, meta=np.array(json.dumps(self.meta)), **arrays)
        return target

    @classmethod
    def find(cls, name: str | os.PathLike[str]) -> SurrogateParameters:
        """Parameters of a shipped surrogate by its name, or of a file.

        Parameters
        ----------
        name : str or path
            ``<data set>_<part>``, see `shipped_surrogates`, or the path of an ``.npz`` file.

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
        return cls.read(path)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SurrogateParameters:
        """Read a file.

        Raises
        ------
        NeuroMotionError
            If it is missing, is no file of parameters, or its arrays contradict each other.
        """
        names = [field.name for field in fields(cls) if field.name != "meta"]
        try:
            with np.load(path, allow_pickle=False) as stored:
                # Files of models without modes, tapes and targets may lack the arrays that only those need
                later = [name for name in LATER if name not in stored.files]
                names = [name for name in names if name not in later]
                absent = sorted({"meta", *names} - set(stored.files))
                if absent:
                    raise NeuroMotionError(f"{path} is no surrogate: it lacks {', '.join(absent)}.")
                meta = json.loads(str(stored["meta"]))
                arrays = {name: stored[name] for name in names}
                bands, frames = arrays["gain"].shape[1:3]
                empty = {
                    "mode": np.zeros((bands, 0, arrays["mixing"].shape[2]), np.float16),
                    "score": np.zeros((0, bands, frames, 0), np.int8),
                    "score_step": np.zeros((bands, 0), np.float32),
                    "offset": np.zeros((len(arrays["ocular"]), len(arrays["group"])), np.float32),
                    "target_course": np.zeros((len(arrays["person"]), 0, 0), np.int8),
                }
                arrays |= {name: empty[name] for name in later}
        except NeuroMotionError:
            raise
        except Exception as error:  # zipfile, zlib and NumPy can raise nearly any exception on corrupt bytes
            raise NeuroMotionError(
                f"{path} cannot be read as a surrogate ({type(error).__name__}: {error}); "
                "it has to be a file that `neuromotion surrogate fit` wrote."
            ) from error
        try:
            return cls(meta, **arrays)
        except NeuroMotionError as error:
            raise NeuroMotionError(f"{path}: {error}") from error


def shipped_surrogates() -> dict[str, Path]:
    """Names (``<data set>_<part>``) and files of all shipped and registered surrogates."""
    return {path.stem: path for path in sorted((assets_root() / "surrogates").glob("*.npz"))} | _REGISTERED


_REGISTERED: dict[str, Path] = {}


def register_surrogate(path: str | os.PathLike[str]) -> None:
    """Register the file of another package's surrogate, ``<data set>_<part>.npz``, under its name.

    To register the same file again changes nothing.

    Raises
    ------
    NeuroMotionError
        If another file is registered or shipped under this name.
    """
    name, file = Path(path).stem, Path(path)
    if (known := shipped_surrogates().get(name, file)) != file:
        raise NeuroMotionError(f"Surrogate {name!r} is already registered: {known}. Choose another name than {file}.")
    _REGISTERED[name] = file


def _check(p: SurrogateParameters) -> None:
    """Raise one NeuroMotionError if the parameters contradict each other."""
    _check_meta(p.meta)
    meta = p.meta
    channels, people, trials = len(meta["channels"]), len(meta["sessions"]), len(p.person)
    bands, mixings = len(p.edges_hz) - 1, len(p.mixing)
    patterns = p.evoked_pattern.shape[1] if p.evoked_pattern.ndim == 3 else -1
    frames, groups = p.gain.shape[2:] if p.gain.ndim == 4 else (-1, -1)
    modes = p.mode.shape[1] if p.mode.ndim == 3 else -1
    knots = p.evoked_course.shape[2] if p.evoked_course.ndim == 3 else -1
    places = p.target_course.shape[2] if p.target_course.ndim == 3 else -1
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "edges_hz": ("f", (bands + 1,)),
        "person": ("i", (trials,)),
        "label": ("i", (trials,)),
        "calibration": ("b", (trials,)),
        "mixing": ("f", (mixings, bands, channels * (channels + 1) // 2)),
        "mixing_of": ("i", (trials, p.mixing_of.shape[1] if p.mixing_of.ndim == 2 else -1)),
        "group": ("i", (channels,)),
        "gain": ("i", (trials, bands, frames, groups)),
        "gain_step": ("f", (bands,)),
        "mode": ("f", (bands, modes, channels * (channels + 1) // 2)),
        "score": ("i", (trials if modes else 0, bands, frames, modes)),
        "score_step": ("f", (bands, modes)),
        "offset": ("f", (people, channels)),
        "spectrum": ("f", (people, p.spectrum.shape[-1] if p.spectrum.ndim else 0)),
        "evoked_pattern": ("f", (people, patterns, channels)),
        "evoked_course": ("f", (trials, patterns, knots)),
        "ocular": ("f", (people, channels, len(meta["ocular_channels"]))),
        "target_course": ("i", (trials, len(p.targets), places)),
    }
    for name, (kind, shape) in wanted.items():
        array = getattr(p, name)
        if array.dtype.kind != kind or array.shape != shape:
            raise NeuroMotionError(
                f"{name} is {array.dtype} of shape {array.shape}; with the other arrays it has to be of kind "
                f"{kind!r} and shape {shape}."
            )
        if kind == "f" and not np.isfinite(array).all():
            raise NeuroMotionError(f"{name} has values that are not finite.")
    limits = {
        "person": (0, people),
        "label": (-1, len(meta["labels"])),
        "mixing_of": (0, mixings),
        "group": (0, groups),
    }
    for name, (low, high) in limits.items():
        array = getattr(p, name)
        if array.size and not (low <= array.min() and array.max() < high):
            raise NeuroMotionError(f"{name} has indices outside {low} to {high - 1}.")
    if modes < 0 or not (p.score_step >= 0).all():
        raise NeuroMotionError("The numbers of modes and the steps of scores cannot be negative.")
    if p.mixing_of.shape[1] < 1 or (p.mixing_of.shape[1] > 1 and not meta["has_onset"]):
        raise NeuroMotionError("A trial has one part, or several where it has an onset.")
    edges = p.edges_hz
    if bands < 1 or edges[0] < 0 or (np.diff(edges) <= 0).any() or frames < 1 or p.spectrum.shape[1] < 2:
        raise NeuroMotionError(
            "Bands have to rise from 0 Hz or above; "
            "at least one band, one frame and two points of the spectrum are needed."
        )
    if patterns > 0 and knots < 2:
        raise NeuroMotionError(f"The response to the cue has {knots} knots; it needs two or more.")
    if p.targets and places < 2:
        raise NeuroMotionError(f"The courses of targets have {places} knots; they need two or more.")
    if set(np.unique(p.person[~p.calibration]).tolist()) != set(range(people)):
        raise NeuroMotionError("Every person needs trials.")


def _check_meta(meta: Any) -> None:
    """Raise one NeuroMotionError if the description (``meta``) is incomplete or wrong."""
    if not isinstance(meta, dict):
        raise NeuroMotionError("The description is no JSON object.")
    for key, kind in _META.items():
        value = meta.get(key)
        if not isinstance(value, (int, float) if kind is float else kind):
            raise NeuroMotionError(f"The description's {key!r} is {value!r}; it has to be of type {kind.__name__}.")
    if meta["format"] != FORMAT:
        raise NeuroMotionError(f"The file has format {meta['format']}; this version reads format {FORMAT}.")
    if meta.get("noise", "fresh") not in ("fresh", "tape"):
        raise NeuroMotionError(f"The description's 'noise' is {meta['noise']!r}; it has to be 'fresh' or 'tape'.")
    sessions, bounds = meta["sessions"], meta["integer_range"]
    if not sessions or not all(
        isinstance(one, list) and len(one) == 2 and all(isinstance(x, str) for x in one) for one in sessions
    ):
        raise NeuroMotionError("The description's 'sessions' have to be pairs of subject and session.")
    if not isinstance(meta.get("targets", []), list):
        raise NeuroMotionError(f"The description's 'targets' is {meta['targets']!r}; it has to be of type list.")
    for key in ("channels", "labels", "ocular_channels", "targets"):
        if not all(isinstance(name, str) for name in meta.get(key, [])):
            raise NeuroMotionError(f"The description's {key!r} have to be names.")
    if not meta["channels"] or not meta["labels"] or not set(meta["ocular_channels"]) <= set(meta["channels"]):
        raise NeuroMotionError("The description needs channels, among them the ocular ones, and labels.")
    for key in ("rate_hz", "trial_s", "scale", "evoked_knots_hz"):
        if not 0 < meta[key] < 1e6:
            raise NeuroMotionError(f"The description's {key!r} is {meta[key]}; it has to lie between 0 and a million.")
    if bounds and not (len(bounds) == 2 and all(isinstance(x, (int, float)) for x in bounds) and bounds[0] < bounds[1]):
        raise NeuroMotionError("The description's 'integer_range' has to be empty, or a lower and a higher integer.")
    checked_modality(meta["modality"])
