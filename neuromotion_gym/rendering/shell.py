"""Skins that one can see through: what lies below them is drawn first, then they are laid over it.

MuJoCo draws translucent skins too, but leaves no depth of them, which background, shadows and ghost need.
"""

from __future__ import annotations

import copy

import mujoco
import numpy as np

RIM = 0.8
"""Opacity where the surface is seen from its side."""
_HIDDEN = 5
"""A group of elements that is not drawn."""


class Shell:
    """The translucent skins of a model. Use `Shell.of`.

    Parameters
    ----------
    model : mujoco.MjModel
        A model that shows these skins alone, opaque.
    opacity : float
        Their opacity, 0 to 1, where they are seen from the front.
    """

    def __init__(self, model: mujoco.MjModel, opacity: float) -> None:
        self.model = model
        self._opacity = opacity
        self._view = 2.0 * float(np.tan(np.radians(model.vis.global_.fovy) / 2))

    @classmethod
    def of(cls, model: mujoco.MjModel) -> Shell | None:
        """Take the translucent skins of a model out of it; None if it has none."""
        clear = [skin for skin in range(model.nskin) if model.mat_rgba[model.skin_matid[skin], 3] < 1.0]
        if not clear:
            return None
        alone = copy.copy(model)
        materials = np.array(model.skin_matid)[clear]
        alone.mat_rgba[materials, 3] = 1.0
        alone.skin_group[:] = _HIDDEN
        alone.skin_group[clear] = model.skin_group[clear]
        alone.geom_group[:] = _HIDDEN
        alone.tendon_group[:] = _HIDDEN
        model.skin_group[clear] = _HIDDEN
        return cls(alone, float(model.mat_rgba[materials, 3].max()))

    def blend(self, picture: np.ndarray, inner: np.ndarray, colour: np.ndarray, depth: np.ndarray) -> None:
        """Lay the skins over a picture, in place.

        Parameters
        ----------
        picture : float array, shape (height, width, 3)
            What lies below.
        inner : float array, shape (height, width)
            Its distance from the camera's plane, in metres; infinite where nothing is.
        colour, depth : arrays of the same shapes
            The skins, drawn alone.
        """
        drawn = np.isfinite(depth) & (depth < inner)
        rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
        if rows.size == 0:
            return
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        surface = np.where(np.isfinite(depth[part]), depth[part], 0.0)
        pixel = np.maximum(surface * self._view / len(depth), 1e-6)  # width of a pixel there, in metres
        slope = sum((change / pixel) ** 2 for change in np.gradient(surface))
        frontal = 1.0 / np.sqrt(1.0 + slope)
        share = np.where(drawn[part], self._opacity + (RIM - self._opacity) * (1.0 - frontal) ** 2, 0.0)
        picture[part] += (colour[part] - picture[part]) * share[..., None].astype(np.float32)
