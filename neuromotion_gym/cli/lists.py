"""``neuromotion decoders`` and ``neuromotion envs``: what there is."""

from __future__ import annotations

from typing import Annotated

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.tables import print_table
from neuromotion_gym.decoders.folders import decoder_folder, list_decoders
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import Intent, environments_for, intent_table
from neuromotion_gym.registration import ENVIRONMENTS, environment, task_class


def decoders() -> None:
    """Show the shipped decoders: labels and targets, input signals, data set, split and licence."""
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
                ", ".join(spec.labels) + (f"; targets {', '.join(spec.targets)}" if spec.targets else ""),
                f"{kind}: {spec.channel_count} at {spec.rate_hz:g} Hz, the last {spec.window_s:.3g} s {every}",
                f"{spec.dataset} ({spec.split}, {spec.licence})",
            )
        )
    print_table(("name", "labels", "reads", "data (split, licence)"), rows)
    say(f"Cards and models: {decoder_folder(names[0]).parent}")


def envs(
    env_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="An environment, to see what each label does in it.")
    ] = None,
) -> None:
    """Show the environments: limb, task and default decoder; or, of one, what each label does, levels and decoders."""
    from neuromotion_gym.decoders.recipe import load_spec

    if env_id is None:
        rows = [(name, row.summary, row.decoder) for name, row in ENVIRONMENTS.items()]
        print_table(("id", "what it is", "default decoder"), rows)
        return
    row = environment(env_id)
    meant = {label: _in_words(intent) for label, intent in intent_table(row.limb, row.intents).items()}
    print_table(("label", "what it does"), list(meant.items()), title=f"{env_id}: {row.summary}")
    specs = {name: load_spec(decoder_folder(name)) for name in list_decoders()}
    fit = [name for name, spec in specs.items() if env_id in environments_for(spec.labels, spec.targets)]
    say(f"Levels: {', '.join(task_class(row.task).levels)}")
    say(f"Decoders: {', '.join(fit) or 'none'}; default: {row.decoder}")


def _in_words(intent: Intent) -> str:
    """What a label does, for a table."""
    if intent.degree is None:
        return "nothing" if intent.ignored else "holds still"
    return intent.degree if intent.one_way else f"{intent.degree} {intent.direction:+d}"
