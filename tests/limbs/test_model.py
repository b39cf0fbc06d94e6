"""A limb with a scene around it, and its mirror image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest

from neuromotion_gym import registration
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs import Limb, limb_names
from neuromotion_gym.limbs.model import limb_spec

if TYPE_CHECKING:
    from pathlib import Path

MIRROR = np.array([1.0, -1.0, 1.0])
SCENE = """
<mujoco>
  <default> <default class="thing"> <geom type="box" contype="1" size="0.01 0.02 0.03"/> </default> </default>
  <worldbody>
    <body name="block" pos="0.4 -0.2 0.9" euler="0 0 0.3">
      <freejoint/> <geom class="thing"/> <site name="on_block"/>
    </body>
  </worldbody>
  <sensor> <framepos name="block_position" objtype="site" objname="on_block"/> </sensor>
</mujoco>
"""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(registration, "_SCENES", {})
    (tmp_path / "desk.xml").write_text(SCENE, encoding="utf-8")
    registration.register_scene("desk", tmp_path / "desk.xml")
    return "desk"


def places(limb: Limb, qpos: np.ndarray) -> tuple[mujoco.MjData, np.ndarray]:
    data = mujoco.MjData(limb.model)
    data.qpos[:] = qpos
    data.ctrl[:] = limb.home_control
    mujoco.mj_forward(limb.model, data)
    return data, np.concatenate([data.xpos, data.geom_xpos, data.site_xpos])


@pytest.mark.parametrize("name", limb_names())
def test_the_left_limb_is_the_mirror_image_of_the_right_one_at_the_same_joint_values(name: str) -> None:
    right, left = Limb.load(name), Limb.load(name, side="left")
    model, generator = right.model, np.random.default_rng(0)
    assert [degree.name for degree in left.degrees] == [degree.name for degree in right.degrees]
    for _ in range(3):
        low, high = model.jnt_range.T
        qpos = generator.uniform(0.7 * low, 0.7 * high)
        (one, here), (other, there) = places(right, qpos), places(left, qpos)
        np.testing.assert_allclose(there, here * MIRROR, atol=1e-6)
        np.testing.assert_allclose(other.qacc, one.qacc, atol=1e-3 * np.abs(one.qacc).max())
    camera = model.camera("overview").id
    up, up_left = (each.model.cam_mat0[camera].reshape(3, 3)[:, 1] for each in (right, left))
    np.testing.assert_allclose(up_left, up * MIRROR, atol=1e-6)


def test_a_scene_comes_after_the_limb_and_leaves_it_as_it_was(scene: str) -> None:
    alone, around = Limb.load("arm"), Limb.load("arm", scene)
    own = alone.model
    assert around.model.nq == own.nq + 7
    assert around.sensor("block_position") == slice(own.nsensordata, own.nsensordata + 3)
    np.testing.assert_array_equal(around.model.key_qpos[0, : own.nq], own.key_qpos[0])
    np.testing.assert_allclose(around.model.key_qpos[0, own.nq : own.nq + 3], [0.4, -0.2, 0.9])
    np.testing.assert_array_equal(around.model.body_mass[: own.nbody], own.body_mass)
    np.testing.assert_array_equal(around.model.jnt_stiffness[: own.njnt], own.jnt_stiffness)


def test_the_scene_of_a_left_limb_is_mirrored_with_it(scene: str) -> None:
    right, left = Limb.load("arm", scene), Limb.load("arm", scene, "left")
    first = right.model.nq - 7
    x, y, z, a, b, c, d = right.model.key_qpos[0, first:]
    np.testing.assert_allclose(left.model.key_qpos[0, first:], [x, -y, z, a, -b, c, -d], atol=1e-6)
    here, there = places(right, right.model.key_qpos[0])[1], places(left, left.model.key_qpos[0])[1]
    np.testing.assert_allclose(there, here * MIRROR, atol=1e-6)


def test_unknown_scenes_and_sides_and_meshes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"No scene is called 'moon'.*studio"):
        Limb.load("arm", "moon")
    with pytest.raises(NeuroMotionError, match="side is 'right' or 'left', not 'up'"):
        Limb.load("arm", side="up")  # type: ignore[arg-type]
    mesh = '<mesh name="m" vertex="0 0 0  1 0 0  0 1 0  0 0 1"/>'
    path = tmp_path / "rock.xml"
    path.write_text(
        f'<mujoco><asset>{mesh}</asset><worldbody><geom type="mesh" mesh="m"/></worldbody></mujoco>', encoding="utf-8"
    )
    limb_spec(path)
    with pytest.raises(NeuroMotionError, match="cannot be mirrored"):
        limb_spec(path, side="left")
    with pytest.raises(NeuroMotionError, match="already is a scene"):
        registration.register_scene("studio", path)


def test_a_joint_that_a_muscle_moves_can_be_read_but_not_set(tmp_path: Path) -> None:
    path = tmp_path / "wing.xml"
    path.write_text(
        """
        <mujoco>
          <worldbody>
            <site name="a" pos="0 0 0.2"/>
            <body gravcomp="1">
              <joint name="flap" axis="0 1 0" range="-1 1" damping="1"/>
      <geom type="capsule" size=".02" fromto="0 0 0 .3 0 0"/>
              <site name="b" pos="0.2 0 0"/>
            </body>
          </worldbody>
          <tendon> <spatial name="lift"> <site site="a"/> <site site="b"/> </spatial> </tendon>
          <actuator> <muscle name="lift" tendon="lift" lengthrange="0.1 0.4" force="20" ctrlrange="0 1"/>
  </actuator>
          <custom> <numeric name="flap_range" data="-1 1"/> </custom>
          <sensor> <jointpos name="flap_pos" joint="flap"/> <jointvel name="flap_vel" joint="flap"/> </sensor>
          <keyframe> <key name="home" qpos="0"/> </keyframe>
        </mujoco>
        """,
        encoding="utf-8",
    )
    limb = Limb.load(path)
    assert [(degree.name, degree.actuators) for degree in limb.degrees] == [("flap", ())]
    home = limb.degree("flap").home
    sensors = np.array([[home + 0.5 * (1 - home), 0.0]])
    np.testing.assert_allclose(limb.positions(sensors, ("flap",)), [[0.5]])
    np.testing.assert_allclose(
        limb.qpos_at(np.array([[-0.5], [0.5]]), ("flap",))[:, 0], home + 0.5 * np.array([-1 - home, 1 - home])
    )
    with pytest.raises(NeuroMotionError, match="Muscles move flap"):
        limb.control(np.zeros((1, 1)), ("flap",))


STOPS = """
<mujoco> <custom> <numeric name="{degree}_stops" data="0.2 0.8"/> </custom> </mujoco>
"""


def test_stops_of_a_scene_limit_a_joint_and_move_home_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "_SCENES", {})
    for degree in ("knee", "wrist"):
        (tmp_path / f"{degree}.xml").write_text(STOPS.format(degree=degree), encoding="utf-8")
        registration.register_scene(f"stopped_{degree}", tmp_path / f"{degree}.xml")
    for side in ("right", "left"):
        stopped, ankle = Limb.load("leg", "stopped_knee", side).degrees
        assert (stopped.low, stopped.home, stopped.high) == (0.2, 0.5, 0.8)
        assert ankle == Limb.load("leg").degrees[1]
        np.testing.assert_array_equal(Limb.load("leg", "stopped_knee", side).model.joint("knee").range, [0.2, 0.8])
    with pytest.raises(NeuroMotionError, match="wrist_stops: the limb has no degree of freedom 'wrist'"):
        Limb.load("leg", "stopped_wrist")
