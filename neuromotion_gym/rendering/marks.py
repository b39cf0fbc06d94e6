"""Draws the marks of a task, such as targets, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from neuromotion_gym.tasks.task import Mark

SHAPES = {
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "disc": mujoco.mjtGeom.mjGEOM_CYLINDER,
}


def add_mark(scene: mujoco.MjvScene, mark: Mark) -> None:
    """Add a shape to a scene that has just been updated; if it is full, the shape is left out."""
    if scene.ngeom >= scene.maxgeom:
        return
    turn, rotation = np.empty(4), np.empty(9)
    mujoco.mju_quatZ2Vec(turn, np.array(mark.normal, dtype=float))
    mujoco.mju_quat2Mat(rotation, turn)
    geom = scene.geoms[scene.ngeom]
    size = np.array(mark.size, dtype=float)  # of a cylinder MuJoCo takes radius and half length, as of a geom
    colour = np.array([*mark.colour, mark.opacity], dtype=np.float32)
    mujoco.mjv_initGeom(geom, int(SHAPES[mark.shape]), size, np.asarray(mark.position, dtype=float), rotation, colour)
    scene.ngeom += 1
