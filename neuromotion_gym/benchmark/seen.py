"""Refuses to test a decoder or a controller on data that it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.controllers.learned import PREFIX, heard, policy_path, read_policy
from neuromotion_gym.decoders.seen import told_runs
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.seen import Seen


def refuse_seen(decoder: str, seen: Seen) -> None:
    """Refuse to test a decoder on data that it was fitted on.

    Raises
    ------
    NeuroMotionError
        If the decoder has seen any of the played runs.
    """
    if seen.runs:
        raise NeuroMotionError(
            f"Decoder {decoder!r} was trained on what this benchmark plays ({told_runs(seen.runs)}). Play other runs "
            "or people, or say allow_seen: true (--allow-seen); its rows are then marked."
        )


def controllers_of(
    name: str, people: Sequence[str], dataset: str, *, allow_seen: bool
) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Find the controller that drives for each person.

    ``name`` may list several learned controllers, separated by commas. The first one that was not trained on a person
    drives for that person.

    Parameters
    ----------
    name : str
        Name in the configuration.
    people : sequence of str
        All people who are played.
    dataset : str
        Data set of these people. The same name in another data set means another person.
    allow_seen : bool
        Whether a policy may drive for people that it was trained on.

    Returns
    -------
    list of (controller, its people, those of them that it was trained on)

    Raises
    ------
    NeuroMotionError
        If all policies were trained on one of ``people``, and ``allow_seen`` is False.
    """
    if not name.startswith(PREFIX):
        return [(name, tuple(people), ())]
    sources = name.removeprefix(PREFIX).split(",")
    met = {source: set(heard(read_policy(policy_path(source))[1], people, dataset)) for source in sources}
    groups: dict[str, list[str]] = {}
    for person in people:
        strangers = [source for source in sources if person not in met[source]]
        if not strangers and not allow_seen:
            told = "; ".join(f"{source} on {', '.join(sorted(met[source]))}" for source in sources)
            raise NeuroMotionError(
                f"Each of the learned controllers was trained on people that it would drive for: {told}. Name another "
                "one as well, separated by a comma, or say allow_seen: true; the rows are then marked."
            )
        groups.setdefault((strangers or sources)[0], []).append(person)
    return [
        (PREFIX + source, tuple(group), tuple(person for person in group if person in met[source]))
        for source, group in groups.items()
    ]
