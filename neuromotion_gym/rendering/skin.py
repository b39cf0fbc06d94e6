"""A smooth skin over a limb, made from the capsules, ellipsoids and spheres of its MJCF.

Geoms of one material are merged into one surface (smooth union of signed distances, meshed by surface nets) that is
bound to the bodies which carry them. A limb made of primitives therefore needs no mesh file.
Only materials whose name begins with ``skin`` are merged.

Signed distance of an ellipsoid and the polynomial smooth minimum: I. Quilez, "Distance functions" and "Smooth minimum"
(iquilezles.org). Surface nets: S. Gibson (1998), "Constrained elastic surface nets", MICCAI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "skin"
BIND = "bind"
"""Keyframe in which the skin is made: joints half way and fingers apart. The home posture is used if there is none."""

_CAPSULE, _ELLIPSOID, _SPHERE = (
    int(kind) for kind in (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_ELLIPSOID, mujoco.mjtGeom.mjGEOM_SPHERE)
)
_FAR = 1.0
_SLENDER, _TWISTED = 1.5, 0.15
"""A body whose single joint turns it about an axis along which it is this many times as long as across it is twisted.
Its skin then follows over this share of its length: over a short way it would fold."""


@dataclass(frozen=True, eq=False)
class _Shape:
    """One geom in the world frame of the bind posture."""

    body: int
    kind: int
    size: np.ndarray
    position: np.ndarray
    rotation: np.ndarray

    @property
    def radius(self) -> float:
        return float(self.size.min() if self.kind == _ELLIPSOID else self.size[0])

    @property
    def reach(self) -> np.ndarray:
        """Half size of the box around the geom, along the axes of the world."""
        return np.array([self.half(way) for way in np.eye(3)])

    def half(self, way: np.ndarray) -> float:
        """Half of the geom's length along a unit vector."""
        if self.kind == _ELLIPSOID:
            return float(np.linalg.norm((way @ self.rotation) * self.size))
        along = self.size[1] if self.kind == _CAPSULE else 0.0
        return float(abs(way @ self.rotation[:, 2]) * along + self.size[0])

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance, negative inside; points of shape (..., 3)."""
        local = (points - self.position) @ self.rotation
        if self.kind == _ELLIPSOID:
            scaled = np.linalg.norm(local / self.size, axis=-1)
            steep = np.linalg.norm(local / self.size**2, axis=-1)
            return np.asarray(scaled * (scaled - 1.0) / np.maximum(steep, 1e-9))
        if self.kind == _CAPSULE:
            local = local.copy()
            local[..., 2] -= np.clip(local[..., 2], -self.size[1], self.size[1])
        return np.asarray(np.linalg.norm(local, axis=-1) - self.size[0])


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed triangle mesh and how its points follow the bodies.

    Parameters
    ----------
    points : float array, shape (points, 3)
        In the world frame of the bind posture.
    faces : int array, shape (triangles, 3)
    bodies : tuple of int
        Bodies that the surface is bound to.
    weights : float array, shape (points, bodies)
        Rows sum to 1.
    """

    points: np.ndarray
    faces: np.ndarray
    bodies: tuple[int, ...]
    weights: np.ndarray


