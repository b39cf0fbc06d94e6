"""How muscles are drawn: a belly between thin tendons, along the path on which they pull."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from neuromotion_gym.rendering.muscles import ACTIVE, GROWS, Muscles

MODEL = """
<mujoco>
  <size nuser_tendon="2"/>
  <worldbody>
    <site name="origin" pos="-0.15 0 0.05"/>
    <geom name="drum" type="cylinder" size="0.05 0.1" euler="90 0 0" contype="0" conaffinity="0"/>
    <site name="above" pos="0 0 0.1"/>
    <body>
      <joint name="hinge" axis="0 1 0"/>
      <geom size="0.01" pos="0.15 0 0"/>
      <site name="insertion" pos="0.15 0 0.05"/>
    </body>
  </worldbody>
  <tendon>
    <spatial name="lift" width="0.02" user="0.2 0.6">
      <site site="origin"/> <geom geom="drum" sidesite="above"/> <site site="insertion"/>
    </spatial>
    <fixed name="turn"> <joint joint="hinge" coef="0.1"/> </fixed>
  </tendon>
  <actuator>
    <muscle name="lift" tendon="lift" force="1" lengthrange="0.15 0.45" range="0.5 1.5"/>
    <muscle name="turn" tendon="turn" force="1" lengthrange="-1 1"/>
  </actuator>
</mujoco>
"""


@pytest.fixture
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(MODEL)


def drawn(model: mujoco.MjModel, angle: float = 0.0, act: np.ndarray | None = None) -> list[mujoco.MjvGeom]:
    muscles, data, scene = Muscles(model), mujoco.MjData(model), mujoco.MjvScene(model, maxgeom=200)
    data.qpos[0] = angle
    mujoco.mj_kinematics(model, data)
    mujoco.mj_tendon(model, data)
    muscles.add(data, act, scene)
    return [scene.geoms[i] for i in range(scene.ngeom)]


def thickest(geoms: list[mujoco.MjvGeom]) -> float:
    return max(float(geom.size[0]) for geom in geoms)


def test_belly_lies_between_thin_tendons_where_the_user_data_say(model):
    geoms = drawn(model)
    sizes = np.array([geom.size[0] for geom in geoms])
    places = np.array([geom.pos[0] for geom in geoms])
    assert sizes[[0, -1]] == pytest.approx(0.25 * 0.02)
    assert thickest(geoms) == pytest.approx(0.02, rel=0.05)  # the muscle has its optimal length, nearly
    assert (sizes[places > 0.05] == sizes[-1]).all()  # 0.6 of the way is where x is 0.03
    assert abs(places[sizes.argmax()] - -0.03) < 0.02


def test_muscle_grows_thicker_and_redder_with_activation(model):
    rest, active = drawn(model, act=np.array([0.0, 1.0])), drawn(model, act=np.array([1.0, 0.0]))
    assert thickest(active) == pytest.approx((1 + GROWS) * thickest(rest))
    middle = np.argmax([geom.size[0] for geom in active])
    np.testing.assert_allclose(active[middle].rgba[:3], ACTIVE, atol=1e-6)
    little = drawn(model, act=np.array([0.05, 0.0]))[middle].rgba
    assert rest[middle].rgba[0] + 0.05 < little[0] < ACTIVE[0]


def test_shorter_muscle_is_thicker(model):
    assert thickest(drawn(model, -0.5)) > 1.05 * thickest(drawn(model, 0.0))


def test_muscle_lies_on_the_surface_that_it_runs_over(model):
    distances = [np.hypot(geom.pos[0], geom.pos[2]) for geom in drawn(model, 0.9)]
    assert min(distances) > 0.048


def test_tendon_of_the_model_is_not_drawn_twice(model):
    Muscles(model)
    assert list(model.tendon_group) == [5, 0]  # a fixed tendon has no path


def test_what_does_not_fit_into_the_scene_is_left_out(model):
    muscles, data, scene = Muscles(model), mujoco.MjData(model), mujoco.MjvScene(model, maxgeom=5)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_tendon(model, data)
    muscles.add(data, None, scene)
    assert scene.ngeom == 5
