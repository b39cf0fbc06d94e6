"""Registry of environments, limbs, tasks and drives. Other packages add their own with the functions of this module.

Every environment is one entry: environment id, limb, scene, task, drive, default decoder. Tasks and drives are named by
their module and class, and are imported when they are used. A leaf module: it imports nothing of the library except
other leaf modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import assets_root

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping


MAIN_TABLE = "intents"
"""Name of the table of labels that every limb has beside its MJCF file."""


@dataclass(frozen=True)
class Environment:
    """Entry of one environment in `ENVIRONMENTS`.

    Parameters
    ----------
    limb : str
        Folder in ``assets/``, or a name given to `register_limb`.
    task : str
        Key of `TASKS`, or a name given to `register_task`.
    decoder : str
        Default decoder.
    summary : str
        Description in one line, for tables.
    drive : str, default "set_points"
        Key of `DRIVES`, or a name given to `register_drive`.
    scene : str, optional
        Scene around the limb: a file in ``assets/scenes/``, or a name given to `register_scene`; None without one.
    intents : str, default "intents"
        Table of labels beside the limb's MJCF file, without ``.yaml``: what each label means in this environment.
    shown : tuple of str
        Decoders that the demo shows; if empty, the default decoder.
    needs_rest : bool, default False
        Whether decoders without a label for rest are refused, since with them not even an oracle succeeds.
    of_targets : (str, str), optional
        Task and drive for decoders that give continuous targets; without them such decoders are refused.
    """

    limb: str
    task: str
    decoder: str
    summary: str
    drive: str = "set_points"
    scene: str | None = None
    intents: str = MAIN_TABLE
    shown: tuple[str, ...] = ()
    needs_rest: bool = False
    of_targets: tuple[str, str] | None = None


ENVIRONMENTS: dict[str, Environment] = {
    "NeuroArm-v0": Environment(
        limb="arm",
        task="posture",
        decoder="emg_armband",
        summary="arm and hand: select a hidden target posture of the degrees of freedom that the labels move",
        shown=("emg_armband", "eeg_fists"),
    ),
    "NeuroHand-v0": Environment(
        limb="hand",
        task="gesture",
        decoder="emg_armband",
        summary="hand: take up the posture of a hidden gesture, hold it, and return to rest",
        drive="named_postures",
        shown=("emg_armband", "eeg_fists"),
        of_targets=("joint_gesture", "joints"),
    ),
    "NeuroReach-v0": Environment(
        limb="arm",
        task="reach",
        decoder="emg_armband",
        summary="arm: reach from the middle of a frontal plane to a hidden target, after ISO 9241-411",
        drive="point",
        scene="frontal_plane",
        intents="point",
        shown=("emg_armband", "eeg_fists"),
    ),
    "NeuroLeg-v0": Environment(
        limb="leg",
        task="leg_posture",
        decoder="leg_muscles",
        summary="leg in an orthosis: select a hidden posture of knee and ankle by exciting the muscles of the labels",
        drive="excitations",
        scene="orthosis",
    ),
    "NeuroGrasp-v0": Environment(
        limb="arm",
        task="box_and_blocks",
        decoder="emg_armband",
        summary="arm and hand over a box of blocks: take or leave each block, as its hidden coin says",
        drive="assisted_grip",
        scene="box_and_blocks",
        intents="grip",
        shown=("emg_armband", "eeg_fists"),
        needs_rest=True,
    ),
}

TASKS: dict[str, str | type] = {
    "posture": "neuromotion_gym.tasks.posture:PostureTask",
    "leg_posture": "neuromotion_gym.tasks.leg_posture:LegPostureTask",
    "gesture": "neuromotion_gym.tasks.gesture:GestureTask",
    "joint_gesture": "neuromotion_gym.tasks.joint_gesture:JointGestureTask",
    "reach": "neuromotion_gym.tasks.reach:ReachTask",
    "box_and_blocks": "neuromotion_gym.tasks.box_and_blocks:BoxAndBlocksTask",
}
"""Name of a task: its class, or ``"module:Class"``."""

DRIVES: dict[str, str | type] = {
    "set_points": "neuromotion_gym.limbs.drives:SetPointDrive",
    "excitations": "neuromotion_gym.limbs.excitations:ExcitationDrive",
    "named_postures": "neuromotion_gym.limbs.named_postures:NamedPostureDrive",
    "joints": "neuromotion_gym.limbs.joints:JointDrive",
    "point": "neuromotion_gym.limbs.point:PointDrive",
    "assisted_grip": "neuromotion_gym.limbs.assisted_grip:AssistedGripDrive",
}
"""Name of a drive: its class, or ``"module:Class"``."""

_LIMBS: dict[str, Path] = {}
_SCENES: dict[str, Path] = {}


def register_environment(env_id: str, row: Environment) -> None:
    """Make an environment known to the library and to Gymnasium; a repeated call with the same one changes nothing.

    Raises
    ------
    NeuroMotionError
        If another environment has this id.
    """
    if ENVIRONMENTS.setdefault(env_id, row) != row:
        raise NeuroMotionError(f"There already is an environment {env_id!r}; choose another id.")
    register_environments()


def register_limb(name: str, path: str | os.PathLike[str]) -> None:
    """Make a limb known: ``path`` is its MJCF file, with ``intents.yaml`` beside it.

    Raises
    ------
    NeuroMotionError
        If the file does not exist, or another limb has this name.
    """
    file = Path(path)
    if not file.is_file():
        raise NeuroMotionError(f"No MJCF file at {str(file)!r}.")
    if name in _shipped_limbs() or _LIMBS.setdefault(name, file) != file:
        raise NeuroMotionError(f"There already is a limb {name!r}; choose another name.")


def register_scene(name: str, path: str | os.PathLike[str]) -> None:
    """Make a scene known: ``path`` is an MJCF file, which is added to the limb of an environment.

    Raises
    ------
    NeuroMotionError
        If the file does not exist, or another scene has this name.
    """
    file = Path(path)
    if not file.is_file():
        raise NeuroMotionError(f"No MJCF file at {str(file)!r}.")
    if name in _shipped_scenes() or _SCENES.setdefault(name, file) != file:
        raise NeuroMotionError(f"There already is a scene {name!r}; choose another name.")


def register_task(name: str, task: str | type) -> None:
    """Make a task known, by its class or as ``"module:Class"``; see `neuromotion_gym.tasks.task.Task`."""
    _register(TASKS, "task", name, task)


def register_drive(name: str, drive: str | type) -> None:
    """Make a drive known, by its class or as ``"module:Class"``; see `neuromotion_gym.limbs.drives.Drive`."""
    _register(DRIVES, "drive", name, drive)


def environment(env_id: str) -> Environment:
    """The entry of an environment.

    Raises
    ------
    NeuroMotionError
        If no environment has this id; the message lists all ids.
    """
    if env_id not in ENVIRONMENTS:
        raise NeuroMotionError(f"No environment is called {env_id!r}. Environments: {', '.join(ENVIRONMENTS)}.")
    return ENVIRONMENTS[env_id]


def task_class(name: str) -> Any:
    """Class of a task.

    Raises
    ------
    NeuroMotionError
        If no task has this name; the message lists all names.
    """
    return _look_up(TASKS, "task", name)


def drive_class(name: str) -> Any:
    """Class of a drive.

    Raises
    ------
    NeuroMotionError
        If no drive has this name; the message lists all names.
    """
    return _look_up(DRIVES, "drive", name)


def limb_names() -> list[str]:
    """Names of the library's limbs (``assets/<name>/<name>.xml``) and of registered ones, sorted."""
    return sorted({*_shipped_limbs(), *_LIMBS})


