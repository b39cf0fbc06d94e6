"""The hand: the bodies that it shares with the arm, its postures in physics, its strength, and both sides."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from mujoco import rollout

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_map, intent_table
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.actuation import actuations, set_actuation

FINGERS = ("index", "middle", "ring", "little")
CONTROL_S = 0.05
MOVE_S, HOLD_S = 0.4, 1.6
TOUCHING = {
    "pinch": ["index"],
    "ok_sign": ["index"],
    "middle_pinch": ["middle"],
    "ring_pinch": ["ring"],
    "three_finger_pinch": ["index", "middle"],
    "tripod": ["index", "middle"],
}
"""Fingertips that the tip of the thumb touches in a posture."""


@pytest.fixture(scope="module")
def hand() -> Limb:
    return Limb.load("hand")


def postures(limb: Limb) -> list[str]:
    names = [limb.model.key(i).name for i in range(limb.model.nkey)]
    return [name for name in names if name not in ("home", "bind")]


def moved(limb: Limb, starts: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Joint positions after the controls have moved from home's to ``controls``, or back where these are home's."""
    model = limb.model
    first = np.where(
        np.isclose(controls, limb.home_control).all(axis=1)[:, None], starts[:, model.nq :], limb.home_control
    )
    steps = round((MOVE_S + HOLD_S) / model.opt.timestep)
    share = np.minimum(np.arange(1, steps + 1) * model.opt.timestep / MOVE_S, 1.0)[None, :, None]
    state = np.zeros((len(controls), mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)))
    state[:, 1 : 1 + model.nq] = starts[:, : model.nq]
    with rollout.Rollout(nthread=0) as pool:
        given = first[:, None] + share * (controls - first)[:, None]
        states, _ = pool.rollout(model, [mujoco.MjData(model)], state, given)
    return states[:, -1, 1 : 1 + model.nq]


@pytest.fixture(scope="module")
def reached(hand: Limb) -> np.ndarray:
    """Joint positions that the controls of every posture bring the hand to, from home; (postures, nq)."""
    names = postures(hand)
    home = hand.model.key("home")
    starts = np.tile(np.concatenate([home.qpos, home.ctrl]), (len(names), 1))
    return moved(hand, starts, np.array([hand.model.key(name).ctrl for name in names]))


def placed(model: mujoco.MjModel, qpos: np.ndarray) -> mujoco.MjData:
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    return data


def test_bodies_are_those_of_the_arm(hand):
    arm = Limb.load("arm").model
    for body in range(hand.model.body("forearm").id, hand.model.nbody):
        name = hand.model.body(body).name
        assert hand.model.body_mass[body] == arm.body(name).mass[0], name
        np.testing.assert_array_equal(hand.model.body_ipos[body], arm.body(name).ipos)
    for joint in range(hand.model.njnt):
        name = hand.model.joint(joint).name
        np.testing.assert_array_equal(hand.model.jnt_range[joint], arm.joint(name).range)


def test_digits_have_twenty_joints_and_the_hand_forty_postures(hand):
    names = [hand.model.joint(i).name for i in range(hand.model.njnt)]
    assert sum(name.startswith(("thumb", *FINGERS)) for name in names) == 20
    assert len(postures(hand)) >= 40


def test_any_two_postures_are_apart_on_some_degree(hand):
    names = ["home", *postures(hand)]
    degrees = [degree.name for degree in hand.degrees]
    sensors = np.array([placed(hand.model, hand.model.key(name).qpos).sensordata for name in names])
    places = hand.positions(sensors, degrees)
    apart = np.abs(places[:, None] - places).max(axis=2) + np.eye(len(names))
    near = [(names[i], names[j]) for i, j in np.argwhere(apart < 0.4)]
    assert not near


def test_controls_bring_the_hand_to_its_postures(hand, reached):
    for name, qpos in zip(postures(hand), reached, strict=True):
        assert np.degrees(np.abs(qpos - hand.model.key(name).qpos)).max() < 1.0, name


def test_hand_comes_home_from_every_posture(hand):
    keys = [hand.model.key(name) for name in postures(hand)]
    starts = np.array([np.concatenate([key.qpos, key.ctrl]) for key in keys])
    back = moved(hand, starts, np.tile(hand.home_control, (len(keys), 1)))
    assert np.degrees(np.abs(back - hand.model.key("home").qpos)).max() < 1.0


def test_no_digit_goes_through_another_or_through_the_palm(hand, reached):
    model = hand.model
    solid = [geom for geom in range(model.ngeom) if geom in {*model.pair_geom1.tolist(), *model.pair_geom2.tolist()}]
    for name, qpos in zip(postures(hand), reached, strict=True):
        data = placed(model, qpos)
        for i, first in enumerate(solid):
            for second in solid[i + 1 :]:
                bodies = int(model.geom_bodyid[first]), int(model.geom_bodyid[second])
                kin = (
                    bodies[0] in (bodies[1], model.body_parentid[bodies[1]])
                    or model.body_parentid[bodies[0]] == bodies[1]
                )
                if not kin and np.linalg.norm(data.geom_xpos[first] - data.geom_xpos[second]) < 0.06:
                    gap = mujoco.mj_geomDistance(model, data, first, second, 0.01, None)
                    assert gap > -0.001, (name, model.geom(first).name, model.geom(second).name)


@pytest.mark.parametrize("name", TOUCHING)
def test_pinches_touch(hand, reached, name):
    data = placed(hand.model, reached[postures(hand).index(name)])
    for finger in TOUCHING[name]:
        pair = hand.model.geom("thumb_distal").id, hand.model.geom(f"{finger}_distal").id
        assert abs(mujoco.mj_geomDistance(hand.model, data, *pair, 0.01, None)) < 0.0007, finger


