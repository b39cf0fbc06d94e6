"""Networks and preparations of other packages, and the options of both."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")

import mock_data  # noqa: E402

from neuromotion_gym.decoders import check_decoder, load_decoder  # noqa: E402
from neuromotion_gym.decoders.recipe import Recipe  # noqa: E402
from neuromotion_gym.errors import NeuroMotionError  # noqa: E402
from neuromotion_gym.training import architectures, preparations  # noqa: E402
from neuromotion_gym.training.options import checked_options  # noqa: E402
from neuromotion_gym.training.train import train  # noqa: E402
from neuromotion_gym.training.windows import trials  # noqa: E402


def recipe(**sections) -> Recipe:
    content = copy.deepcopy(mock_data.RECIPE)
    for name, changes in sections.items():
        content[name].update(changes)
    return Recipe(**content)


def test_a_network_and_a_data_set_of_another_package_train(mock_band, tmp_path):
    folder = train(recipe(), tmp_path / "out", root=mock_band, progress=False)
    check_decoder(load_decoder(folder))
    assert "mock_means" in architectures.list_networks()
    assert "spatial_bands" in architectures.list_networks()


def test_a_preparation_of_another_package_makes_the_windows(mock_band, tmp_path, monkeypatch):
    monkeypatch.setattr(preparations, "_REGISTERED", {})
    shipped = preparations.list_preparations()
    assert "trials" in shipped
    given = []

    def training_windows(recipe, sessions, *, every: int = 1):
        given.append((every, [session.subject for session in sessions]))
        return trials.training_windows(recipe, sessions)

    preparations.register_preparation("of_another_package", training_windows)
    assert preparations.list_preparations() == sorted([*shipped, "of_another_package"])
    train(
        recipe(data={"preparation": "of_another_package", "options": {"every": 3}}),
        tmp_path / "out",
        root=mock_band,
        progress=False,
    )
    assert given == [(3, ["P1", "P2"])]
    with pytest.raises(NeuroMotionError, match="'of_another_package' has no option colour; its options: every"):
        train(
            recipe(data={"preparation": "of_another_package", "options": {"colour": 3}}),
            tmp_path / "out",
            root=mock_band,
            progress=False,
        )


@pytest.mark.parametrize(
    ("register", "taken"),
    [
        (architectures.register_network, "slow_bins"),
        (architectures.register_network, "mock_means"),
        (preparations.register_preparation, "trials"),
    ],
)
def test_a_name_is_given_once(mock_band, register, taken):
    with pytest.raises(NeuroMotionError, match=f"already is a .*{taken}"):
        register(taken, lambda spec: None)


def test_a_function_may_be_named_and_is_imported_when_it_is_used(mock_band, tmp_path):
    architectures.register_network("by_name", "mock_data:build")
    architectures.register_network("not_there", "no_such_module:build")
    folder = train(recipe(network={"name": "by_name"}), tmp_path / "out", root=mock_band, progress=False)
    assert (folder / "model.onnx").is_file()
    with pytest.raises(NeuroMotionError, match="the text .module:name., not by 3"):
        architectures.register_network("number", 3)


@pytest.mark.parametrize("where", ["network", "preparation"])
def test_an_error_in_foreign_code_keeps_its_traceback(mock_band, tmp_path, monkeypatch, where):
    def faulty(*arguments):
        return len(3)

    monkeypatch.setitem(architectures._REGISTERED, "faulty", faulty)
    monkeypatch.setattr(preparations, "_REGISTERED", {"faulty": faulty})
    wrong = (
        {"network": {"name": "faulty", "options": {}}} if where == "network" else {"data": {"preparation": "faulty"}}
    )
    with pytest.raises(TypeError) as caught:
        train(recipe(**wrong), tmp_path / "out", root=mock_band, progress=False)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "faulty"


def takes(
    spec,
    *,
    width: int,
    pair: tuple[float, float] = (0, 1),
    many: Sequence[str] = (),
    free=None,
    odd: Unknown = 0,  # noqa: F821 -- as if imported for the type checker alone
):
    """A function with options."""


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "needs the option width"),
        ({"width": 1, "spec": 2}, "no option spec; its options: width, pair, many, free, odd"),
        ({"width": "wide"}, "Option 'width' of It is 'wide'"),
        ({"width": 1, "pair": [1]}, "Option 'pair'"),
        ({"width": 1, "pair": [1, float("nan")]}, "Option 'pair'"),
        ({"width": 1, "many": 3}, "Option 'many'"),
    ],
)
def test_options_are_checked_against_the_signature(given, named):
    with pytest.raises(NeuroMotionError, match=named):
        checked_options(takes, given, "It", positional=1)


def test_options_are_given_as_annotated():
    found = checked_options(takes, {"width": 2, "pair": [1, 2], "free": {1}, "odd": "x"}, "It", positional=1)
    assert found == {"width": 2, "pair": (1.0, 2.0), "free": {1}, "odd": "x"}
