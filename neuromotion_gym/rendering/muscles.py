"""Draws muscles as bellies between thin tendons: thicker and redder the more they are activated."""

from __future__ import annotations

import mujoco
import numpy as np

TENDON = np.array([0.88, 0.80, 0.74])
"""Colour of tendons, RGB."""
AT_REST, ACTIVE = np.array([0.66, 0.35, 0.32]), np.array([0.90, 0.03, 0.07])
"""Colour of a muscle's belly without and with full activation, RGB."""
GROWS = 0.3
"""Share by which a belly is thicker at full activation than at rest."""
_SEEN = 1 / 3
"""Exponent of the activation in colour and thickness: movements against a damper need little of it, but it is seen."""
BELLY = (0.05, 0.75)
"""Where a belly begins and ends, as shares of the tendon's length, if its user data do not say it."""
_STEPS, _TENDON_PIECES = 11, 4
"""Steps in which a belly becomes thicker and again thinner, and pieces of the tendons before and after it."""
_FULLNESS = 1.15
"""Exponent of the belly's profile, a sine: above 1 its ends taper."""
_THIN, _THINNEST_M = 0.25, 0.0025
_LENGTHS = (0.6, 1.5)


class Muscles:
    """The muscles of a model that pull on spatial tendons, and how they are drawn.

    The width of the tendon in the model is the largest radius of the muscle's belly at its optimal length. A belly
    keeps its volume: a shorter one is thicker. The first two user data of a tendon, if there are any, say where the
    belly begins and ends, as shares of the tendon's length.

    Parameters
    ----------
    model : mujoco.MjModel
        Model for drawing. Its own drawing of these tendons is switched off.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        found = np.flatnonzero(
            (model.actuator_trntype == int(mujoco.mjtTrn.mjTRN_TENDON)) & (model.actuator_actadr >= 0)
        )
        first = model.wrap_type[model.tendon_adr[model.actuator_trnid[found, 0]]]
        found = found[first != int(mujoco.mjtWrap.mjWRAP_JOINT)]
        self._tendons = np.array(model.actuator_trnid[found, 0])
        self._activation = np.array(model.actuator_actadr[found])
        self._radius = np.array(model.tendon_width[self._tendons])
        low, high = model.actuator_gainprm[found, :2].T
        lengths = model.actuator_lengthrange[found]
        self._optimal = (lengths[:, 1] - lengths[:, 0]) / np.where(high > low, high - low, 1.0)
        self._slack = lengths[:, 0] - low * self._optimal
        model.tendon_group[self._tendons] = 5
        ends = np.tile(BELLY, (len(found), 1))
        if model.nuser_tendon >= 2:
            told = model.tendon_user[self._tendons, :2]
            ends = np.where((told[:, 1] > told[:, 0])[:, None], told, ends)
        self._profiles = [_profile(start, end) for start, end in ends]

    def add(self, data: mujoco.MjData, act: np.ndarray | None, scene: mujoco.MjvScene) -> None:
        """Add the muscles to a scene that has just been updated.

        Parameters
        ----------
        data : mujoco.MjData
            After `mujoco.mj_tendon`.
        act : float array, shape (na,), or None
            Activations, 0 to 1; None is at rest.
        scene : mujoco.MjvScene
            What does not fit into it is left out.
        """
        for muscle, tendon in enumerate(self._tendons):
            active = 0.0 if act is None else float(np.clip(act[self._activation[muscle]], 0.0, 1.0)) ** _SEEN
            along, bellies = self._profiles[muscle]
            points = _points(data, int(tendon), along)
            stretch = (float(data.ten_length[tendon]) - self._slack[muscle]) / max(self._optimal[muscle], 1e-6)
            radius = self._radius[muscle] * (1.0 + GROWS * active) / np.sqrt(np.clip(stretch, *_LENGTHS))
            thin = max(_THIN * self._radius[muscle], _THINNEST_M)
            red = AT_REST + (ACTIVE - AT_REST) * active
            for piece, belly in enumerate(bellies):
                if scene.ngeom >= scene.maxgeom:
                    return
                colour = TENDON + (red - TENDON) * min(1.0, 1.8 * belly)
                geom = scene.geoms[scene.ngeom]
                size = max(thin, float(radius * belly))
                _capsule(geom, points[piece], points[piece + 1], size, colour)
                scene.ngeom += 1


def _profile(start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the pieces of a muscle as shares of its length, and the thickness of each, 0 to 1."""
    rise = np.arcsin((np.arange(_STEPS + 1) / _STEPS) ** (1 / _FULLNESS)) / np.pi
    belly = np.concatenate([rise, 1.0 - rise[-2::-1]])
    before, after = np.linspace(0.0, start, _TENDON_PIECES), np.linspace(end, 1.0, _TENDON_PIECES)
    along = np.concatenate([before[:-1], start + (end - start) * belly, after[1:]])
    within = np.clip(((along[1:] + along[:-1]) / 2 - start) / (end - start), 0.0, 1.0)
    return along, np.sin(np.pi * within) ** _FULLNESS


def _points(data: mujoco.MjData, tendon: int, along: np.ndarray) -> np.ndarray:
    """Points at shares of the length of a tendon (n,), shape (n, 3)."""
    part = slice(int(data.ten_wrapadr[tendon]), int(data.ten_wrapadr[tendon] + data.ten_wrapnum[tendon]))
    corners, geoms = np.reshape(data.wrap_xpos, (-1, 3))[part], np.ravel(data.wrap_obj)[part]
    pieces = [corners[:1]]
    for before, after, first, second in zip(corners, corners[1:], geoms, geoms[1:], strict=False):
        on_geom = first >= 0 and first == second
        pieces.append(_arc(data, int(first), before, after) if on_geom else after[None])
    path = np.concatenate(pieces)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    return np.stack([np.interp(along * way[-1], way, path[:, axis]) for axis in range(3)], axis=1)


def _arc(data: mujoco.MjData, geom: int, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Points from ``start``, left out, to ``end`` on the surface of a cylinder or sphere, shape (8, 3)."""
    centre, axis = data.geom_xpos[geom], np.reshape(data.geom_xmat[geom], (3, 3))[:, 2]
    offsets = np.linspace(start - centre, end - centre, 9)[1:]
    heights = np.zeros(len(offsets))
    if int(data.model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
        heights = offsets @ axis
        offsets = offsets - heights[:, None] * axis
    length = np.linalg.norm(offsets, axis=1, keepdims=True)
    outwards = offsets * (length[-1] / np.maximum(length, 1e-9))
    return np.asarray(centre + outwards + heights[:, None] * axis)


def _capsule(geom: mujoco.MjvGeom, start: np.ndarray, end: np.ndarray, radius: float, colour: np.ndarray) -> None:
    rgba = np.array([*colour, 1.0], dtype=np.float32)
    kind = int(mujoco.mjtGeom.mjGEOM_CAPSULE)
    mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.eye(3).ravel(), rgba)
    mujoco.mjv_connector(geom, kind, radius, start, end)
