"""Bounds of a decoder: oracle, open loop, shuffled and blind, with the window, hop, pacing and labels of that decoder.

`neuromotion_gym.envs` runs them, since only the loop knows which label plays. The posterior of the oracle is one-hot
for the label that played longest in the window; the oracle of a decoder that gives targets gives the mean of what the
person did in the window. The posterior of the blind bound carries no information, its targets are 0. The other two
use the inner decoder. In ``shuffled`` the labels that play do not depend on the goal. In ``open_loop`` the operator
chooses all its labels at the start and never sees the limb again: open-loop replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from neuromotion_gym.decoders.decoder import require_posterior
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec

BoundKind = Literal["oracle", "open_loop", "shuffled", "blind"]


@dataclass(frozen=True, eq=False)
class BoundDecoder:
    """A bound of the decoder ``inner``, with its specification.

    Parameters
    ----------
    kind : {"oracle", "open_loop", "shuffled", "blind"}
    inner : Decoder
        The decoder that is bounded.
    """

    kind: BoundKind
    inner: Decoder

    @property
    def spec(self) -> DecoderSpec:
        """Specification of the inner decoder: same labels, window, hop and pacing."""
        return self.inner.spec

    def decode_labels(self, played: np.ndarray) -> np.ndarray:
        """Output of the oracle or of the blind bound.

        Parameters
        ----------
        played : int array, shape (n, samples)
            Index of the label that played at each sample of the window; -1 where none of the decoder's labels played.

        Returns
        -------
        float32 array, shape (n, labels)
            Oracle: one-hot for the label that played longest (on a tie the one with the lower index); uniform if none
            of the labels played.
            Blind: uniform; or zeros of shape (n, targets) if the inner decoder gives targets.

        Raises
        ------
        NeuroMotionError
            If the bound decodes windows with its inner decoder, or is the oracle of a decoder that gives targets:
            labels do not tell which target plays.
        """
        if self.kind in ("shuffled", "open_loop"):
            raise NeuroMotionError(f"The bound {self.kind!r} decodes windows with its inner decoder, not labels.")
        if not self.spec.classifies and self.kind == "blind":
            return np.zeros((len(played), len(self.spec.targets)), dtype=np.float32)
        require_posterior(self.spec, "The oracle")
        labels = np.arange(len(self.spec.labels))
        if self.kind == "blind":
            return np.full((len(played), len(labels)), 1 / len(labels), dtype=np.float32)
        counts = np.add.reduce(played[:, :, None] == labels, axis=1)
        posterior = (counts.argmax(axis=1)[:, None] == labels).astype(np.float32)
        unknown = np.maximum.reduce(counts, axis=1) == 0
        if np.count_nonzero(unknown):
            posterior[unknown] = 1 / len(labels)
        return posterior

    def decode_targets(self, played: np.ndarray) -> np.ndarray:
        """Output of the oracle or of the blind bound of a decoder that gives targets.

        Parameters
        ----------
        played : float array, shape (n, moments, targets)
            Targets that played at some moments of the window.

        Returns
        -------
        float32 array, shape (n, targets)
            Oracle: the mean over the window, so that it is as late as the decoder. Blind: 0.
        """
        mean = np.add.reduce(played, axis=1) / played.shape[1]
        return np.asarray(mean if self.kind == "oracle" else 0 * mean, dtype=np.float32)


def split_bound(decoder: object) -> tuple[BoundKind | None, Any]:
    """Split the option ``decoder`` of ``gym.make`` into the bound and what it bounds.

    A text is split as by `parse_decoder_name`; a pair such as ``("oracle", model)`` or ``("blind", path)`` is a bound
    of an object or a path; anything else is no bound.

    Returns
    -------
    kind : {"oracle", "open_loop", "shuffled", "blind"} or None
    inner : str, path, object or None
        None for the environment's default decoder.

    Raises
    ------
    NeuroMotionError
        If a text or a pair names something that is no bound.
    """
    if isinstance(decoder, str):
        return parse_decoder_name(decoder)
    if isinstance(decoder, BoundDecoder):
        return decoder.kind, decoder.inner
    if not isinstance(decoder, tuple):
        return None, decoder
    if len(decoder) != 2 or decoder[0] not in get_args(BoundKind):
        raise NeuroMotionError(
            f"A bound of an object is a pair such as ('oracle', model), with {', '.join(get_args(BoundKind))} first, "
            f"not {shortened(decoder)}."
        )
    return decoder


def parse_decoder_name(name: str) -> tuple[BoundKind | None, str | None]:
    """Split ``"oracle:emg_armband"`` into the bound and the decoder that it bounds.

    Returns
    -------
    kind : {"oracle", "open_loop", "shuffled", "blind"} or None
        None for a decoder that is not a bound.
    inner : str or None
        Name of the decoder; None for a bound without a name, which bounds the environment's default decoder.

    Raises
    ------
    NeuroMotionError
        If the word before the colon is not a bound, or nothing follows the colon.
    """
    head, colon, inner = name.partition(":")
    for kind in get_args(BoundKind):
        if head == kind:
            if colon and not inner:
                raise NeuroMotionError(f"{name!r} names no decoder after the colon; write {kind!r} or '{kind}:NAME'.")
            return kind, inner or None
    if colon and "/" not in head and "\\" not in head and len(head) > 1:  # one letter: a drive of Windows
        raise NeuroMotionError(f"{head!r} is no bound. Bounds: {', '.join(get_args(BoundKind))}.")
    return None, name
