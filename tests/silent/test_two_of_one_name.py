"""A folder or file in the working directory that is called as an installed decoder is told apart, never mixed up."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest
import yaml

from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionWarning

NAME = "emg_armband"


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """A folder of the same name in the working directory, with a hop of its own."""
    folder = shutil.copytree(decoder_folder(NAME), tmp_path / NAME)
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    recipe["decoder"]["hop_s"] = 0.35
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_separator_or_a_path_means_the_folder(mine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for way in (f"./{NAME}", Path(NAME), mine, str(mine), f"{NAME}/"):
            assert load_decoder(way).spec.hop_s == 0.35


def test_the_bare_name_means_the_installed_one_and_warns(mine):
    with pytest.warns(NeuroMotionWarning, match=rf"a folder in the working directory.*'\./{NAME}'"):
        assert load_decoder(NAME).spec.hop_s == 0.05
    shutil.rmtree(mine)
    mine.write_text("a file")
    with pytest.warns(NeuroMotionWarning, match="a file in the working directory"):
        load_decoder(NAME)
    mine.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_decoder(NAME)
