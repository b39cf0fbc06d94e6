"""Everything that another package can bring, each once; `register` makes it known to the library."""

from pathlib import Path

HERE = Path(__file__).parent


def register():
    """Called by the library when it is imported, through the entry point group ``neuromotion_gym.plugins``."""
    from neuromotion_gym import registration
    from neuromotion_gym.controllers.registry import register_controller
    from neuromotion_gym.datasets.registry import register_dataset
    from neuromotion_gym.decoders import register_decoder
    from neuromotion_gym.signals.sources import register_perturbation
    from neuromotion_gym.training.architectures import register_network
    from neuromotion_outside.foot_set import DATASET

    register_dataset(DATASET)
    register_decoder("foot_rms", HERE / "foot_rms")
    register_network("rms_linear", "neuromotion_outside.network:build")
    register_controller("twice", "neuromotion_outside.controller:Twice")
    register_perturbation("sweat", "neuromotion_outside.perturbation:Sweat")
    registration.register_limb("pedal", HERE / "pedal" / "pedal.xml")
    registration.register_task("taps", "neuromotion_outside.taps:Taps")
    registration.register_environment(
        "NeuroPedal-v0",
        registration.Environment(
            limb="pedal", task="taps", decoder="foot_rms", summary="a foot on a pedal: tap on the right side"
        ),
    )