def add_skins(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile ``spec`` with a skin over every group of geoms whose material is called ``skin...``.

    The geoms stay in the model, moved to group 5, which is not drawn. Joints, actuators and sensors keep their order.

    Returns
    -------
    mujoco.MjModel
        For drawing only; the same ``nq`` as without skins.
    """
    model = spec.compile()
    data = mujoco.MjData(model)
    for name in (BIND, "home"):
        key = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, name)
        if key >= 0:
            mujoco.mj_resetDataKeyframe(model, data, key)
            break
    mujoco.mj_kinematics(model, data)
    for material in range(model.nmat):
        name = model.material(material).name
        members = np.flatnonzero(model.geom_matid == material)
        shapes = [shape for shape in (_shape(model, data, int(geom)) for geom in members) if shape is not None]
        if not name.startswith(PREFIX) or not shapes:
            continue
        surface = wrap(shapes, np.asarray(model.body_parentid), _twists(model, data, shapes))
        skin = spec.add_skin(name=name, material=name)
        skin.vert = surface.points.astype(np.float32).ravel().tolist()
        skin.face = surface.faces.astype(np.int32).ravel().tolist()
        skin.bodyname = [model.body(body).name for body in surface.bodies]
        skin.bindpos = data.xpos[list(surface.bodies)].astype(np.float32).ravel().tolist()
        skin.bindquat = data.xquat[list(surface.bodies)].astype(np.float32).ravel().tolist()
        used = [np.flatnonzero(column > 1e-3) for column in surface.weights.T]
        skin.vertid = [points.tolist() for points in used]
        skin.vertweight = [surface.weights[points, i].tolist() for i, points in enumerate(used)]
        for geom in members:
            spec.geoms[int(geom)].group = 5
    return spec.compile()


def wrap(shapes: list[_Shape], parents: np.ndarray, twists: Mapping[int, float] | None = None) -> Surface:
    """Skin over ``shapes``: mesh their smooth union and bind it to their bodies.

    Parameters
    ----------
    shapes : list of shapes
    parents : int array, shape (nbody,)
        Parent of each body.
    twists : mapping of int to float, optional
        Bodies that turn about their own length, and how long they are, metres.
    """
    cell = float(np.clip(min(shape.radius for shape in shapes) / 2.2, 0.0025, 0.012))
    low = np.min([shape.position - shape.reach for shape in shapes], axis=0) - 4 * cell
    high = np.max([shape.position + shape.reach for shape in shapes], axis=0) + 4 * cell
    axes = [np.arange(a, b, cell) for a, b in zip(low, high, strict=True)]
    field = _union(shapes, parents, axes)
    points, faces = surface_nets(field)
    points = points * cell + low
    bodies, weights = _bind(points, faces, shapes, parents, twists or {})
    return Surface(points, faces, bodies, weights)


def surface_nets(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mesh the zero level of a field, negative inside.

    Parameters
    ----------
    field : float array, shape (nx, ny, nz)
        Positive on the border.

    Returns
    -------
    points : float array, shape (points, 3)
        In units of cells.
    faces : int array, shape (triangles, 3)
        Counter-clockwise from outside.
    """
    inside = field < 0
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    cells = np.array(field.shape) - 1
    parts = [tuple(slice(c, c + n) for c, n in zip(corner, cells, strict=True)) for corner in corners]
    count = np.sum([inside[part] for part in parts], axis=0)
    active = np.argwhere((count > 0) & (count < 8))
    index = np.full(cells, -1, dtype=np.int64)
    index[tuple(active.T)] = np.arange(len(active))

    total, crossings = np.zeros((len(active), 3)), np.zeros(len(active))
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        for corner in corners[corners[:, axis] == 0]:
            start = field[tuple((active + corner).T)]
            end = field[tuple((active + corner + step).T)]
            crosses = (start < 0) != (end < 0)
            share = np.where(crosses, start / np.where(crosses, start - end, 1.0), 0.0)
            total += np.where(crosses[:, None], active + corner + share[:, None] * step, 0.0)
            crossings += crosses
    points = total / crossings[:, None]

    faces = []
    for axis in range(3):
        first, second = np.eye(3, dtype=int)[[(axis + 1) % 3, (axis + 2) % 3]]
        step = np.eye(3, dtype=int)[axis]
        ahead = inside[tuple(slice(s, None) for s in step)]
        here = inside[tuple(slice(None, -1) if s else slice(None) for s in step)]
        edges = np.argwhere(here != ahead)
        edges = edges[(edges[:, (axis + 1) % 3] > 0) & (edges[:, (axis + 2) % 3] > 0)]
        around = [index[tuple((edges - a * first - b * second).T)] for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
        quads = np.stack(around, axis=1)
        leaving = here[tuple(edges.T)]
        quads = np.where(leaving[:, None], quads, quads[:, ::-1])
        faces += [quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]
    return points, np.concatenate(faces)


def _shape(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> _Shape | None:
    kind = int(model.geom_type[geom])
    if kind not in (_CAPSULE, _ELLIPSOID, _SPHERE):
        return None
    return _Shape(
        body=int(model.geom_bodyid[geom]),
        kind=kind,
        size=np.array(model.geom_size[geom]),
        position=np.array(data.geom_xpos[geom]),
        rotation=np.array(data.geom_xmat[geom]).reshape(3, 3),
    )


@dataclass(eq=False)
class _Field:
    """Signed distance inside a box of the grid; outside the box it counts as far away."""

    box: tuple[slice, slice, slice]
    values: np.ndarray

    def grow(self, box: tuple[slice, slice, slice]) -> _Field:
        """The field on the smallest box that holds both boxes."""
        both = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(self.box, box, strict=True))
        values = np.full([part.stop - part.start for part in both], _FAR)
        values[_inside(self.box, both)] = self.values
        return _Field((both[0], both[1], both[2]), values)

    def smooth_min(self, other: _Field, width: float) -> _Field:
        """Smooth union with another field: the two surfaces merge where they are near each other."""
        result = self.grow(other.box)
        part = _inside(other.box, result.box)
        result.values[part] = _smooth_min(result.values[part], other.values, width)
        return result


def _inside(box: tuple[slice, ...], whole: tuple[slice, ...]) -> tuple[slice, ...]:
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, whole, strict=True))


