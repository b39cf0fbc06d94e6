"""Decoders: window to posterior. See `neuromotion_gym.decoders.decoder` for the contract."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AdaptationSpec": "decoder",
    "BoundDecoder": "bounds",
    "Decoder": "decoder",
    "DecoderSpec": "decoder",
    "IntentPolicy": "decoder",
    "OnnxDecoder": "onnx_decoder",
    "ProbabilityDecoder": "decoder",
    "check_decoder": "checks",
    "list_decoders": "zoo",
    "load_decoder": "zoo",
    "parse_decoder_name": "bounds",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import on first use, so that importing the library stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
