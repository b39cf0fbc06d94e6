"""My decoder, my recording: what does the limb do? One call gives the table with its bounds."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.benchmark import Answer, bench
from neuromotion_gym.benchmark.config import BenchmarkConfig, Cell, expand, load_config
from neuromotion_gym.benchmark.film import candidates
from neuromotion_gym.benchmark.plan import plan
from neuromotion_gym.benchmark.report import Line
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.datasets.fingerprints import fingerprints_of
from neuromotion_gym.decoders import DecoderSpec, ProbabilityDecoder
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import rendering_available
from neuromotion_gym.signals.readers import arrays
from neuromotion_gym.training.fitted_on import stated_beside, stated_fitted_on

QUICK = {"level": "easy", "episodes": 1, "film": False}


class Strongest:
    """Decodes the gesture whose electrode is strongest: right on the invented armband of the tests."""

    def __init__(self, labels: int) -> None:
        self.labels = labels

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        power = windows.std(axis=2)
        found = np.where(power.max(axis=1) < 6, 0, power[:, 1:].argmax(axis=1) + 1)
        return np.eye(self.labels)[np.minimum(found, self.labels - 1)]


def own_decoder() -> ProbabilityDecoder:
    spec = load_decoder("emg_armband").spec
    fields = {"modality": spec.modality, "labels": spec.labels, "channels": spec.channels, "unit": spec.unit}
    fields |= {"name": "strongest", "rate_hz": spec.rate_hz, "window": spec.window, "hop_s": spec.hop_s}
    return ProbabilityDecoder(Strongest(len(spec.labels)), DecoderSpec(**fields))


def of_recordings(decoder: object, path: str | None = None, **changes: object) -> BenchmarkConfig:
    """One cell that plays recordings of one's own."""
    grids = [{"decoders": [str(decoder)], "controllers": ["argmax"], "levels": ["easy"]}]
    return BenchmarkConfig(name="own", recordings={"path": path}, grids=grids, **changes)


