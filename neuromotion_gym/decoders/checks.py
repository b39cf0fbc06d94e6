"""`check_decoder`: what every decoder has to fulfil, for the tests of shipped ones and for people with their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder

ROWS = 5
TOLERANCE = 1e-6


def check_decoder(decoder: Decoder, seed: int = 0) -> None:
    """Try a decoder on random windows.

    Raises
    ------
    NeuroMotionError
        With the first rule that it breaks: shapes and kinds of its results, rows that sum to 1, a window alone the
        same as in a batch, no state between calls, windows left as they were, wrong input refused.
    """
    spec = decoder.spec
    name = repr(spec.name)
    generator = np.random.default_rng(seed)
    scale = 1e-5 if spec.unit == "V" else 10.0
    windows = (scale * generator.normal(size=(ROWS, len(spec.channels), spec.window))).astype(np.float32)
    adaptation = None
    if spec.adaptation.kind == "euclidean":
        adaptation = np.tile(np.eye(len(spec.channels), dtype=np.float32) / scale, (ROWS, 1, 1))
    elif spec.adaptation.kind == "head":
        adaptation = (0.1 * generator.normal(size=(ROWS, *spec.adaptation.shape))).astype(np.float32)
    before = windows.copy()
    posterior, effort = decoder.decode(windows, adaptation)
    _require(posterior.shape == (ROWS, len(spec.labels)), f"{name} gives a posterior of shape {posterior.shape}.")
    _require(posterior.dtype == np.float32, f"{name} gives a posterior of {posterior.dtype}, not float32.")
    _require(bool(np.isfinite(posterior).all() and (posterior >= 0).all()), f"{name} gives negative or NaN posteriors.")
    _require(bool(np.abs(posterior.sum(axis=1) - 1).max() < 1e-5), f"Posteriors of {name} do not sum to 1.")
    _require((effort is not None) == spec.effort, f"{name} gives effort where its spec says otherwise.")
    if effort is not None:
        _require(effort.shape == (ROWS,), f"{name} gives effort of shape {effort.shape}.")
        _require(bool(((effort >= 0) & (effort <= 1)).all()), f"Effort of {name} leaves 0..1.")
    _require(np.array_equal(windows, before), f"{name} writes into its windows.")
    _require(
        np.array_equal(decoder.predict_proba(windows, adaptation), posterior),
        f"{name} gives another answer when asked again.",
    )
    for row in range(ROWS):
        rows = None if adaptation is None else adaptation[row : row + 1]
        alone, _ = decoder.decode(windows[row : row + 1], rows)
        _require(
            float(np.abs(alone[0] - posterior[row]).max()) <= TOLERANCE,
            f"{name} gives another posterior for a window alone than in a batch.",
        )
    _refuses(
        decoder, windows[:, :-1] if len(spec.channels) > 1 else windows[0], adaptation, "a wrong number of channels"
    )
    _refuses(decoder, windows[:, :, :-1], adaptation, "a window that is too short")
    broken = windows.copy()
    broken[1, -1, 0] = np.nan
    _refuses(decoder, broken, adaptation, "NaN samples")


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise NeuroMotionError(message)


def _refuses(decoder: Decoder, windows: np.ndarray, adaptation: np.ndarray | None, what: str) -> None:
    try:
        decoder.decode(windows, adaptation)
    except NeuroMotionError:
        return
    raise NeuroMotionError(f"{decoder.spec.name!r} accepts {what}.")
