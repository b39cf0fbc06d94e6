"""``neuromotion decoders`` and ``neuromotion envs``: what there is."""

from __future__ import annotations

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.tables import print_table
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS


def decoders() -> None:
    """Show the shipped decoders: labels, input signals, data set, split and licence."""
    from neuromotion_gym.decoders.folders import decoder_folder
    from neuromotion_gym.decoders.recipe import load_spec

    names = list_decoders()
    if not names:
        raise NeuroMotionError("No decoders are installed: neuromotion_gym.classifiers holds no folder with a model.")
    rows = []
    for name in names:
        spec = load_spec(decoder_folder(name))
        kind = spec.modality.upper() + (", control" if spec.control else "")
        every = f"every {spec.hop_s:g} s" if spec.pacing == "sliding" else "once per trial"
        rows.append(
            (
                name,
                ", ".join(spec.labels),
                f"{kind}: {len(spec.channels)} channels at {spec.rate_hz:g} Hz, the last {spec.window_s:g} s {every}",
                f"{spec.dataset} ({spec.split}, {spec.licence})",
            )
        )
    print_table(("name", "labels", "reads", "data (split, licence)"), rows)
    say(f"Cards and models: {decoder_folder(names[0]).parent}")


def envs() -> None:
    """Show the environments: limb, task and default decoder."""
    rows = [(name, row.summary, row.decoder) for name, row in ENVIRONMENTS.items()]
    print_table(("id", "what it is", "default decoder"), rows)
