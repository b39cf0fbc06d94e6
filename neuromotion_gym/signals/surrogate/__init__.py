"""Surrogates: generators of signals fitted to people's recordings."""

from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters, register_surrogate, shipped_surrogates
from neuromotion_gym.signals.surrogate.source import SurrogateSource

__all__ = ["SurrogateParameters", "SurrogateSource", "register_surrogate", "shipped_surrogates"]
