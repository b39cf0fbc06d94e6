"""Laws of the tables of intents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from neuromotion_gym import intents
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import Intent, intent_map, intent_table, register_intents
from neuromotion_gym.limbs import Limb, limb_names
from neuromotion_gym.registration import limb_file, register_limb

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def wing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A limb of another package, without a table of intents."""
    from neuromotion_gym import registration

    monkeypatch.setattr(registration, "_LIMBS", {})
    monkeypatch.setattr(intents, "_ADDED", {})
    path = tmp_path / "wing.xml"
    path.write_text("<mujoco/>", encoding="utf-8")
    register_limb("wing", path)
    return tmp_path / "intents.yaml"


@pytest.mark.parametrize("limb", limb_names())
def test_every_intent_moves_something_that_the_limb_has(limb: str) -> None:
    loaded = Limb.load(limb)
    spec, degrees = loaded.spec(), {degree.name for degree in loaded.degrees}
    one_way = {key.name for key in spec.keys} | {actuator.name for actuator in spec.actuators}
    for intent in intent_table(limb).values():
        assert intent.degree in (one_way if intent.one_way else degrees | {None})


def test_fists_move_one_degree_in_opposite_directions_and_rest_holds() -> None:
    found = intent_map("arm", ("rest", "left_fist", "right_fist"))
    assert found.directions.tolist() == [[0.0], [-1.0], [1.0]]
    assert found.rest == 0


def test_six_arm_labels_move_three_axes_and_none_rests() -> None:
    labels = ("elbow_bend", "elbow_extend", "hand_close", "hand_open", "wrist_left", "wrist_right")
    found = intent_map("arm", labels)
    assert len(found.axes) == 3
    assert found.rest is None
    assert (found.directions.sum(axis=0) == 0).all()


def test_a_label_that_the_limb_cannot_express_lists_those_it_can() -> None:
    with pytest.raises(NeuroMotionError, match=r"'tongue'.*hand_close"):
        intent_map("arm", ("rest", "tongue"))


def test_an_axis_that_can_be_moved_one_way_only_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="grip"):
        intent_map("arm", ("rest", "hand_close"))


def test_labels_that_move_nothing_are_refused() -> None:
    with pytest.raises(NeuroMotionError, match="None of the labels"):
        intent_map("arm", ("rest", "neutral"))


def test_an_unknown_limb_lists_those_there_are() -> None:
    with pytest.raises(NeuroMotionError, match=r"'tail'.*arm"):
        intent_map("tail", ("rest",))


def test_the_table_of_a_registered_limb_lies_beside_it(wing: Path) -> None:
    wing.write_text("still: hold\nup: {degree: flap, direction: +1}\ndown: {degree: flap, direction: -1}\n")
    found = intent_map("wing", ("up", "still", "down"))
    assert (found.axes, found.rest) == (("flap",), 1)
    assert found.directions[:, 0].tolist() == [1.0, 0.0, -1.0]
    assert "wing" in limb_names()


def test_a_data_set_may_add_labels_and_may_not_change_any(wing: Path) -> None:
    wing.write_text("up: {degree: flap, direction: 1}\n")
    register_intents("wing", {"down": Intent("flap", -1)})
    register_intents("wing", {"down": Intent("flap", -1)})
    assert intent_map("wing", ("up", "down")).directions[:, 0].tolist() == [1.0, -1.0]
    for other in ({"down": Intent("flap", 1)}, {"up": Intent("flap", -1)}):
        with pytest.raises(NeuroMotionError, match="already mean something else"):
            register_intents("wing", other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("up: {degree: flap, direction: 2}", r"label 'up'.*\+1"),
        ("up: {degree: flap, direction: true}", "label 'up'"),
        ("up: {degree: flap}", "label 'up'"),
        ("up: rest", "label 'up'"),
        ("- up", "table of labels"),
        ("up: {", "not YAML"),
    ],
)
def test_a_faulty_table_names_the_label_and_what_would_be_right(wing: Path, text: str, message: str) -> None:
    wing.write_text(text)
    with pytest.raises(NeuroMotionError, match=message):
        intent_table("wing")


def test_a_limb_without_a_table_says_which_file_is_missing(wing: Path) -> None:
    with pytest.raises(NeuroMotionError, match="intents.yaml is missing"):
        intent_table("wing")
    assert not wing.exists()


