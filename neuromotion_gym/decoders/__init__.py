"""Running a decoder: from windows of samples to a posterior over labels, or to continuous targets.

The protocol of decoders is `neuromotion_gym.decoders.decoder.Decoder`. Decoders are trained by
`neuromotion_gym.training`. Names of this package are imported when they are first used, so that a command which only
lists decoders starts at once.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
    from neuromotion_gym.decoders.checks import check_decoder, find_faults
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.faults import Fault, FaultyDecoderError
    from neuromotion_gym.decoders.fitted_on_record import FittedOn, fitted_on, worn_by
    from neuromotion_gym.decoders.folders import list_decoders, register_decoder
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.decoders.spec import AdaptationSpec, DecoderSpec
    from neuromotion_gym.decoders.wrapped import IntentPolicy, ProbabilityDecoder
    from neuromotion_gym.decoders.zoo import load_decoder

__all__ = [
    "AdaptationSpec",
    "BoundDecoder",
    "Decoder",
    "DecoderSpec",
    "Fault",
    "FaultyDecoderError",
    "FittedOn",
    "IntentPolicy",
    "OnnxDecoder",
    "ProbabilityDecoder",
    "check_decoder",
    "find_faults",
    "fitted_on",
    "list_decoders",
    "load_decoder",
    "parse_decoder_name",
    "register_decoder",
    "worn_by",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bounds": ["BoundDecoder", "parse_decoder_name"],
        "checks": ["check_decoder", "find_faults"],
        "decoder": ["Decoder"],
        "faults": ["Fault", "FaultyDecoderError"],
        "fitted_on_record": ["FittedOn", "fitted_on", "worn_by"],
        "folders": ["list_decoders", "register_decoder"],
        "onnx_decoder": ["OnnxDecoder"],
        "spec": ["AdaptationSpec", "DecoderSpec"],
        "wrapped": ["IntentPolicy", "ProbabilityDecoder"],
        "zoo": ["load_decoder"],
    },
)
