"""Where the samples of a running loop come from: the protocols, replay of held-out trials, and what sources share."""

from neuromotion_gym.signals.sources.cued import Cued
from neuromotion_gym.signals.sources.cued import Cued as Source
from neuromotion_gym.signals.sources.perturbed import Perturbed, register_perturbation
from neuromotion_gym.signals.sources.replay import ReplaySource

__all__ = ["Cued", "Perturbed", "ReplaySource", "Source", "register_perturbation"]
