"""Whether a decoder can read a source; `neuromotion_gym.signals.fitting` has the same for recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import misfits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.sources.cued import Cued


def check_source(source: Cued, spec: DecoderSpec) -> None:
    """Refuse a source that a decoder cannot read, or that cannot play all labels and targets of the decoder.

    Raises
    ------
    NeuroMotionError
        If modality or rate differ, the unit cannot be converted, channels are missing or not clear, or labels or
        targets are missing; the message gives both sides.
    """
    wrong = misfits(source.spec, spec)
    targets: Sequence[str] = getattr(source, "targets", ())
    for wanted, played in ((spec.labels, source.labels), (spec.targets, targets)):
        if missing := [name for name in wanted if name not in played]:
            wrong.append(f"it cannot play {', '.join(missing)} (it plays {', '.join(played) or 'labels alone'})")
    if wrong:
        given = source.spec
        raise NeuroMotionError(
            f"Decoder {spec.name!r} reads {len(spec.channels)} channels at {spec.rate_hz:g} Hz, but the source gives "
            f"{len(given.channels)} at {given.rate_hz:g} Hz: {'; '.join(wrong)}."
        )
