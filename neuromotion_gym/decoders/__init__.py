"""Running a decoder: from windows of samples to a posterior over labels, or to continuous targets.

The protocol of decoders is `neuromotion_gym.decoders.decoder.Decoder`. Decoders are trained by
`neuromotion_gym.training`.
"""

from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.checks import check_decoder, find_faults
from neuromotion_gym.decoders.decoder import Decoder
from neuromotion_gym.decoders.faults import Fault, FaultyDecoderError
from neuromotion_gym.decoders.fitted_on import FittedOn, fitted_on, worn_by
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.spec import AdaptationSpec, DecoderSpec
from neuromotion_gym.decoders.wrapped import IntentPolicy, ProbabilityDecoder
from neuromotion_gym.decoders.zoo import list_decoders, load_decoder, register_decoder

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
