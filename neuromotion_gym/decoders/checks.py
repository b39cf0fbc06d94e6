"""`check_decoder` and `find_faults`: the rules that every decoder has to fulfil, shipped or from another package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.decoders.faults import Fault, FaultyDecoderError
from neuromotion_gym.decoders.onnx_session import first_line
from neuromotion_gym.decoders.recording_checks import check_recordings
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.units import VOLTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

ROWS = 5
"""Number of windows in a batch."""
TOLERANCE = 1e-6
"""Largest difference between the results for a window decoded alone and in a batch."""


def random_inputs(spec: DecoderSpec, rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray | None]:
    """Random windows of a plausible amplitude and a plausible adaptation, to test a decoder.

    Returns
    -------
    windows : float32 array, shape (rows, channels, samples)
        Standard deviation 10 µV in ``spec.unit``; 10 where that is no unit of voltage.
    adaptation : float32 array, shape (rows, *spec.adaptation.shape), or None
    """
    generator = np.random.default_rng(seed)
    scale = 1e-5 / VOLTS[spec.unit] if spec.unit in VOLTS else 10.0
    windows = (scale * generator.normal(size=(rows, len(spec.channels), spec.window))).astype(np.float32)
    adaptation = None
    if spec.adaptation.kind in ("euclidean", "running"):
        adaptation = np.tile(np.eye(len(spec.channels), dtype=np.float32) / scale, (rows, 1, 1)).astype(np.float32)
    elif spec.adaptation.kind in ("head", "wearer", "day"):
        adaptation = (0.1 * generator.normal(size=(rows, *spec.adaptation.shape))).astype(np.float32)
    elif spec.adaptation.kind == "turned":
        adaptation = np.zeros((rows, *spec.adaptation.shape), np.float32)
        adaptation[:, 1] = 1
        adaptation[:, 2, 0] = 1
    return windows, adaptation


def check_decoder(decoder: Decoder, seed: int = 0) -> None:
    """Test a decoder on random windows.

    Every decoder has to pass, including those of other packages: call this function in your own tests.

    Parameters
    ----------
    decoder : Decoder
    seed : int
        Seed of the random windows.

    Raises
    ------
    FaultyDecoderError
        If a rule is broken; the message names all that are. The rules: results have the right shape and data type; the
        rows of a posterior sum to 1, targets are within -1..1; a window gives the same result alone as in a batch; no
        state is kept between calls; windows are not changed; wrong input is refused.
    """
    if faults := find_faults(decoder, seed=seed):
        raise FaultyDecoderError(f"Decoder {decoder.spec.name!r}", faults)


def find_faults(decoder: Decoder, recordings: Sequence[Recording] | None = None, *, seed: int = 0) -> list[Fault]:
    """All that is wrong with a decoder, and with how it fits some recordings.

    Parameters
    ----------
    decoder : Decoder
    recordings : sequence of Recording, optional
        Labelled recordings that it should read (`neuromotion_gym.decoders.recording_checks`).
    seed : int
        Seed of the random windows.

    Returns
    -------
    list of Fault
        Empty if nothing is wrong.
    """
    faults = _faults_on_random_windows(decoder, seed)
    if recordings is not None and not faults:
        faults += check_recordings(decoder, recordings).faults
    return faults


def _faults_on_random_windows(decoder: Decoder, seed: int) -> list[Fault]:
    """The rules of `check_decoder`, one fault for each that is broken."""
    spec = decoder.spec
    windows, adaptation = random_inputs(spec, ROWS, seed)
    before = windows.copy()
    try:
        decoded, effort = decoder.decode(windows, adaptation)
        again, _ = decoder.decode(windows, adaptation)
        single = [
            decoder.decode(windows[row : row + 1], None if adaptation is None else adaptation[row : row + 1])[0]
            for row in range(ROWS)
        ]
        posterior = decoder.predict_proba(windows, adaptation) if spec.classifies else decoded
    except NeuroMotionError as error:
        return [
            Fault("decode", f"refuses random windows, {str(error).rstrip('.')}", "a result for every finite window")
        ]
    except Warning:  # the caller has made warnings errors
        raise
    except Exception as error:  # noqa: BLE001 -- a decoder of another package may raise anything
        told = f"fails on random windows, {type(error).__name__}: {first_line(error)}"
        return [Fault("decode", told, "a result for every finite window")]
    results = {"decode": decoded, "effort": effort, "predict_proba": posterior}
    if wrong := [
        Fault(what, f"gives a {type(result).__name__}", "a NumPy array")
        for what, result in results.items()
        if not isinstance(result, np.ndarray) and not (what == "effort" and result is None)
    ]:
        return wrong
    faults = [*_decoded_faults(decoded, spec), *_effort_faults(effort, spec)]
    if not np.array_equal(windows, before):
        faults.append(Fault("decode", "changes the windows that it is given", "windows as they were"))
    if not np.array_equal(again, decoded):
        faults.append(Fault("decode", "gives different results for the same windows", "no state between calls"))
    if not np.array_equal(posterior, decoded):
        faults.append(Fault("predict_proba", "is not what decode gives", "the same posterior"))
    if (
        not faults
        and max(float(np.abs(one[0] - row).max()) for one, row in zip(single, decoded, strict=True)) > TOLERANCE
    ):
        faults.append(Fault("decode", "gives different results for a window alone and in a batch", "the same for both"))
    return faults + _accepted(decoder, windows, adaptation)


def _accepted(decoder: Decoder, windows: np.ndarray, adaptation: np.ndarray | None) -> list[Fault]:
    """A fault for each kind of wrong input that the decoder accepts."""
    broken = windows.copy()
    broken[1, -1, 0] = np.nan
    wrong = {
        "a window that is too short": (windows[:, :, :-1], adaptation),
        "NaN samples": (broken, adaptation),
    }
    if len(decoder.spec.channels) > 1:
        wrong["a wrong number of channels"] = (windows[:, :-1], adaptation)
    else:
        wrong["windows without an axis of rows"] = (windows[0], adaptation)
    if adaptation is not None:
        wrong["windows without the adaptation that its spec asks for"] = (windows, None)
    answers = {what: _answer(decoder, *given) for what, given in wrong.items()}
    right = "an error of the library (NeuroMotionError)"
    return [Fault("input", answer.format(what), right) for what, answer in answers.items() if answer]


def _decoded_faults(decoded: np.ndarray, spec: DecoderSpec) -> list[Fault]:
    """Faults of a posterior, or of targets: shape, data type, values."""
    what = "posterior" if spec.classifies else "targets"
    shape = (ROWS, len(spec.decoded))
    if decoded.shape != shape:
        return [Fault(what, f"a {what} of shape {decoded.shape}", f"{shape} for {ROWS} windows")]
    faults = []
    if decoded.dtype != np.float32:
        faults.append(Fault(what, f"a {what} of {decoded.dtype}, not float32", "float32"))
    if decoded.dtype.kind not in "fiub":
        return faults
    if not np.isfinite(decoded).all():
        faults.append(Fault(what, "NaN or infinite numbers", "finite numbers"))
    elif spec.classifies and not (decoded >= 0).all():
        faults.append(Fault(what, "negative posteriors", "0 to 1"))
    elif spec.classifies and not np.abs(decoded.sum(axis=1) - 1).max() < 1e-5:
        faults.append(Fault(what, "rows that do not sum to 1", "a sum of 1 in every row"))
    elif not spec.classifies and not (np.abs(decoded) <= 1).all():
        faults.append(Fault(what, "targets that leave -1..1", "-1 to 1"))
    return faults


def _effort_faults(effort: np.ndarray | None, spec: DecoderSpec) -> list[Fault]:
    if (effort is not None) != spec.effort:
        right = "effort" if spec.effort else "no effort"
        return [Fault("effort", "gives effort where its spec says otherwise", f"{right}, as the spec says")]
    if effort is None:
        return []
    if effort.shape != (ROWS,):
        return [Fault("effort", f"effort of shape {effort.shape}", f"({ROWS},) for {ROWS} windows")]
    if not ((effort >= 0) & (effort <= 1)).all():
        return [Fault("effort", "effort outside 0..1", "0 to 1")]
    return []


def _answer(decoder: Decoder, windows: np.ndarray, adaptation: np.ndarray | None) -> str:
    """What a decoder wrongly does with wrong input, for `str.format`; empty if it refuses it as it should."""
    try:
        decoder.decode(windows, adaptation)
    except NeuroMotionError:
        return ""
    except Warning:  # the caller has made warnings errors
        raise
    except Exception as error:  # noqa: BLE001 -- a decoder of another package may raise anything
        return f"answers {{}} with a {type(error).__name__}, an error of another kind than the library's"
    return "accepts {}"
