"""Sources of samples for a running loop: the protocol, replay of held-out trials, perturbations, and shared code."""

from neuromotion_gym.signals.sources.cued import Cued
from neuromotion_gym.signals.sources.cued import Cued as Source
from neuromotion_gym.signals.sources.perturbed import Perturbed, register_perturbation
from neuromotion_gym.signals.sources.replay import ReplaySource

__all__ = ["Cued", "Perturbed", "ReplaySource", "Source", "register_perturbation"]
