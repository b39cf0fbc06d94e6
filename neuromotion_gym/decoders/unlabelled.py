"""Windows of a run whose labels are not read, from which a decoder is adapted to a wearer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.signals.fitting import fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording


def unlabelled_windows(recordings: Sequence[Recording], spec: DecoderSpec) -> np.ndarray:
    """Windows one hop apart that hold no gap and no bad span, float32 of shape (n, channels, samples)."""
    hop = max(1, round(spec.hop_s * spec.rate_hz))
    found = []
    for recording in recordings:
        picked = fitted(recording, spec)
        length = picked.samples.shape[1]
        edges = [0, *(edge for span in sorted(picked.bad_spans) for edge in span), length]
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - start >= spec.window:
                piece = picked.samples[:, start:stop]
                views = np.lib.stride_tricks.sliding_window_view(piece, spec.window, axis=1)[:, ::hop]
                found.append(views.transpose(1, 0, 2))
    windows = np.concatenate(found) if found else np.zeros((0, len(spec.channels), spec.window), np.float32)
    return np.ascontiguousarray(windows)
