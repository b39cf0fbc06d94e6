"""A decoder in one line, and as a small table for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.html_table import fact_table

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec

SHOWN = 8
"""Largest number of names that are listed; the rest is counted."""


def facts_of(spec: DecoderSpec) -> dict[str, str]:
    """What a reader wants to know of a decoder, in words: what it reads, when, what it gives, how it was tested."""
    when = f"every {spec.hop_s:g} s" if spec.pacing == "sliding" else "once a trial"
    return {
        "reads": f"{spec.modality.upper()}, {spec.channel_count} at {spec.rate_hz:g} Hz in {spec.unit}",
        "window": f"{spec.window_s:g} s, {when}",
        "labels" if spec.classifies else "targets": _some(spec.decoded),
        "adaptation": {
            "none": "none",
            "euclidean": "alignment to each person",
            "head": "last layer of each person",
            "turned": "to how the grid lies, without labels",
            "wearer": "follows the wearer, without labels",
            "day": "follows the day, without labels",
            "running": "follows the run, without labels",
        }[spec.adaptation.kind],
        "trained on": f"{spec.dataset}, split: {spec.split}",
    }


def described(decoder: Decoder) -> str:
    """One line: class, name, what it reads and gives."""
    facts = facts_of(decoder.spec)
    gives = facts.get("labels") or facts["targets"]
    return f"<{type(decoder).__name__} {decoder.spec.name!r}: {facts['reads']}, {facts['window']} → {gives}>"


def described_html(decoder: Decoder) -> str:
    """A table of two columns."""
    return fact_table(f"{type(decoder).__name__} {decoder.spec.name}", facts_of(decoder.spec))


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
