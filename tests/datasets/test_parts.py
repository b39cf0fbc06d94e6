from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.parts import read_parts
from neuromotion_gym.errors import NeuroMotionError

DATASETS = registry.dataset_names()


def _people(numbers) -> set[str]:
    return {f"S{number:03d}" for number in numbers}


def test_eegmmidb_parts_are_those_agreed_on() -> None:
    table = registry.dataset("eegmmidb").table
    assert set(table.runs("test", "imagined")) == _people([*range(1, 6), *range(36, 46)])
    assert set(table.runs("tune", "imagined")) == _people(range(31, 36))
    assert set(table.runs("train", "imagined")) == _people([*range(6, 31), *range(46, 80)])
    assert set(table.runs("all", "imagined")) == _people(range(1, 80))
    assert table.runs("test", "imagined")["S001"] == ("8", "12")
    assert table.runs("train", "imagined")["S006"] == ("4", "8", "12")
    assert table.runs("test", "real") == dict.fromkeys(sorted(_people(range(1, 6))), ("7", "11"))
    assert table.kind("imagined").calibration == ("4",)
    assert table.kind("real").calibration == ("3",)
    with pytest.raises(NeuroMotionError, match="'tune' of eegmmidb has no sessions of kind 'real'"):
        table.runs("tune", "real")


def test_myo_armband_parts_are_those_agreed_on() -> None:
    table = registry.dataset("myo_armband").table
    known = {"Female0", "Female1", *(f"Male{i}" for i in range(6))}
    assert table.runs("train") == dict.fromkeys(sorted(known), ("training0",))
    assert table.runs("tune") == dict.fromkeys(sorted(known), ("Test0",))
    test = table.runs("test")
    assert {person: runs for person, runs in test.items() if person in known} == dict.fromkeys(known, ("Test1",))
    assert table.unseen == ("Male6", "Male7")
    assert test["Male6"] == test["Male7"] == ("Test0", "Test1")


def test_leg_parts_are_those_agreed_on() -> None:
    table = registry.dataset("leg_isometric_elderly").table
    both = ("first", "second")
    assert table.runs("test") == {"ID03-04": both, "ID11-12": both, "ID19": ("first",), "ID26-27": both}
    assert table.runs("tune") == {"ID07-08": both, "ID15-16": both, "ID22-23": both, "ID30": ("first",)}
    assert len(table.runs("train")) == 8


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_run_of_a_person_is_in_two_parts(dataset: str) -> None:
    table = registry.dataset(dataset).table
    for kind in table.kinds:
        seen: set[tuple[str, str]] = set()
        for part in ("train", "tune", "test"):
            try:
                runs = {(person, run) for person, names in table.runs(part, kind).items() for run in names}
            except NeuroMotionError:
                continue
            assert not seen & runs
            seen |= runs


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("part", ["tune", "test", "all"])
def test_calibration_runs_are_never_played(dataset: str, part: str) -> None:
    table = registry.dataset(dataset).table
    kind = next(iter(table.kinds))
    assert not {run for runs in table.runs(part, kind).values() for run in runs} & set(table.kind(kind).calibration)


@pytest.mark.parametrize(
    ("dataset", "sizes"),
    [("eegmmidb", [16, 16, 16, 16, 15]), ("leg_isometric_elderly", [1] * 16), ("myo_armband", [1] * 10)],
)
def test_folds_hold_out_everybody_once(dataset: str, sizes: list[int]) -> None:
    table = registry.dataset(dataset).table
    assert [len(fold) for fold in table.folds] == sizes
    assert sorted(person for fold in table.folds for person in fold) == list(table.people)


def test_eegmmidb_folds_are_the_draw_that_the_file_names() -> None:
    drawn = np.array_split(np.random.default_rng(79).permutation(np.arange(1, 80)), 5)
    assert [list(fold) for fold in registry.dataset("eegmmidb").table.folds] == [
        sorted(_people(fold)) for fold in drawn
    ]


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(NeuroMotionError, match=f"Data sets: {', '.join(DATASETS)}"):
        registry.dataset("other")
    with pytest.raises(NeuroMotionError, match="parts: train, tune, test, all"):
        registry.dataset("eegmmidb").table.runs("dev", "imagined")
    with pytest.raises(NeuroMotionError, match="kinds: imagined, real"):
        registry.dataset("eegmmidb").table.kind("dreamt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("3", "no table of parts"),
        ("dataset: x", "no table of parts"),
        ("\udc80", "not UTF-8 text"),
    ],
)
def test_broken_tables_are_refused(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(NeuroMotionError, match=message):
        read_parts(path)
    with pytest.raises(NeuroMotionError, match="No table of parts can be read"):
        read_parts(tmp_path / "missing.yaml")


def test_folds_that_forget_somebody_are_refused(tmp_path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(registry.dataset("myo_armband").table.model_copy(update={"folds": (("Male0",),)}).model_dump_json())
    with pytest.raises(NeuroMotionError, match="each of the 10 people once"):
        read_parts(path)