def _union(shapes: list[_Shape], parents: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Signed distance to all shapes. Parent and child bodies merge smoothly; different branches only touch."""
    carriers = {shape.body for shape in shapes}
    thickness = {body: min(shape.radius for shape in shapes if shape.body == body) for body in carriers}
    widest = max(shape.radius for shape in shapes)

    def above(body: int) -> int:
        body = int(parents[body])
        while body and body not in carriers:
            body = int(parents[body])
        return body

    def subtree(body: int) -> _Field:
        own: _Field | None = None
        for shape in shapes:
            if shape.body == body:
                soft = 0.7 * shape.radius
                margin = shape.reach + 1.5 * min(widest, max(soft, thickness[body]))
                low = [np.searchsorted(axis, x) for axis, x in zip(axes, shape.position - margin, strict=True)]
                high = [np.searchsorted(axis, x) for axis, x in zip(axes, shape.position + margin, strict=True)]
                box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
                grid = np.meshgrid(*(axis[part] for axis, part in zip(axes, box, strict=True)), indexing="ij")
                field = _Field(box, shape.distance(np.stack(grid, axis=-1)))
                own = field if own is None else own.smooth_min(field, soft)
        assert own is not None
        result = own
        for child in sorted(carriers):
            if child and child != body and above(child) == body:
                branch = subtree(child)
                joined = own.smooth_min(branch, 0.6 * min(thickness[body], thickness[child]))
                result = result.grow(joined.box)
                part = _inside(joined.box, result.box)
                result.values[part] = np.minimum(result.values[part], joined.values)
        return result

    whole = tuple(slice(0, len(axis)) for axis in axes)
    values = np.full([len(axis) for axis in axes], _FAR)
    for root in sorted(body for body in carriers if body == 0 or (above(body) == 0 and 0 not in carriers)):
        field = subtree(root)
        part = _inside(field.box, whole)
        values[part] = np.minimum(values[part], field.values)
    return values


def _smooth_min(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    mix = np.maximum(width - np.abs(a - b), 0.0) / width
    return np.asarray(np.minimum(a, b) - mix**2 * width / 4)


def _twists(model: mujoco.MjModel, data: mujoco.MjData, shapes: list[_Shape]) -> dict[int, float]:
    """Bodies that turn about their own length, as a forearm does, and the length of their shapes along it, metres."""
    found = {}
    for body in {shape.body for shape in shapes}:
        if model.body_jntnum[body] != 1:
            continue
        axis = data.xaxis[model.body_jntadr[body]]
        mine = [shape for shape in shapes if shape.body == body]
        across = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
        across /= np.linalg.norm(across)
        length, *widths = (_span(mine, way) for way in (axis, across, np.cross(axis, across)))
        if length > _SLENDER * max(widths):
            found[body] = length
    return found


def _span(shapes: list[_Shape], way: np.ndarray) -> float:
    """Length of some shapes together along a unit vector."""
    places, halves = (
        np.array(values) for values in zip(*((s.position @ way, s.half(way)) for s in shapes), strict=True)
    )
    return float((places + halves).max() - (places - halves).min())


def _bind(
    points: np.ndarray, faces: np.ndarray, shapes: list[_Shape], parents: np.ndarray, twists: Mapping[int, float]
) -> tuple[tuple[int, ...], np.ndarray]:
    """Weights that fall off with the distance to each body's shapes, smoothed over the surface."""
    from scipy.sparse import coo_array, diags_array

    bodies = tuple(sorted({shape.body for shape in shapes}))
    near = np.stack([_nearest(points, (s for s in shapes if s.body == body)) for body in bodies], axis=1)
    soft = np.array([0.25 * min(s.radius for s in shapes if s.body == body) for body in bodies])
    softness = np.minimum(soft[:, None], soft[None, :])
    for place, body in enumerate(bodies):
        if body in twists and parents[body] in bodies:
            other = bodies.index(int(parents[body]))
            softness[place, other] = softness[other, place] = _TWISTED * twists[body]
    closest = near.argmin(axis=1)
    kin = np.array([[a == b or parents[a] == b or parents[b] == a for b in bodies] for a in bodies])
    excess = (near - near.min(axis=1, keepdims=True)) / softness[closest]
    weights = np.where(kin[closest], np.exp(-excess), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)

    rows, columns = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(points),) * 2).tocsr()
    links = links + links.T
    mean = diags_array(1.0 / np.maximum(links.sum(axis=1), 1.0)) @ links
    for _ in range(14):
        weights = 0.5 * weights + 0.5 * (mean @ weights)
    weights[weights < 1e-3] = 0.0
    return bodies, np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _nearest(points: np.ndarray, shapes: Iterable[_Shape]) -> np.ndarray:
    return np.asarray(np.minimum.reduce([shape.distance(points) for shape in shapes]))