def rows_of(folder):
    with (folder / "episodes.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_object_and_recordings_in_memory_give_the_table_with_its_bounds(band, tmp_path) -> None:
    recordings = [band(person, run=run) for person in ("P1", "P2", "P3") for run in ("1", "2")]
    answer = bench(own_decoder(), recordings, out=tmp_path, **{**QUICK, "episodes": 2})
    table = {row[0]: row for row in answer.table()}
    bounds = ("oracle", "open_loop", "shuffled", "blind")
    assert list(table) == ["strongest", *(f"{bound} (strongest)" for bound in bounds)]
    rates = {name: float(row[2]) for name, row in table.items()}
    assert rates["strongest"] >= 5 / 6
    assert rates["oracle (strongest)"] == 1.0
    assert rates["shuffled (strongest)"] <= 0.34
    rows = rows_of(tmp_path)
    assert {row["subject"] for row in rows} == {"P1", "P2", "P3"}
    assert {(row["source"], row["part"], row["recordings"]) for row in rows} == {("recordings", "", "6 recordings")}
    assert {row["fitted_on"] for row in rows if row["role"] in ("decoder", "shuffled")} == {"not known"}
    assert {row["split"] for row in rows} == {"not known"}
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "replayed trials of 6 recordings" in text
    assert "fitted on: not known" in text
    assert "that no decoder was trained on" not in text
    assert "Played: 6 recordings, recordings of your own" in repr(answer)


def test_an_object_of_another_library_under_other_names_of_gestures(band, tmp_path) -> None:
    spec = load_decoder("emg_armband").spec
    model = Strongest(len(spec.labels))
    new = {"neutral": "No Motion", "hand_close": "Fist"}
    model.classes_ = np.array([new.get(label, label) for label in spec.labels])
    facts = {name: getattr(spec, name) for name in ("modality", "channels", "unit", "rate_hz", "window", "hop_s")}
    recordings = [band(person) for person in ("P1", "P2")]
    answer = bench(model, recordings, decoder_facts=facts, out=tmp_path, **{**QUICK, "episodes": 2})
    table = {row[0]: float(row[2]) for row in answer.table()}
    assert table["Strongest"] >= 3 / 4
    assert table["oracle (Strongest)"] == 1.0
    about = json.loads((tmp_path / "cells.json").read_text(encoding="utf-8"))[0]["about"]
    assert about["decoder"] == "Strongest"


def test_an_object_that_was_trained_further_is_played_again(band, tmp_path) -> None:
    decoder, recordings = own_decoder(), [band("P1"), band("P2")]
    before = {row[0]: float(row[2]) for row in bench(decoder, recordings, out=tmp_path, **QUICK).table()}
    assert before["strongest"] == 1.0
    decoder.model.predict_proba = lambda windows: np.eye(7)[np.zeros(len(windows), int)]  # rest, whatever it reads
    after = {row[0]: float(row[2]) for row in bench(decoder, recordings, out=tmp_path, **QUICK).table()}
    assert after["strongest"] == 0.0


def test_a_folder_of_files_and_the_same_recordings_give_the_same_episodes(band, tmp_path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    recordings = [band("P1"), band("P2")]
    for number, one in enumerate(recordings):
        arrays.write(one, folder / f"{number}.npz")
    run_benchmark(of_recordings("emg_armband", path=str(folder)), tmp_path / "a", progress=False)
    run_benchmark(of_recordings("emg_armband"), tmp_path / "b", progress=False, recordings=recordings)
    first, second = rows_of(tmp_path / "a"), rows_of(tmp_path / "b")
    apart = ("cell", "recordings")
    strip = [{key: value for key, value in row.items() if key not in apart} for row in first]
    assert strip == [{key: value for key, value in row.items() if key not in apart} for row in second]
    assert {row["split"] for row in first} == {"subject"}  # people of one's own, none of them in its training
    assert "that no decoder was trained on" in (tmp_path / "a" / "report.md").read_text(encoding="utf-8")


def test_a_row_has_enough_episodes_however_many_sessions_there_are() -> None:
    cell = expand(config(row_episodes=60))[0]
    assert [cell.repetitions(sessions) for sessions in (1, 7, 30, 100)] == [60, 9, 2, 1]
    two = expand(config(row_episodes=60, seeds=(0, 1)))[0]
    assert two.repetitions(7) == 5
    assert expand(config(episodes=3))[0].repetitions(7) == 3


def test_controllers_that_share_the_people_share_the_episodes_of_a_row(monkeypatch) -> None:
    from neuromotion_gym.benchmark import plan as module
    from neuromotion_gym.benchmark.runner import _opened

    people = ("Female0", "Male0")
    groups = [("argmax", (person,), ()) for person in people]
    _, (alone,) = plan(config(row_episodes=4, subjects=people))
    monkeypatch.setattr(module, "controllers_of", lambda *_, **__: groups)
    digests = set()
    for row in (people, (*people, "Male1")):
        _, units = plan(config(row_episodes=4, subjects=row))
        digests |= {unit.digest for unit in units}
    assert len(digests) == 4  # another number of people in the row is another number of episodes for each
    _, units = plan(config(row_episodes=4, subjects=people))
    counts = []
    for unit in (alone, *units):
        loop, _, keys = _opened(unit, None, 1, 1)
        loop.close()
        counts.append(len(keys))
    assert counts == [4, 2, 2]


def test_recordings_are_read_again_for_a_decoder_with_other_labels_or_another_scale(band, monkeypatch) -> None:
    from neuromotion_gym.datasets.recorded import OwnRecordings

    read, times = OwnRecordings.read, []
    monkeypatch.setattr(OwnRecordings, "read", lambda *given, **more: times.append(1) or read(*given, **more))
    own = own_decoder().spec
    specs = [own, own.model_copy(update={"hop_s": 0.1}), own.model_copy(update={"scale": 8.0})]
    specs += [own.model_copy(update={"labels": own.labels[::-1]}), own.model_copy(update={"window": 80})]
    decoders = {f"d{index}": ProbabilityDecoder(Strongest(7), spec) for index, spec in enumerate(specs)}
    chosen = of_recordings("d0").model_dump()
    chosen["grids"][0]["decoders"] = tuple(decoders)
    plan(BenchmarkConfig(**chosen), decoders=decoders, recordings=band())
    assert len(times) == 4  # the second one differs in nothing that reading depends on


def config(**changes: object) -> BenchmarkConfig:
    grids = [{"decoders": ["emg_armband"], "controllers": ["argmax"], "levels": ["easy"]}]
    fields = {"name": "own", "source": "surrogate", "part": "tune", "subjects": ("Male0",), "grids": grids}
    return BenchmarkConfig(**{**fields, **changes})


def test_several_seeds_play_other_episodes_in_one_row(tmp_path) -> None:
    run_benchmark(config(seeds=(0, 3)), tmp_path / "both", progress=False)
    run_benchmark(config(seed=3), tmp_path / "one", progress=False)
    both, one = rows_of(tmp_path / "both"), rows_of(tmp_path / "one")
    assert [row["seed"] for row in both] == ["0", "3"]
    assert both[0]["goal"] != both[1]["goal"]
    assert (both[1]["goal"], both[1]["time_s"]) == (one[0]["goal"], one[0]["time_s"])


def test_fields_that_are_new_leave_the_digests_of_cells_as_they_were() -> None:
    cell = expand(config())[0]
    assert isinstance(cell, Cell)
    assert cell.digest() == "b4939be52b723481"  # of a cell as it was before they existed
    assert cell.digest() != cell.model_copy(update={"resample": True}).digest()
    assert cell.digest() != cell.model_copy(update={"seeds": (0, 1)}).digest()


def test_what_a_decoder_was_fitted_on_is_refused_found_or_stated(band, tmp_path) -> None:
    known, other = band("P1", seconds=2.0), band("P2", seconds=2.0)
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    record = FittedOn(
        dataset="user", people=("P1",), runs={"P1": ("1",)}, fingerprints=fingerprints_of([known]).to_json()
    )
    write_fitted_on(folder, record)
    with pytest.raises(NeuroMotionError, match=r"trained on what this benchmark plays \(P1: a/1\).*--allow-seen"):
        plan(of_recordings(folder), recordings=[known, other])
    allowed = of_recordings(folder, allow_seen=True)
    report = run_benchmark(allowed, tmp_path / "out", recordings=[known, other], progress=False)
    assert {(row["subject"], row["seen"]) for row in rows_of(tmp_path / "out")} == {("P1", "decoder"), ("P2", "")}
    assert "trained on what it plays: P1" in report.read_text(encoding="utf-8")
    # a foreign decoder: the recordings, a record, or a text say what it was fitted on
    (folder / "fitted_on.json").rename(tmp_path / "record.json")
    arrays.write(known, tmp_path / "known.npz")
    for stated in ("record.json", "known.npz"):
        with pytest.raises(NeuroMotionError, match=r"P1: a/1"):
            bench(folder, [known, other], fitted_on=str(tmp_path / stated), out=tmp_path / "out", **QUICK)
    told = of_recordings(folder, fitted_on={str(folder): "our pilot study"})
    text = run_benchmark(told, tmp_path / "text", recordings=other, progress=False).read_text(encoding="utf-8")
    assert "fitted on: our pilot study (as stated, not checked)" in text
    assert "that no decoder was trained on" not in text


@pytest.mark.parametrize("mistyped", ["traning/", "data/traning set", "traning.edf", "record.JSON"])
def test_a_mistyped_path_of_what_a_decoder_was_fitted_on_is_refused(mistyped) -> None:
    with pytest.raises(NeuroMotionError, match=f"{mistyped}.*no such file or folder"):
        stated_fitted_on(mistyped)


@pytest.mark.parametrize("text", ["our pilot study, 2.5 hours", "", "x" * 9999])
def test_a_text_of_what_a_decoder_was_fitted_on_stays_a_text(text, tmp_path) -> None:
    assert stated_fitted_on(text) == (None, text)
    assert stated_beside(tmp_path, text) == text


def test_what_a_file_says_that_a_decoder_was_fitted_on_is_relative_to_the_file(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    (tmp_path / "pilot").mkdir()
    grid = "{decoders: [a, b, c], controllers: [argmax], levels: [easy]}"
    file.write_text(f"name: mine\nfitted_on: {{a: pilot, b: ../r.json, c: a study}}\ngrids: [{grid}]\n")
    stated = {"a": str(tmp_path / "pilot"), "b": str(tmp_path / ".." / "r.json"), "c": "a study"}
    assert load_config(file).fitted_on == stated


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": "impossible"}, "no level 'impossible'"),
        ({"controller": "nothing"}, "Unknown controller 'nothing'"),
        ({"controller": {"name": "argmax", "options": {"votes": 3}}}, "no option 'votes'"),
        ({"controller": {"name": "bayes", "options": {"threshold": 7}}}, "Threshold and doubt"),
        ({"task_options": {"nonsense": 1}}, "nonsense"),
        ({"env": "Nowhere-v0"}, "Nowhere-v0"),
        ({"subjects": ["Nobody"]}, "no recordings of Nobody"),
        ({"reading": {"unit": "V"}}, "V"),
        ({"seeds": [1, 1]}, "seeds have to differ"),
        ({"seeds": 0}, "seeds is a number of seeds, 1 or more"),
        ({"seeds": None}, "seeds is a number of seeds, 1 or more"),
        ({"subjects": 5}, "subjects is a list of names of people"),
        ({"subjects": "P1"}, "subjects is a list of names of people"),
        ({"source": "replay"}, "do not apply to a recording"),
        ({"part": "tune"}, "do not apply to a recording"),
    ],
)
def test_everything_is_checked_before_anything_is_played(band, tmp_path, monkeypatch, changes, message) -> None:
    from neuromotion_gym.benchmark import runner

    monkeypatch.setattr(runner, "run_unit", None)
    with pytest.raises(NeuroMotionError, match=message):
        bench("emg_armband", band(), out=tmp_path, **{**QUICK, **changes})


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"controllers": ["argmax", {"name": "majority", "options": {"votes": "three"}}]}, "votes"),
        ({"conditions": [{}, {"perturbations": ["nothing"]}]}, "No perturbation is called 'nothing'"),
        ({"conditions": [{"perturbations": [{"name": "lost_channels", "options": {"x": 1}}]}]}, "does not take"),
        ({"decoders": ["emg_armband", "../emg_armband/nothing"]}, "nothing"),
        ({"controllers": ["argmax", "learned:nobody"]}, "nobody"),
        ({"controllers": [{"name": "learned:emg_standard_a_0", "options": {"x": 1}}]}, "no option 'x'"),
    ],
)
def test_the_last_cell_of_a_file_is_checked_before_the_first(grid, message) -> None:
    grids = [{"decoders": ["emg_armband"], "controllers": ["argmax"], "levels": ["easy"], **grid}]
    with pytest.raises(NeuroMotionError, match=message):
        plan(config(grids=grids))


