"""`check_decoder`: the rules that every decoder has to fulfil, shipped or from another package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec

ROWS = 5
"""Number of windows in a batch."""
TOLERANCE = 1e-6
"""Largest difference between the results for a window decoded alone and in a batch."""


def random_inputs(spec: DecoderSpec, rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray | None]:
    """Random windows of a plausible amplitude and a plausible adaptation, to test a decoder.

    Returns
    -------
    windows : float32 array, shape (rows, channels, samples)
        Standard deviation 10 µV where the unit is "V", otherwise 10.
    adaptation : float32 array, shape (rows, *spec.adaptation.shape), or None
    """
    generator = np.random.default_rng(seed)
    scale = 1e-5 if spec.unit == "V" else 10.0
    windows = (scale * generator.normal(size=(rows, len(spec.channels), spec.window))).astype(np.float32)
    adaptation = None
    if spec.adaptation.kind == "euclidean":
        adaptation = np.tile(np.eye(len(spec.channels), dtype=np.float32) / scale, (rows, 1, 1)).astype(np.float32)
    elif spec.adaptation.kind == "head":
        adaptation = (0.1 * generator.normal(size=(rows, *spec.adaptation.shape))).astype(np.float32)
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
    NeuroMotionError
        If a rule is broken; the message names the first one. The rules: results have the right shape and data type;
        the rows of a posterior sum to 1, targets are within -1..1; a window gives the same result alone as in a batch;
        no state is kept between calls; windows are not changed; wrong input is refused.
    """
    spec = decoder.spec
    name = repr(spec.name)
    windows, adaptation = random_inputs(spec, ROWS, seed)
    before = windows.copy()
    decoded, effort = decoder.decode(windows, adaptation)
    _check_decoded(decoded, spec)
    _require((effort is not None) == spec.effort, f"{name} gives effort where its spec says otherwise.")
    if effort is not None:
        _require(effort.shape == (ROWS,), f"{name} gives effort of shape {effort.shape}.")
        _require(bool(((effort >= 0) & (effort <= 1)).all()), f"Effort of {name} is outside 0..1.")
    _require(np.array_equal(windows, before), f"{name} changes the windows that it is given.")
    _require(
        np.array_equal(decoder.decode(windows, adaptation)[0], decoded),
        f"{name} gives different results for the same windows.",
    )
    if spec.classifies:
        _require(
            np.array_equal(decoder.predict_proba(windows, adaptation), decoded),
            f"predict_proba of {name} is not what decode gives.",
        )
    for row in range(ROWS):
        rows = None if adaptation is None else adaptation[row : row + 1]
        alone, _ = decoder.decode(windows[row : row + 1], rows)
        _require(
            float(np.abs(alone[0] - decoded[row]).max()) <= TOLERANCE,
            f"{name} gives different results for a window alone and in a batch.",
        )
    if len(spec.channels) > 1:
        _refuses(decoder, windows[:, :-1], adaptation, "a wrong number of channels")
    else:
        _refuses(decoder, windows[0], adaptation, "windows without an axis of rows")
    _refuses(decoder, windows[:, :, :-1], adaptation, "a window that is too short")
    broken = windows.copy()
    broken[1, -1, 0] = np.nan
    _refuses(decoder, broken, adaptation, "NaN samples")
    if adaptation is not None:
        _refuses(decoder, windows, None, "windows without the adaptation that its spec asks for")


def _check_decoded(decoded: np.ndarray, spec: DecoderSpec) -> None:
    """Refuse a posterior, or targets, of wrong shape, data type or values."""
    name = repr(spec.name)
    what = "posterior" if spec.classifies else "targets"
    _require(decoded.shape == (ROWS, len(spec.decoded)), f"{name} gives a {what} of shape {decoded.shape}.")
    _require(decoded.dtype == np.float32, f"{name} gives a {what} of {decoded.dtype}, not float32.")
    _require(bool(np.isfinite(decoded).all()), f"{name} gives NaN or infinite numbers as {what}.")
    if spec.classifies:
        _require(bool((decoded >= 0).all()), f"{name} gives negative posteriors.")
        _require(bool(np.abs(decoded.sum(axis=1) - 1).max() < 1e-5), f"Posteriors of {name} do not sum to 1.")
    else:
        _require(bool((np.abs(decoded) <= 1).all()), f"Targets of {name} leave -1..1.")


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise NeuroMotionError(message)


def _refuses(decoder: Decoder, windows: np.ndarray, adaptation: np.ndarray | None, what: str) -> None:
    try:
        decoder.decode(windows, adaptation)
    except NeuroMotionError:
        return
    raise NeuroMotionError(f"{decoder.spec.name!r} accepts {what}.")
