"""Nothing is known by name: generic code asks data set, limb and task, and spells none of them out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.intents import intent_table
from neuromotion_gym.registration import ENVIRONMENTS, TASKS, limb_names, task_class

LIBRARY = Path(__file__).resolve().parents[1] / "neuromotion_gym"
MODALITIES = {"eeg", "emg"}
ORDINARY = {"real", "gestures"}
"""Kinds of sessions whose words mean something else elsewhere, too: recordings as against surrogates; a variable in
published files."""
# Where a name may stand besides the folder of the thing itself, and why.
PLACES = {
    "signals/modality.py": "the table of modalities",
    "signals/surrogate/models.py": "the default surrogate of each modality",
    "signals/readers/mne_objects.py": "MNE's own names of kinds of channels",
    "registration.py": "the rows of the environments",
}


def names() -> dict[str, str]:
    """Every name that generic code must not know, and the folder in which it may stand."""
    found: dict[str, str] = dict.fromkeys(MODALITIES, "datasets/")
    for task in TASKS:
        found |= dict.fromkeys(task_class(task).levels, "tasks/")
    for limb in limb_names():
        found |= {limb: "registration.py", **dict.fromkeys(intent_table(limb), "datasets/")}
    for name in registry.dataset_names():
        facts = registry.dataset(name)
        own = f"datasets/{name}/"
        kinds = {kind: own for kind in facts.table.kinds if kind not in ORDINARY}
        found |= {name: own, **kinds, **dict.fromkeys(facts.ocular_channels, own)}
        if facts.rest:
            found.setdefault(facts.rest, own)  # several data sets may have the same label for rest
    for env_id in ENVIRONMENTS:
        found[env_id] = "registration.py"
    return found


def texts(path: Path) -> list[tuple[int, str]]:
    """Texts of a module that are no docstrings and no messages: names in them are knowledge."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    plain |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in plain
    ]


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_generic_code_knows_nothing_by_name(path: Path) -> None:
    place = path.relative_to(LIBRARY).as_posix()
    if place in PLACES:
        return
    forbidden = names()
    known = [
        f"{place}:{line}: {text!r}"
        for line, text in texts(path)
        if text in forbidden and not (forbidden[text] and place.startswith(forbidden[text]))
    ]
    assert not known