def test_a_configuration_names_recordings_with_a_path_and_a_reading(band, tmp_path) -> None:
    arrays.write(band(), tmp_path / "mine.npz")
    file = tmp_path / "bench.yaml"
    text = "name: x\nrecordings: {path: mine.npz, reading: {resample: true}}\n"
    text += "grids:\n  - {decoders: [emg_armband], controllers: [argmax], levels: [easy]}\n"
    file.write_text(text, encoding="utf-8")
    chosen = load_config(file)
    assert (chosen.source, chosen.part, chosen.recordings.path) == ("recordings", "", str(tmp_path / "mine.npz"))
    _, (unit,) = plan(chosen)
    assert unit.playing.recordings.played == {"P1": ("a/1",)}
    for line in ("part: test", "folds: true", "source: replay"):
        file.write_text(f"{text}{line}\n", encoding="utf-8")
        with pytest.raises(NeuroMotionError, match="recordings"):
            load_config(file)


def test_a_perturbation_is_a_condition_of_its_own(tmp_path) -> None:
    every = [{"name": "lost_channels", "options": {"channels": [f"emg_{index}" for index in range(1, 9)]}}]
    grids = [
        {
            "decoders": ["emg_armband"],
            "controllers": ["argmax"],
            "levels": ["easy"],
            "conditions": [{}, {"perturbations": every}],
        }
    ]
    report = run_benchmark(config(grids=grids, subjects=(), episodes=1), tmp_path, progress=False)
    cells = json.loads((tmp_path / "cells.json").read_text())
    rows = rows_of(tmp_path)
    won = [np.mean([row["success"] == "True" for row in rows if row["cell"] == cell["cell"]]) for cell in cells]
    assert won[0] > 0.7
    assert won[1] < 0.3  # flat channels
    text = report.read_text(encoding="utf-8")
    assert text.count("## easy") == 2
    assert "perturbed: lost_channels (channels: ['emg_1'" in text