def limb_file(name: str) -> Path:
    """MJCF file of a limb.

    Raises
    ------
    NeuroMotionError
        If no limb has this name; the message lists all names.
    """
    if name in _LIMBS:
        return _LIMBS[name]
    if name not in _shipped_limbs():
        raise NeuroMotionError(
            f"No limb is called {name!r}. Limbs: {', '.join(limb_names())}; or give the path of an MJCF file."
        )
    return assets_root() / name / f"{name}.xml"


def scene_file(name: str) -> Path:
    """MJCF file of a scene.

    Raises
    ------
    NeuroMotionError
        If no scene has this name; the message lists all names.
    """
    scenes = {**_shipped_scenes(), **_SCENES}
    if name not in scenes:
        raise NeuroMotionError(f"No scene is called {name!r}. Scenes: {', '.join(sorted(scenes))}.")
    return scenes[name]


def intent_tables() -> list[tuple[str, str]]:
    """Limb and name of every table of labels: those that environments use, and the main table of every limb."""
    used = [(row.limb, row.intents) for row in ENVIRONMENTS.values()]
    return list(dict.fromkeys([*((limb, MAIN_TABLE) for limb in limb_names()), *used]))


def register_environments() -> None:
    """Make every environment known to Gymnasium; a repeated call changes nothing."""
    for name in ENVIRONMENTS:
        if name not in gym.registry:
            gym.register(
                id=name,
                entry_point="neuromotion_gym.envs.neuro_env:NeuroEnv",
                vector_entry_point="neuromotion_gym.envs.vector_env:NeuroVectorEnv",
                kwargs={"env_id": name},
            )


def _shipped_limbs() -> set[str]:
    return {path.stem for path in assets_root().glob("*/*.xml") if path.stem == path.parent.name}


def _shipped_scenes() -> dict[str, Path]:
    return {path.stem: path for path in (assets_root() / "scenes").glob("*.xml")}


def _register(table: dict[str, str | type], kind: str, name: str, value: str | type) -> None:
    check_registered(name, value, kind, table)
    table[name] = value


def _look_up(table: dict[str, str | type], kind: str, name: str) -> Any:
    if name not in table:
        raise NeuroMotionError(f"No {kind} is called {name!r}. There are: {', '.join(sorted(table))}.")
    return resolve(table[name])


def resolve(value: Any) -> Any:
    """The registered object: ``value`` itself, or the object that a text ``"module:name"`` names, imported now."""
    if not isinstance(value, str):
        return value
    module, _, attribute = value.partition(":")
    return getattr(import_module(module), attribute)


def check_registered(name: str, function: Callable[..., Any] | str, what: str, taken: Mapping[str, object]) -> None:
    """Check that ``function`` can be registered under ``name``.

    Parameters
    ----------
    name : str
    function : callable or str
    what : str
        Kind of object, for messages, such as "network".
    taken : mapping
        Registered names; the same function may be registered again under its own name.

    Raises
    ------
    NeuroMotionError
        If the name is taken by another object, or ``function`` is not a class, a function or a text ``"module:name"``.
    """
    if not callable(function) and not (isinstance(function, str) and ":" in function):
        raise NeuroMotionError(
            f'A {what} is registered by a class, a function or the text "module:name", not by {function!r}.'
        )
    if taken.get(name, function) != function:
        raise NeuroMotionError(f"There already is a {what} {name!r}; choose another name.")
