"""The arm against the tables that it is built from."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from neuromotion_gym.limbs import Limb

BODY_KG = 73.0
LENGTH_M = {"upper_arm": 0.2817, "forearm": 0.2689, "hand": 0.1879}
DE_LEVA = {  # de Leva 1996, table 4, men: mass, centre of mass, radii of gyration (sagittal, transverse, longitudinal)
    "upper_arm": (0.0271, 0.5772, (0.285, 0.269, 0.158)),
    "forearm": (0.0162, 0.4574, (0.276, 0.265, 0.121)),
    "hand": (0.0061, 0.3624, (0.288, 0.235, 0.184)),
}
RANGES_DEGREES = {  # Boone and Azen 1979, 109 men and boys
    "shoulder_flexion": (-62, 167),
    "shoulder_rotation": (-104, 69),
    "elbow_flexion": (0, 143),
    "forearm_rotation": (-82, 76),
    "wrist_flexion": (-75, 76),
    "wrist_deviation": (-36, 22),
}
FINGERS = ("index", "middle", "ring", "little")


@pytest.fixture(scope="module")
def arm() -> Limb:
    return Limb.load("arm")


def straight(model: mujoco.MjModel) -> mujoco.MjData:
    data = mujoco.MjData(model)
    mujoco.mj_resetData(model, data)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    return data


def composite(model: mujoco.MjModel, bodies: list[int]) -> tuple[float, np.ndarray, np.ndarray]:
    """Mass, centre and moments of inertia about it, along the axes of the world, with all joints at zero."""
    data = straight(model)
    masses = model.body_mass[bodies]
    centre = masses @ data.xipos[bodies] / masses.sum()
    inertia = np.zeros((3, 3))
    for body, mass in zip(bodies, masses, strict=True):
        axes, r = data.ximat[body].reshape(3, 3), data.xipos[body] - centre
        inertia += axes @ np.diag(model.body_inertia[body]) @ axes.T + mass * (r @ r * np.eye(3) - np.outer(r, r))
    return float(masses.sum()), centre, np.diag(inertia)


def bodies(model: mujoco.MjModel, segment: str) -> list[int]:
    if segment == "forearm":
        return [model.body("forearm").id, model.body("radius").id]
    root = model.body(segment).id
    if segment == "upper_arm":
        return [root]
    chain = [root]
    for body in range(root + 1, model.nbody):
        if int(model.body_parentid[body]) in chain:
            chain.append(body)
    return chain


@pytest.mark.parametrize("segment", DE_LEVA)
def test_segments_have_the_masses_of_the_table(arm, segment):
    share, centre, gyration = DE_LEVA[segment]
    mass, place, inertia = composite(arm.model, bodies(arm.model, segment))
    assert mass == pytest.approx(share * BODY_KG, rel=1e-3)
    joint = straight(arm.model).xpos[arm.model.body(segment).id]
    assert joint[2] - place[2] == pytest.approx(centre * LENGTH_M[segment], abs=5e-4)
    assert np.abs(place[:2] - joint[:2]).max() < 2e-3
    wanted = mass * (np.array(gyration) * LENGTH_M[segment]) ** 2
    if segment == "hand":  # its palm faces the body here, in the table it faces forward
        wanted = wanted[[1, 0, 2]]
        np.testing.assert_allclose(inertia, wanted, rtol=0.02)
    elif segment == "upper_arm":
        np.testing.assert_allclose(inertia, wanted, rtol=2e-3)
    else:  # its halves are turned against each other, so only the mean of the two cross moments is the table's
        assert inertia[:2].mean() == pytest.approx(wanted[:2].mean(), rel=5e-3)
        assert inertia[2] == pytest.approx(wanted[2], rel=5e-3)


def test_segments_have_the_lengths_of_the_table(arm):
    data = straight(arm.model)
    joints = [data.xpos[arm.model.body(name).id][2] for name in ("upper_arm", "forearm", "hand")]
    assert joints[0] - joints[1] == pytest.approx(LENGTH_M["upper_arm"])
    assert joints[1] - joints[2] == pytest.approx(LENGTH_M["forearm"])
    tip = arm.model.geom("middle_distal").id
    end = data.geom_xpos[tip][2] - arm.model.geom_size[tip][1] - arm.model.geom_size[tip][0]
    assert joints[2] - end == pytest.approx(LENGTH_M["hand"], abs=1e-3)


@pytest.mark.parametrize("name", RANGES_DEGREES)
def test_ranges_of_motion_are_those_of_the_table(arm, name):
    degree = arm.degree(name)
    np.testing.assert_allclose(np.degrees([degree.low, degree.high]), RANGES_DEGREES[name], atol=0.1)


def test_hand_has_twenty_joints(arm):
    names = [arm.model.joint(i).name for i in range(arm.model.njnt)]
    assert sum(name.startswith((*FINGERS, "thumb")) for name in names) >= 20


def test_elbow_home_is_half_way(arm):
    elbow = arm.degree("elbow_flexion")
    assert elbow.home == pytest.approx((elbow.low + elbow.high) / 2, abs=1e-3)


@pytest.mark.parametrize("place", [-1.0, -0.3, 0.5, 1.0])
def test_grip_takes_all_fingers_and_keeps_them_coupled(arm, place):
    home, qpos = (arm.qpos_at(np.array([[x]]), ("grip",))[0] for x in (0.0, place))
    turn = {arm.model.joint(i).name: qpos[i] - home[i] for i in range(arm.model.njnt)}
    for finger in FINGERS:
        assert np.sign(turn[f"{finger}_mcp"]) == np.sign(place)
        assert turn[f"{finger}_dip"] == pytest.approx(2 / 3 * turn[f"{finger}_pip"], rel=0.02)
    assert abs(turn["elbow_flexion"]) < 1e-6


@pytest.mark.parametrize("finger", FINGERS)
def test_single_finger_moves_alone(arm, finger):
    home, bent = (arm.qpos_at(np.array([[x]]), (finger,))[0] for x in (0.0, 1.0))
    moved = {arm.model.joint(i).name for i in np.flatnonzero(np.abs(bent - home) > 1e-3)}
    assert moved <= {f"{finger}_{joint}" for joint in ("abduction", "mcp", "pip", "dip")}
    assert len(moved) >= 3


def test_palm_lies_down_and_forearm_forward_at_home(arm):
    data = mujoco.MjData(arm.model)
    data.qpos[:] = arm.qpos_at(np.zeros((1, 1)), ("grip",))[0]
    mujoco.mj_kinematics(arm.model, data)
    hand = data.body("hand").xmat.reshape(3, 3)
    assert hand[:, 1] @ [0, 0, -1] > 0.85, "palm"
    assert hand[:, 2] @ [-1, 0, 0] > 0.85, "fingers"


@pytest.mark.parametrize("step_s", [0.0025, 0.005])
def test_a_rod_is_grasped_and_held_against_gravity(arm, step_s):
    spec = mujoco.MjSpec.from_file(str(arm.path))
    spec.option.timestep = step_s
    data = mujoco.MjData(arm.model)
    data.qpos[:] = arm.qpos_at(np.array([[-1.0]]), ("grip",))[0]
    opened = data.qpos.copy()
    mujoco.mj_kinematics(arm.model, data)
    hand, frame = data.body("hand").xpos, data.body("hand").xmat.reshape(3, 3)
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, (frame @ [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]).ravel())
    rod = spec.worldbody.add_body(name="rod", pos=hand + frame @ [-0.002, 0.040, -0.085], quat=turn, gravcomp=1)
    rod.add_freejoint(name="rod")
    rod.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[0.022, 0.05, 0], mass=0.1, contype=1, conaffinity=3, condim=4
    )
    for key in list(spec.keys):
        spec.delete(key)
    model = spec.compile()
    data = mujoco.MjData(model)
    data.qpos[: arm.model.nq] = opened
    for step in range(round(3 / step_s)):
        time_s = step * step_s
        data.ctrl[:] = arm.control(np.array([[min(0.75, -1 + 1.3 * time_s)]]), ("grip",))[0]
        if time_s > 1.6:  # let go of it
            model.body_gravcomp[model.body("rod").id] = 0
        mujoco.mj_step(model, data)
    assert np.isfinite(data.qpos).all()
    assert np.linalg.norm(data.body("rod").xpos - data.body("hand").xpos) < 0.09
    assert sum(float(data.sensor(f"{finger}_touch").data[0]) for finger in ("thumb", *FINGERS)) > 0.5