def episode(time_s: float, success: bool, wrong: bool = False) -> dict:
    return {"time_s": time_s, "success": success, "wrong_selection": wrong}


def test_a_median_success_and_a_typical_failure_are_filmed() -> None:
    episodes = [episode(9, True), episode(3, True), episode(5, True), episode(20, False), episode(4, False, True)]
    found = candidates(episodes)
    assert found["median"][0] == 2
    assert found["failed"] == [4, 3]
    assert candidates([episode(3, True)])["failed"] == []


@pytest.mark.skipif(not rendering_available(), reason="this machine cannot draw")
def test_the_videos_show_the_episodes_and_old_ones_are_removed(band, tmp_path, monkeypatch) -> None:
    from neuromotion_gym.benchmark import film

    monkeypatch.setattr(film, "PICTURES", 4)
    (tmp_path / "failed.mp4").write_bytes(b"an older run's")
    answer = bench(own_decoder(), band(), out=tmp_path, **{**QUICK, "film": True})
    assert list(answer.videos) == ["median"]
    assert answer.videos["median"].stat().st_size > 1000
    assert not (tmp_path / "failed.mp4").exists()


def test_a_decoder_that_names_no_data_set_drives_with_the_surrogate_that_it_can_read(tmp_path) -> None:
    answer = bench(own_decoder(), subjects=["Male0"], out=tmp_path, **QUICK)
    assert answer.lines[0].cell["about"]["dataset"] == "myo_armband"
    spec = own_decoder().spec.model_copy(update={"rate_hz": 1000.0})
    with pytest.raises(NeuroMotionError, match="none fits it.*--recording"):
        bench(ProbabilityDecoder(Strongest(7), spec), out=tmp_path, **QUICK)


