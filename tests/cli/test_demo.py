"""The demo: what it plays, what it says, and that it ends well without a way to draw."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from typing import get_args

import pytest

from neuromotion_gym import ENVIRONMENTS
from neuromotion_gym.benchmark import film
from neuromotion_gym.cli import demo_episodes as demo
from neuromotion_gym.cli import main as cli
from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.decoders.bounds import BoundKind
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import rendering_available


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["neuromotion", *arguments])
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def test_both_kinds_of_signal_are_shown_with_every_bound():
    rows = demo.entries()
    shown = {row.show: load_decoder(row.show).spec for row in rows}
    assert tuple(shown) == ENVIRONMENTS["NeuroArm-v0"].shown
    assert {spec.modality for spec in shown.values()} == {"emg", "eeg"}
    for name, spec in shown.items():
        assert not spec.control
        roles = {row.role for row in rows if row.show == name}
        assert roles == {"decoder", *get_args(BoundKind)} | ({"control"} if spec.modality == "eeg" else set())


def test_one_decoder_alone_is_shown_when_it_is_named():
    assert {row.show for row in demo.entries("emg_armband")} == {"emg_armband"}


def test_unknown_decoder_is_refused():
    with pytest.raises(NeuroMotionError, match="mind_reader"):
        demo.entries("mind_reader")


def test_rows_play_the_same_people_and_goals():
    decoder, oracle, *_ = demo.entries("emg_armband")
    first, second = (demo.play(row, "surrogate", 4, seed=3) for row in (decoder, oracle))
    assert [(e["subject"], e["goal"]) for e in first.episodes] == [(e["subject"], e["goal"]) for e in second.episodes]
    assert second.success.mean == 1.0
    assert first.people == len({e["subject"] for e in first.episodes}) == 4
    assert first.about["part"] == "test"


def test_another_seed_has_other_goals():
    blind = next(entry for entry in demo.entries("emg_armband") if entry.role == "blind")
    goals = [[e["goal"] for e in demo.play(blind, "surrogate", 4, seed).episodes] for seed in (0, 1)]
    assert goals[0] != goals[1]


def test_one_episode_without_a_way_to_draw_ends_with_a_table_without_nan(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("neuromotion_gym.rendering.why_not", lambda: "libEGL.so.1 is not installed; install libegl1")
    out = tmp_path / "run[/]"  # looks like markup
    assert run(monkeypatch, "demo", "--decoder", "emg_armband", "--episodes", "1", "--out", str(out)) == 0
    said = capsys.readouterr().out
    assert "oracle" in said
    assert "1 episode of 1 person, too few for an interval" in said
    assert "libegl1" in said
    assert f"Episodes: {out / 'episodes.csv'}" in said
    assert not list(out.glob("*.mp4"))
    written = (out / "episodes.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(written.splitlines()))
    assert [row["role"] for row in rows] == ["decoder", "oracle", "open_loop", "shuffled", "blind"]
    assert "nan" not in (said + written).lower()


@pytest.mark.slow
@pytest.mark.skipif(not rendering_available(), reason="no OpenGL back end on this machine")
def test_film_has_the_length_of_its_episode(tmp_path):
    import imageio_ffmpeg

    oracle, times_as_fast = demo.entries("emg_armband")[1], 4
    fast = replace(oracle, setting=replace(oracle.setting, film=times_as_fast))
    demo.record([fast], "surrogate", 0, tmp_path / "rollout.mp4")
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "rollout.mp4"))
    (episode,) = demo.play(oracle, "surrogate", 1, 0).episodes
    assert frames == pytest.approx((episode["time_s"] / times_as_fast + film.LINGER_S) * 20, abs=1)
    assert seconds == pytest.approx(frames / 20, abs=0.1)
