"""Surface nets against a sphere, and the skin of the arm against its geoms."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from neuromotion_gym.limbs import limb_names
from neuromotion_gym.rendering.skin import add_skins, surface_nets
from neuromotion_gym.resources import assets_root


def sphere(radius: float, cells: int = 24) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), axis=-1)
    return np.linalg.norm(grid - (cells - 1) / 2, axis=-1) - radius


def test_surface_of_a_sphere_has_its_radius_area_and_volume():
    radius, centre = 8.0, 11.5
    points, faces = surface_nets(sphere(radius))
    assert np.abs(np.linalg.norm(points - centre, axis=1) - radius).max() < 0.15
    a, b, c = (points[faces[:, i]] - centre for i in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(4 * np.pi * radius**2, rel=0.02)
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02), "positive: faces turn outwards"


def test_surface_is_closed():
    _, faces = surface_nets(sphere(7.3))
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    forward, backward = ({tuple(edge) for edge in way} for way in (edges.tolist(), edges[:, ::-1].tolist()))
    assert len(forward) == len(edges)
    assert forward == backward


@pytest.mark.parametrize("name", limb_names())
def test_skinned_model_moves_as_the_limb_does(name):
    path = str(assets_root() / name / f"{name}.xml")
    plain, skinned = mujoco.MjModel.from_xml_path(path), add_skins(mujoco.MjSpec.from_file(path))
    assert skinned.nskin > 0
    assert [skinned.joint(i).name for i in range(skinned.njnt)] == [plain.joint(i).name for i in range(plain.njnt)]
    np.testing.assert_array_equal(skinned.key_qpos, plain.key_qpos)
    weight = np.zeros(skinned.nskinvert)
    for skin in range(skinned.nskin):
        first = int(skinned.skin_vertadr[skin])
        for bone in range(
            int(skinned.skin_boneadr[skin]), int(skinned.skin_boneadr[skin] + skinned.skin_bonenum[skin])
        ):
            part = slice(
                int(skinned.skin_bonevertadr[bone]),
                int(skinned.skin_bonevertadr[bone] + skinned.skin_bonevertnum[bone]),
            )
            np.add.at(weight, first + skinned.skin_bonevertid[part], skinned.skin_bonevertweight[part])
    np.testing.assert_allclose(weight, 1.0, atol=5e-3)


def test_skin_of_a_body_that_turns_about_its_length_follows_over_a_long_way():
    """A forearm of two capsules in line, whose second turns about the line, or bends across it."""
    ways = []
    for axis in ("0 0 1", "1 0 0"):
        shape = '<geom type="capsule" size=".03" fromto="0 0 0 0 0 .2" material="skin"/>'
        far = f'<body name="far" pos="0 0 .2"><joint axis="{axis}"/>{shape}</body>'
        spec = mujoco.MjSpec.from_string(
            f"""<mujoco><asset><material name="skin"/></asset>
            <worldbody><body name="near">{shape}{far}</body></worldbody></mujoco>"""
        )
        model = add_skins(spec)
        bone = [model.body(int(body)).name for body in model.skin_bonebodyid].index("far")
        part = slice(model.skin_bonevertadr[bone], model.skin_bonevertadr[bone] + model.skin_bonevertnum[bone])
        mixed = np.abs(model.skin_bonevertweight[part] - 0.5) < 0.4
        ways.append(np.ptp(model.skin_vert[model.skin_bonevertid[part][mixed], 2]))
    assert ways[0] > 1.5 * ways[1], ways
