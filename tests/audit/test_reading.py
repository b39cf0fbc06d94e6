"""Materials from a decoder with its data set, and from recordings; people, labels and claim as its recipe says."""

from __future__ import annotations

import shutil

import pytest
import yaml

from neuromotion_gym.audit.reading import of_decoder, of_recordings
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionError


def test_a_decoder_is_audited_with_its_parts(small_armband):
    found = of_decoder("emg_armband", "test", root=small_armband)
    assert found.claim == "session"
    assert found.ring
    assert found.decoder is not None
    assert found.names == tuple(sorted({*found.decoder.spec.labels} - {"neutral"}))
    assert 0 < found.test.sum() < len(found.test)
    assert len(found.tested) < len(found.recordings)
    assert not set(found.sessions[found.test].tolist()) & set(found.sessions[~found.test].tolist())
    alone = of_decoder("emg_armband", "test", subjects=["Male1"], claim="subject", root=small_armband)
    assert alone.claim == "subject"
    assert set(alone.people[alone.test].tolist()) == {"Male1"}


def test_recordings_are_read_as_the_decoder_reads_them(band):
    found = of_recordings(band(), {"modality": "emg"}, decoder="emg_armband")
    assert found.decoder is not None
    assert found.ring
    assert not found.test.any()
    assert found.name == "emg_armband, recordings of P1"
    plain = of_recordings(band(), {"modality": "emg"}, rest_label="neutral")
    assert plain.decoder is None
    assert "neutral" not in plain.names


def test_a_decoder_of_an_unknown_data_set_needs_recordings(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text("utf-8"))
    recipe["decoder"]["dataset"] = "my_own"
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    with pytest.raises(NeuroMotionError, match="trained on 'my_own', which is no data set of the library"):
        of_decoder(folder)