def test_every_decoder_has_its_own_chance_and_its_own_data_set() -> None:
    def cell(decoder: str, dataset: str, chance: float) -> dict:
        about = {"dataset": dataset, "onset": "onset"}
        return {"decoder": decoder, "role": "control", "source": "replay", "part": "test", "about": about} | {
            "chance": chance
        }

    def said(*cells: dict) -> str:
        nothing = np.zeros(0)
        return Answer([Line(one, nothing, nothing, nothing, ()) for one in cells], Path()).sentences()[0]

    one = said(cell("a", "walks", 0.25), cell("b", "walks", 0.25))
    assert one.count("walks") == 1
    assert one.endswith("Chance 0.25.")
    two = said(cell("a", "walks", 0.25), cell("b", "runs", 1 / 3))
    assert "recorded trials of walks" in two
    assert "recorded trials of runs" in two
    assert two.endswith("Chance 0.25 (a), 0.333 (b).")


def test_a_bound_is_no_decoder_to_be_named(tmp_path) -> None:
    with pytest.raises(NeuroMotionError, match="its bounds are played, too"):
        bench("oracle:emg_armband", out=tmp_path)
    with pytest.raises(NeuroMotionError, match="there is no recording"):
        bench("emg_armband", reading={"unit": "V"}, out=tmp_path)


def test_a_map_of_labels_holds_for_an_object_with_a_specification_too(tmp_path) -> None:
    with pytest.raises(NeuroMotionError, match="has 'nothing', but the names are"):
        bench(own_decoder(), decoder_facts={"labels": {"nothing": "rest"}}, out=tmp_path, **QUICK)
    with pytest.raises(NeuroMotionError, match="unit cannot be said again"):
        bench(own_decoder(), decoder_facts={"unit": "V"}, out=tmp_path, **QUICK)
    with pytest.raises(NeuroMotionError, match="has 'nothing', but the names are"):
        bench([own_decoder()] * 2, decoder_facts={"labels": {"nothing": "rest"}, "unit": "V"}, out=tmp_path, **QUICK)


@pytest.mark.parametrize("name", ["oracle", "open_loop", "shuffled", "blind"])
def test_a_decoder_that_is_called_as_a_bound_is_refused(tmp_path, name) -> None:
    spec = own_decoder().spec.model_copy(update={"name": name})
    with pytest.raises(NeuroMotionError, match=f"cannot be called '{name}'"):
        bench(ProbabilityDecoder(Strongest(len(spec.labels)), spec), out=tmp_path, **QUICK)
