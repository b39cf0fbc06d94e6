from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from test_tfrecord import records
from typer.testing import CliRunner

from neuromotion_gym.audit.reading import of_file
from neuromotion_gym.cli.main import app
from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.window_file import WindowSet, windows_of

if TYPE_CHECKING:
    from pathlib import Path

MUSCLES = ("RF", "BF", "VM", "ST")
RECIPE = {
    "decoder": {
        "name": "which",
        "modality": "emg",
        "dataset": "leg_uci_knee",
        "labels": list(MUSCLES),
        "channels": ["muscle"],
        "rate_hz": 1000,
        "unit": "mV",
        "window": 1000,
        "hop_s": 0.05,
        "output": "logits",
        "split": "subject",
        "licence": "not stated",
    },
    "data": {"stride_s": 1.0},
    "network": {"name": "burst_cnn"},
    "training": {"epochs": 1},
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the knee set: two bursts of each muscle in each recording."""
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "leg_uci_knee" / "N_TXT"
    folder.mkdir(parents=True)
    for person in (2, 4, 6, 8, 10):
        for place, run in enumerate(("mar", "pie", "sen")):
            samples = np.random.default_rng([person, place]).normal(size=(4000, 4))
            for start in (600, 2400):
                samples[start : start + 500] *= 10
            rows = "".join("\t".join(f"{value:.3f}" for value in row) + "\t0\n" for row in samples)
            (folder / f"{person}N{run}.txt").write_text("File\n\n" + rows)
    return tmp_path


def test_windows_of_a_recipe_are_those_of_its_people_and_muscles(root: Path) -> None:
    found = windows_of(Recipe(**RECIPE), "train", root=root, exclude=("N04",))
    assert found.windows.shape == (4 * 3 * 2 * 4, 1, 1000)
    assert found.counts() == {muscle: dict.fromkeys(("N02", "N06", "N08", "N10"), 6) for muscle in MUSCLES}
    for path in (root / "windows.npz", root / "windows.tfrecord"):
        found.save(path)
    material = of_file(root / "windows.npz")
    np.testing.assert_array_equal(np.stack(material.excerpts), found.windows)
    assert material.labels.tolist() == [MUSCLES[label] for label in found.labels]
    assert sorted(set(material.people.tolist())) == ["N02", "N06", "N08", "N10"]
    written = list(records((root / "windows.tfrecord").read_bytes()))
    assert len(written) == len(found.labels)
    for row in (0, -1):
        np.testing.assert_array_equal(written[row]["window"], found.windows[row, 0])
        assert written[row]["shape"] == [1, 1000]
        assert written[row]["label_name"] == MUSCLES[found.labels[row]].encode()
        assert (written[row]["label"], written[row]["trial"]) == ([found.labels[row]], [found.trials[row]])
        assert written[row]["person"] == str(found.people[row]).encode()


def test_the_command_says_how_many_there_are(root: Path) -> None:
    import yaml

    (root / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    out = root / "windows.npz"
    done = CliRunner().invoke(app, ["windows", str(root / "recipe.yaml"), "--out", str(out), "--data", str(root)])
    assert done.exit_code == 0, done.output
    assert "120 × 1 × 1000 windows, channels, samples" in done.output
    assert done.output.split("ST")[1].split()[:4] == ["30", "5", "6", "6"]
    refused = CliRunner().invoke(app, ["windows", str(root / "recipe.yaml"), "--out", "windows.csv"])
    assert "ends in .npz or .tfrecord, unlike 'windows.csv'" in str(refused.exception)


def test_a_set_of_wrong_shape_is_refused() -> None:
    spec = Recipe(**RECIPE).decoder
    n = len(MUSCLES)
    good = WindowSet(spec, np.zeros((n, 1, 1000), np.float32), np.arange(n), np.array(["N02"] * n), np.arange(n))
    with pytest.raises(NeuroMotionError, match=r"float64 of shape \(4, 1, 999\); float32 of shape \(4, 1, 1000\)"):
        replace(good, windows=np.zeros((n, 1, 999)))
    with pytest.raises(NeuroMotionError, match="No window of 'which' has the label ST"):
        replace(good, labels=np.zeros(n, int) + np.arange(n) % 3)
    with pytest.raises(NeuroMotionError, match="4 labels, 3 people and 4 trials"):
        replace(good, people=np.array(["N02"] * 3))
    broken = good.windows.copy()
    broken[1, 0, 3] = np.nan
    with pytest.raises(NeuroMotionError, match="1 windows of 'which' have values that are not finite"):
        replace(good, windows=broken)