def test_fingers_of_the_fist_touch_the_palm_and_the_thumb_lies_over_them(hand, reached):
    data = placed(hand.model, reached[postures(hand).index("fist")])
    touching = {hand.model.geom(int(geom)).name for contact in data.contact for geom in contact.geom}
    assert {"middle_distal", "little_distal", "thumb_proximal"} <= touching
    frame = data.body("hand").xmat.reshape(3, 3)
    palmwards = {
        name: frame[:, 1] @ (data.geom(name).xpos - data.body("hand").xpos) for name in ("thumb_distal", "index_middle")
    }
    assert palmwards["thumb_distal"] > palmwards["index_middle"] + 0.01


@pytest.mark.parametrize("finger", FINGERS)
def test_last_joint_of_a_finger_follows_the_one_before(hand, finger):
    home, bent = (hand.qpos_at(np.array([[x]]), (f"{finger}_ip",))[0] for x in (0.0, 0.8))
    turn = {hand.model.joint(i).name: bent[i] - home[i] for i in range(hand.model.njnt)}
    assert turn[f"{finger}_pip"] > 0.5
    assert turn[f"{finger}_dip"] == pytest.approx(2 / 3 * turn[f"{finger}_pip"], rel=0.02)
    assert abs(turn[f"{finger}_mcp"]) < 1e-6


def holding_force(model: mujoco.MjModel, posture: str, first: str, second: str) -> float:
    """Largest force, newtons, with which two geoms can be pressed together in a posture; statics."""
    data = placed(model, model.key(posture).qpos)
    pair, ends = (model.geom(first).id, model.geom(second).id), np.zeros(6)
    gap = mujoco.mj_geomDistance(model, data, *pair, 0.1, ends)
    normal = (ends[3:] - ends[:3]) / gap
    torque = np.zeros(model.nv)
    for geom, sign in zip(pair, (-1, 1), strict=True):
        jacobian = np.zeros((3, model.nv))
        mujoco.mj_jac(model, data, jacobian, None, (ends[:3] + ends[3:]) / 2, int(model.geom_bodyid[geom]))
        torque += sign * jacobian.T @ normal
    moments = np.zeros((model.nu, model.nv))
    mujoco.mju_sparse2dense(moments, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind)
    forces = []
    for actuator, moment in enumerate(moments):
        joint = np.abs(moment * torque).argmax()  # of the joints of a tendon the one that takes most
        if abs(moment[joint]) > 0 and abs(torque[joint]) > 1e-6:
            needed = -torque[joint] / moment[joint]
            spring = -data.qfrc_passive[joint] / moment[joint]
            end = model.actuator_forcerange[actuator][int(needed > 0)]
            forces.append((end - spring) / needed)
    return min(forces)


def test_pinches_are_as_strong_as_those_of_people(hand):
    """16 and 22 per cent of a grip of 485 N: Crosby 1994, J Hand Surg 19A:665-670, means of men and women."""
    assert holding_force(hand.model, "pinch", "thumb_distal", "index_distal") == pytest.approx(78, rel=0.1)
    assert holding_force(hand.model, "key_grip", "thumb_distal", "index_proximal") == pytest.approx(107, rel=0.1)


def test_a_prosthesis_is_as_much_weaker_as_its_lateral_pinch():
    limb = Limb.load("hand")
    full = holding_force(limb.model, "key_grip", "thumb_distal", "index_proximal")
    figures = set_actuation(limb, "michelangelo")
    assert (figures.closing_s, figures.grip_n, figures.lateral_n) == (0.37, 70, 60)
    assert holding_force(limb.model, "key_grip", "thumb_distal", "index_proximal") == pytest.approx(
        60 / 107 * full, rel=0.1
    )
    assert limb.degree("wrist_flexion").actuators[0] == 1
    np.testing.assert_array_equal(limb.model.actuator_forcerange[1], [-7.1, 12.2])
    set_actuation(limb, "natural")
    np.testing.assert_allclose(limb.model.actuator_forcerange, Limb.load("hand").model.actuator_forcerange)


def test_weakest_prosthesis_still_makes_a_fist():
    limb = Limb.load("hand")
    weakest = min(actuations(limb).items(), key=lambda kind: kind[1].lateral_n)[0]
    set_actuation(limb, weakest)
    home, fist = limb.model.key("home"), limb.model.key("fist")
    (there,) = moved(limb, np.concatenate([home.qpos, home.ctrl])[None], fist.ctrl[None])
    assert np.degrees(np.abs(there - fist.qpos)).max() < 3.0


def test_unknown_actuation_is_refused_with_those_there_are(hand):
    with pytest.raises(NeuroMotionError, match=r"'hand' has no actuation 'bionic'. It has: natural, michelangelo, "):
        set_actuation(hand, "bionic")
    assert actuations(Limb.load("arm")) == {}
    with pytest.raises(NeuroMotionError, match="'arm' has no actuation 'natural'. It has: only the one of its model"):
        set_actuation(Limb.load("arm"), "natural")


def test_left_hand_is_the_mirror_image(hand):
    left = Limb.load("hand", side="left")
    for name in ("spread", "ok_sign", "supination"):
        right_places, left_places = (placed(limb.model, limb.model.key(name).qpos).geom_xpos for limb in (hand, left))
        np.testing.assert_allclose(left_places, right_places * [1, -1, 1], atol=1e-6)


def test_fists_of_a_brain_computer_interface_open_and_close_the_hand():
    table = intent_table("hand")
    assert (table["left_fist"].degree, table["right_fist"].degree) == ("spread", "fist")
    assert intent_map("hand", ["rest", "left_fist", "right_fist"]).rest == 0


def test_every_posture_has_a_label(hand):
    assert set(postures(hand)) == {intent.degree for intent in intent_table("hand").values() if intent.degree}
