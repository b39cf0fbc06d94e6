from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import pytest

from neuromotion_gym.errors import NeuroMotionError

pytest.importorskip("lightning", reason="needs the extra train")

from neuromotion_gym.training.loggers import PACKAGES, logger_of

if TYPE_CHECKING:
    from pathlib import Path


def test_csv_has_a_folder_for_each_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path))
    for version in range(2):
        logger = logger_of("csv", "small")
        logger.log_metrics({"loss": 1.5 + version}, step=3)
        logger.save()
        with (tmp_path / "logs" / "small" / f"version_{version}" / "metrics.csv").open() as file:
            assert list(csv.DictReader(file)) == [{"loss": str(1.5 + version), "step": "3"}]
    assert logger_of("none", "small") is False


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_logger_whose_package_is_missing_says_so(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning.fabric.loggers import tensorboard
    from lightning.pytorch.loggers import wandb

    for module in {package.partition(".")[0] for package in (*sys.modules, "wandb", "tensorboard", "tensorboardX")}:
        if module in ("wandb", "tensorboard", "tensorboardX"):
            monkeypatch.setitem(sys.modules, module, None)
    for where, flags in (
        (tensorboard, ("_TENSORBOARD_AVAILABLE", "_TENSORBOARDX_AVAILABLE")),
        (wandb, ("_WANDB_AVAILABLE",)),
    ):
        for flag in flags:
            monkeypatch.setattr(where, flag, False, raising=False)
    with pytest.raises(NeuroMotionError, match=f"Logger '{name}' needs {PACKAGES[name]}: pip install {PACKAGES[name]}"):
        logger_of(name, "small", tmp_path)  # type: ignore[arg-type]


def test_unknown_loggers_are_refused() -> None:
    with pytest.raises(NeuroMotionError, match="there are csv, tensorboard, wandb, none"):
        logger_of("neptune", "small")  # type: ignore[arg-type]
