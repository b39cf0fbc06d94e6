"""Fixtures of small decoders and small data sets."""

import sys
from pathlib import Path

import pytest

for _folder in ("decoders", "training"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _folder))

from ring_decoders import ring  # noqa: E402
from small_decoders import head_folder, small_myo, tiny, tiny_folder  # noqa: E402

__all__ = ["head_folder", "mock_band", "ring", "small_myo", "tiny", "tiny_folder"]


@pytest.fixture
def mock_band(tmp_path, monkeypatch):
    """Root of the data set of `mock_data`. Data set and network are registered for one test; the cache is empty."""
    pytest.importorskip("torch", reason="needs the extra train")
    import mock_data

    from neuromotion_gym.datasets import registry
    from neuromotion_gym.training import architectures

    monkeypatch.setattr(registry, "_REGISTERED", {mock_data.NAME: mock_data.dataset(tmp_path)})
    monkeypatch.setattr(architectures, "_REGISTERED", {"mock_means": mock_data.build})
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path / "cache"))
    for person in mock_data.PEOPLE:
        mock_data.write_person(tmp_path / "data", person)
    return tmp_path / "data"