def test_a_limb_s_name_is_given_once(wing: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text("<mujoco/>", encoding="utf-8")
    register_limb("wing", limb_file("wing"))
    for name in ("wing", "arm"):
        with pytest.raises(NeuroMotionError, match="already is a limb"):
            register_limb(name, other)
    with pytest.raises(NeuroMotionError, match="No MJCF file"):
        register_limb("tail", tmp_path / "tail.xml")
    assert not wing.exists()


def test_other_usual_names_stand_beside_a_label_and_a_data_set_may_add_some(wing: Path) -> None:
    wing.write_text("up: {degree: flap, direction: 1, also: [rise]}\nstill: {hold: true, also: [Glide on]}\n")
    register_intents("wing", {"up": Intent("flap", 1), "down": Intent("flap", -1)}, {"up": ["climb"], "down": ["dive"]})
    assert intents.meanings("glide-on", "wing") == ("still",)
    assert [intents.meanings(name) for name in ("Rise", "climb", "dive")] == [("up",), ("up",), ("down",)]
    assert set(intent_table("wing")) == {"up", "still", "down"}


@pytest.mark.parametrize("also", ["rise", "[1]", "['-']"])
def test_other_names_are_a_list_of_names(wing: Path, also: str) -> None:
    wing.write_text(f"up: {{degree: flap, direction: 1, also: {also}}}\n")
    with pytest.raises(NeuroMotionError, match=r"label 'up': 'also' is a list"):
        intent_table("wing")


def test_an_unknown_label_comes_with_the_map_that_would_help() -> None:
    with pytest.raises(
        NeuroMotionError, match=r"labels=\{'lefthand': 'left_fist', 'left_hand': 'left_fist', 'xyz': '…'\}"
    ):
        intent_map("arm", ("lefthand", "left_hand", "xyz"))


def test_a_posture_and_a_muscle_need_no_label_for_the_opposite_direction(wing: Path) -> None:
    wing.write_text("up: {posture: spread, also: [climb]}\ndown: {muscle: pectoral}\nstill: hold\n", encoding="utf-8")
    found = intent_map("wing", ("still", "up", "down"))
    assert found.axes == ("spread", "pectoral")
    assert found.directions.tolist() == [[-1, 0], [1, 0], [0, 1]]
    assert found.rest == 0
    assert intents.meanings("Climb", "wing") == ("up",)


def test_a_limb_leaves_its_posture_for_another_one_and_for_rest_and_for_nothing_else(wing: Path) -> None:
    table = "up: {posture: spread}\nfold: {posture: folded}\nstill: hold\nflick: ignored\n"
    wing.write_text(f"{table}left: {{degree: turn, direction: -1}}\nright: {{degree: turn, direction: 1}}\n", "utf-8")
    found = intent_map("wing", ("left", "up", "flick", "still", "fold", "right"))
    assert found.axes == ("turn", "spread", "folded")
    assert found.exclusive == ("spread", "folded")
    assert found.directions.tolist() == [[-1, 0, 0], [0, 1, -1], [0, 0, 0], [0, -1, -1], [0, -1, 1], [1, 0, 0]]
    assert found.rest == 3
    assert intent_map("wing", ("left", "up", "flick", "fold", "right")).rest is None


def test_a_label_that_is_ignored_is_not_the_label_for_rest(wing: Path) -> None:
    wing.write_text("flick: ignored\nup: {posture: spread}\nstill: {hold: true, also: [calm]}\n", encoding="utf-8")
    assert intent_map("wing", ("flick", "up", "still")).rest == 2
    assert intent_map("wing", ("flick", "up")).rest is None


def test_a_further_table_takes_other_names_over_and_gives_labels_another_meaning(wing: Path) -> None:
    wing.write_text("up: {posture: spread, also: [climb]}\n", encoding="utf-8")
    wing.with_name("steer.yaml").write_text("up: {degree: height, direction: 1}\ndown: hold\n", encoding="utf-8")
    assert intent_table("wing", "steer") == {"up": Intent("height", 1), "down": intents.HOLD}
    assert intent_table("wing") == {"up": Intent("spread", 1, one_way=True, exclusive=True)}
    assert intents.meanings("climb", "wing", "steer") == ("up",)
    register_intents("wing", {"turn": Intent("height", -1)}, table="steer")
    assert "turn" in intent_table("wing", "steer")
    assert "turn" not in intent_table("wing")


def test_environments_for_labels_are_those_that_take_them() -> None:
    assert "NeuroHand-v0" not in intents.environments_for(["elbow_bend", "elbow_extend"])  # it ignores both
    assert "NeuroReach-v0" not in intents.environments_for(["neutral", "hand_open", "hand_close"])
    assert "NeuroArm-v0" not in intents.environments_for(["neutral", "hand_close"])  # one way only
    assert {"NeuroArm-v0", "NeuroHand-v0"} <= set(intents.environments_for(["neutral", "hand_open", "hand_close"]))


def test_environments_for_targets_are_those_whose_joints_follow_them() -> None:
    labels = ["neutral", "hand_open", "hand_close"]
    assert intents.environments_for(labels, ["index_mcp"]) == ["NeuroHand-v0"]
