"""From a YAML file to a report, on the shipped generators: no data set is needed."""

import csv
import json
import multiprocessing
import shutil

import numpy as np
import pytest

from neuromotion_gym.benchmark import runner
from neuromotion_gym.benchmark.config import BenchmarkConfig, expand, load_config
from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.benchmark.plan import plan
from neuromotion_gym.benchmark.report import (
    HEADER,
    Line,
    _title,
    bars,
    offline_accuracy,
    read_lines,
    report_text,
    scatters,
    share_closed,
    tables,
    write_report,
)
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.resources import DATA_VARIABLE

PEOPLE = ("Female0", "Male0")


def config(controllers=("argmax",), **changes):
    fields = {
        "name": "small",
        "source": "surrogate",
        "part": "tune",
        "subjects": PEOPLE,
        "episodes": 2,
        "grids": [
            {
                "decoders": ["emg_armband", "oracle:emg_armband", "shuffled:emg_armband"],
                "controllers": controllers,
                "levels": ["easy"],
            },
            {"decoders": ["blind:emg_armband"], "controllers": ["blind"], "levels": ["easy"]},
        ],
    }
    return BenchmarkConfig(**{**fields, **changes})


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    report = run_benchmark(config(), folder, progress=False)
    return folder, report


def rows_of(folder):
    with (folder / "episodes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_episode_is_a_row_with_all_that_it_rests_on(results):
    folder, _ = results
    rows = rows_of(folder)
    assert len(rows) == 4 * 2 * 2
    for row in rows:
        assert row["subject"] in PEOPLE
        assert row["source"] == "surrogate"
        assert row["part"] == "tune"
        assert row["split"] == "session"
        assert row["success"] in ("True", "False")
        assert not (row["success"] == row["wrong_selection"] == "True")
        assert float(row["time_s"]) > 0
        assert int(row["trials"]) >= 1


def test_common_random_numbers(results):
    """Episode k of a person has the same goal whoever decodes and whoever drives."""
    goals = {}
    for row in rows_of(results[0]):
        goals.setdefault((row["subject"], row["session"], row["repetition"]), set()).add(row["goal"])
    assert len(goals) == 4
    assert all(len(found) == 1 for found in goals.values())
    assert len({next(iter(found)) for found in goals.values()}) > 1


def test_the_report_has_every_bound_and_says_what_it_rests_on(results):
    text = results[1].read_text(encoding="utf-8")
    for part in ("oracle (emg_armband)", "shuffled (emg_armband)", "blind (emg_armband)", "Split: session", "easy"):
        assert part in text
    assert "distinct trials" in text
    assert results[1].with_suffix(".html").read_text(encoding="utf-8").count("<tr>") == text.count("\n| ") - 1


def test_what_is_finished_is_not_run_again(results, monkeypatch, capsys):
    folder, _ = results
    before = (folder / "episodes.csv").read_bytes()
    from neuromotion_gym.benchmark import runner

    ran = []
    once = runner.run_unit
    monkeypatch.setattr(runner, "run_unit", lambda unit, *rest: ran.append(unit.digest) or once(unit, *rest))
    run_benchmark(config(), folder, progress=False)
    assert ran == []
    assert (folder / "episodes.csv").read_bytes() == before
    finished = sorted((folder / "cells").iterdir())
    finished[0].unlink()
    run_benchmark(config(), folder, progress=True)
    assert len(ran) == 1
    assert f"{len(finished)}/{len(finished)}" in capsys.readouterr().out
    assert (folder / "episodes.csv").read_bytes() == before


def test_cells_are_keyed_by_all_that_can_move_a_figure():
    digests = {cell.digest() for cell in expand(config())}
    assert len(digests) == 4
    ignore = {"task_options": {"wrong_selection": "ignore"}}
    for change in ({"seed": 1}, {"episodes": 3}, {"part": "test"}, ignore, {"subjects": ()}):
        assert not digests & {cell.digest() for cell in expand(config(**change))}
    optioned = config(controllers=({"name": "argmax"}, {"name": "majority", "options": {"votes": 3}}))
    assert len(expand(optioned)) == 7
    assert digests < {cell.digest() for cell in expand(optioned)}


def test_the_size_of_the_batch_changes_no_episode():
    found = []
    for rows in (1, 3, 6):
        parts = assemble("NeuroArm-v0", decoder="oracle:emg_armband", source="surrogate", level="easy", subjects=PEOPLE)
        loop = ClosedLoop(parts, rows)
        keys = episode_keys(parts.source.sessions, 2)
        episodes, trials = play(loop, make_controller("argmax", loop.layout), keys, seed=3)
        loop.close()
        found.append((json.dumps(episodes), trials))
    assert found[0] == found[1] == found[2]


def test_an_episode_does_not_depend_on_who_else_plays():
    alone = episode_keys((("Male0", "Test0"),), 1)[0]
    among = episode_keys((("Female0", "Test0"), ("Male0", "Test0")), 1)[1]
    assert alone.generator(5).random() == among.generator(5).random()
    assert alone.generator(5).random() != alone.generator(6).random()


def line(role, controller, successes, decoder="a"):
    cell = {"role": role, "controller": controller, "decoder": decoder, "level": "easy"}
    cell |= {"ocular": "keep", "skip_cue": 0.0, "goals": 8, "chance": 0.5, "distinct_trials": 3}
    success = np.arange(10) < successes
    return Line(cell, success, ~success, np.ones(10), [f"p{index % 5}" for index in range(10)])


def test_share_of_the_distance_that_is_closed():
    lines = [
        line("decoder", "argmax", 7),
        line("decoder", "bayes", 9),
        line("oracle", "argmax", 10),
        line("shuffled", "argmax", 4),
        line("shuffled", "bayes", 5),
        line("decoder", "argmax", 7, decoder="b"),
    ]
    assert share_closed(lines[0], lines) == pytest.approx(0.5)
    assert share_closed(lines[1], lines) == pytest.approx(0.8)  # its own shuffled, argmax's oracle
    assert np.isnan(share_closed(lines[5], lines))


def test_pictures_have_the_bounds_of_the_decoder_that_they_show():
    lines = [
        line("decoder", "bayes", 9),
        line("oracle", "argmax", 8),
        line("oracle", "bayes", 10),
        line("shuffled", "argmax", 4),
        line("blind", "blind", 5),
        line("blind", "PPO, blind", 6),
        line("oracle", "bayes", 1, decoder="b"),
    ]
    (bar,) = bars(lines)
    assert bar.bounds == pytest.approx({"oracle": 1.0, "shuffled": 0.4, "blind": 0.5, "chance": 0.5})
    assert (bar.decoder, bar.controller, bar.control) == ("a", "bayes", False)
    assert bar.success.mean == pytest.approx(0.9)
    assert bar.rates.tolist() == [1.0, 1.0, 1.0, 1.0, 0.5]
    assert bar.person_times_s.tolist() == [1.0] * 5
    assert bar.oracle_time_s == 1.0


def test_yaml_is_read_and_checked(tmp_path):
    path = tmp_path / "bench.yaml"
    path.write_text(
        "name: x\ngrids:\n  - {decoders: [emg_armband], controllers: [argmax, {name: majority, options: {votes: 3}}], "
        "levels: [hard], conditions: [{ocular: regress, skip_cue: 2}]}\n"
    )
    cells = expand(load_config(path))
    assert [cell.controller.options for cell in cells] == [{}, {"votes": 3}]
    assert {(cell.ocular, cell.skip_cue, cell.level) for cell in cells} == {("regress", 2.0, "hard")}
    for text, message in (
        ("name: x\n", "grids"),
        ("name: x\ngrid: []\n", "grid"),
        ("name: x\ngrids:\n  - {decoders: [a], controllers: [b], levels: []}\n", "levels"),
        ("[", "bench.yaml"),
    ):
        path.write_text(text)
        with pytest.raises(NeuroMotionError, match=message):
            load_config(path)
    with pytest.raises(NeuroMotionError, match="No benchmark can be read"):
        load_config(tmp_path / "none.yaml")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(NeuroMotionError, match="holds no results"):
        read_lines(tmp_path)


def test_a_folder_whose_table_lacks_the_episodes_of_a_cell_is_refused(tmp_path):
    (tmp_path / "cells.json").write_text('[{"cell": "a"}, {"cell": "b"}]')
    (tmp_path / "episodes.csv").write_text("cell,success,wrong_selection,time_s,subject\na,True,False,1.0,S001\n")
    with pytest.raises(NeuroMotionError, match="no episodes of b"):
        read_lines(tmp_path)


def test_committed_benchmarks_are_valid():
    from pathlib import Path

    files = sorted((Path(__file__).resolve().parents[2] / "benchmarks").glob("*.yaml"))
    assert files
    for path in files:
        assert load_config(path).name == path.stem
        assert expand(load_config(path))


@pytest.mark.parametrize(
    ("changes", "unseen"),
    [({}, True), ({"fitted_on": "not known"}, False), ({"seen_by_decoder": ["S001"]}, False), ({"source": "x"}, False)],
)
def test_trials_are_called_unseen_only_if_they_are_for_every_decoder(changes, unseen):
    clean = {"about": {"onset": "onset"}, "people_unseen": "all", "split": "people", "source": "replay"}
    clean |= {"fitted_on": "others", "seen_by_decoder": [], "seen_by_controller": []}
    lines = [line("decoder", "argmax", 5), line("oracle", "argmax", 9), line("decoder", "argmax", 5, "b")]
    for one in lines:
        one.cell.update(clean)
    lines[1].cell["fitted_on"] = "not known"  # an oracle reads no signals
    lines[0 if "source" in changes else 2].cell.update(changes)
    text = " ".join(report_text(lines, config())[1])
    assert ("replayed trials that no decoder was trained on" in text) is unseen
    assert ("generated trials" in text) is ("source" in changes)


@pytest.mark.parametrize(
    ("dataset", "ocular", "skip_cue", "words"),
    [
        ("eegmmidb", "keep", 0.0, ["as recorded"]),
        ("eegmmidb", "regress", 2.0, ["ocular channels regressed out, 2 s after the cue left out"]),
        ("myo_armband", "keep", 0.0, []),  # it has no ocular channels
        (None, "keep", 0.0, []),  # a source of one's own
    ],
)
def test_the_title_of_a_table_says_under_what_conditions(dataset, ocular, skip_cue, words):
    one = line("decoder", "argmax", 5)
    one.cell.update(about={"dataset": dataset}, ocular=ocular, skip_cue=skip_cue, goals=8)
    one.cell.update(layout={"time_limit_s": 20.0, "dwell_s": 1.0, "lag_s": 0.4}, task_options={"discount": 0.9})
    assert _title([one]).split("; ") == [
        "easy: 8 goals, chance 0.500", *words, "20 s at most, dwell 1 s, lag 0.40 s", "discount: 0.9",
    ]  # fmt: skip
    one.cell["goals"] = 0
    assert _title([one]).startswith("easy: a continuum of goals")


def test_no_decoder_speaks_for_another_in_the_title_of_a_table():
    lines = [line("decoder", "argmax", 5, name) for name in "abc"]
    for one, (goals, chance, limit, lag) in zip(
        lines, [(8, 0.125, 20.0, 0.4), (8, 0.125, 24.0, 0.6), (4, 0.25, 20.0, 0.4)], strict=True
    ):
        layout = {"time_limit_s": limit, "dwell_s": 1.0, "lag_s": lag}
        one.cell.update(about={"dataset": None}, goals=goals, chance=chance, layout=layout, choices=None)
    assert [(title, [row[0] for row in rows]) for title, rows in tables(lines)] == [
        ("easy: 8 goals, chance 0.125; 20 to 24 s at most, dwell 1 s, lag 0.40 to 0.60 s", ["a", "b"]),
        ("easy: 4 goals, chance 0.250; 20 s at most, dwell 1 s, lag 0.40 s", ["c"]),
    ]


def test_offline_accuracy_is_ranked_against_task_success(monkeypatch):
    from neuromotion_gym.benchmark import report

    monkeypatch.setattr(report, "offline_accuracy", lambda name: {f"p{index}": 0.5 + index / 10 for index in range(5)})
    better = line("decoder", "argmax", 0)
    better.cell["folds"] = True
    ranked = Line(
        better.cell, np.arange(10) % 5 >= 3, better.wrong, better.time_s, [f"p{index % 5}" for index in range(10)]
    )
    rows = report.offline_rows([ranked, line("oracle", "argmax", 10)])
    assert [row[:3] for row in rows] == [("a", "argmax", "easy")]
    assert rows[0][-1] == "0.87"  # ranks 1..5 against two groups


def test_a_decoder_without_folds_has_no_offline_accuracy_to_rank():
    assert offline_accuracy("no_such_decoder") == {}


def test_a_decoder_is_set_against_the_control_that_played_the_same():
    from neuromotion_gym.benchmark.report import control_rows

    eyes = line("control", "argmax", 5, decoder="eyes")
    other = line("control", "bayes", 5, decoder="eyes")
    rows = control_rows([line("decoder", "argmax", 10), eyes, other, line("shuffled", "argmax", 4)])
    assert len(rows) == 1
    assert rows[0][0] == "a − eyes"
    assert rows[0][4].startswith("+0.50")


def test_offline_accuracy_of_a_shipped_decoder_is_one_figure_a_person():
    accuracy = offline_accuracy("emg_armband")
    assert len(accuracy) == 10
    assert all(0 < value < 1 for value in accuracy.values())


def test_accuracy_of_the_shipped_decoder_is_not_shown_for_another_of_its_name(results, tmp_path):
    people = list(offline_accuracy("emg_armband", "tune"))
    one = line("decoder", "argmax", 5, decoder="emg_armband")
    one.cell.update(folds=False, part="tune")
    shown = Line(one.cell, one.success, one.wrong, one.time_s, (people * 10)[:10])
    assert [panel.decoder for panel in scatters([shown])] == ["emg_armband"]
    one.cell["of_its_name"] = False
    assert scatters([shown]) == []
    assert {cell["of_its_name"] for cell in json.loads((results[0] / "cells.json").read_text())} == {True}
    shutil.copytree(decoder_folder("emg_armband"), tmp_path / "v2")
    _, (unit, *_) = plan(config(), decoders={"emg_armband": load_decoder(tmp_path / "v2")})
    assert not runner._is_of_its_name(unit)


def test_a_file_written_before_other_tasks_came_still_says_how_wrong_selections_count():
    old = config(wrong_selection="ignore")
    assert old.task_options == {"wrong_selection": "ignore"}
    assert {cell.digest() for cell in expand(old)} == {
        cell.digest() for cell in expand(config(task_options={"wrong_selection": "ignore"}))
    }


def test_playing_stands_in_rows_and_cells(results):
    folder, _ = results
    row = rows_of(folder)[0]
    assert (row["dataset"], row["subjects_played"], row["pacing"]) == ("myo_armband", "Female0 Male0", "sliding")
    assert row["labels"].split()[0] == "neutral"
    for cell in json.loads((folder / "cells.json").read_text()):
        assert cell["about"]["playing"] == cell["playing"][0]
        assert cell["playing"][0]["subjects"] == list(PEOPLE)
        assert len(cell["digest"]) == 16


def test_options_of_the_task_stand_in_rows_and_report(tmp_path):
    grids = [{"decoders": ["oracle:emg_armband"], "controllers": ["argmax"], "levels": ["easy"]}]
    chosen = config(grids=grids, episodes=1, task_options={"wrong_selection": "ignore"})
    text = run_benchmark(chosen, tmp_path, progress=False).read_text(encoding="utf-8")
    assert "wrong_selection: ignore" in text
    assert {(row["task_wrong_selection"], row["wrong_selection"]) for row in rows_of(tmp_path)} == {("ignore", "False")}


def test_a_damaged_result_is_run_again(results):
    folder, _ = results
    before = (folder / "episodes.csv").read_bytes()
    damaged = min((folder / "cells").iterdir())
    whole = json.loads(damaged.read_text(encoding="utf-8"))
    without = {key: value for key, value in whole.items() if key != "layout"}
    short = {**whole, "episodes": [{"subject": "a"}]}
    for content in ("", "{", "[]", '{"episodes": 3}', json.dumps(without), json.dumps(short)):
        damaged.write_text(content)
        with pytest.warns(NeuroMotionWarning, match=f"{damaged.name} is damaged; its episodes are played again"):
            run_benchmark(config(), folder, progress=False)
        assert (folder / "episodes.csv").read_bytes() == before


def test_results_are_not_written_over_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("neuromotion_gym.benchmark.runner.run_unit", lambda *_: pytest.fail("something was played"))
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(NeuroMotionError, match="taken is a file"):
        run_benchmark(config(), taken, progress=False)
    assert taken.read_text() == "mine"


def test_videos_of_an_earlier_run_are_not_shown_as_those_of_this_one(results):
    folder, _ = results
    for name in ("median.mp4", "failed.mp4"):
        (folder / name).write_bytes(b"another decoder")
    report = run_benchmark(config(), folder, progress=False)
    assert not list(folder.glob("*.mp4"))
    assert ".mp4" not in report.read_text(encoding="utf-8")


def test_several_jobs_give_the_rows_of_one(results, tmp_path):
    pytest.importorskip("joblib")
    run_benchmark(config(), tmp_path, progress=False, jobs=2)
    assert (tmp_path / "episodes.csv").read_bytes() == (results[0] / "episodes.csv").read_bytes()
    assert (tmp_path / "cells.json").read_bytes() == (results[0] / "cells.json").read_bytes()
    with pytest.raises(NeuroMotionError, match="one job or more"):
        run_benchmark(config(), tmp_path, progress=False, jobs=0)


def test_two_processes_may_write_the_same_report(results):
    folder, report = results
    before = report.read_bytes()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        written = pool.starmap_async(write_report, [(folder, config())] * 20)
        write_report(folder, config())
        assert written.get(timeout=300) == [report] * 20
    assert report.read_bytes() == before
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".") or path.suffix == ".part"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"part": "train"}, "myo_armband_train"),
        ({"part": "nowhere"}, "no part 'nowhere'; parts: train, tune, test"),
        ({"environment": "Nowhere-v0"}, "Nowhere-v0"),
        ({"subjects": ("Nobody",)}, "Nobody"),
        ({"folds": True, "source": "replay", "subjects": ("Nobody",)}, "No fold of myo_armband holds Nobody"),
    ],
)
def test_what_cannot_be_run_is_refused_before_the_first_cell(tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr(runner, "run_unit", None)
    with pytest.raises(NeuroMotionError, match=message):
        run_benchmark(config(**changes), tmp_path, progress=False)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"levels": ["easy", "impossible"]}, "no level 'impossible'; levels: easy"),
        ({"conditions": [{}, {"ocular": "regress"}]}, "no ocular channels"),
        ({"conditions": [{}, {"skip_cue": 2.0}]}, "no onset"),
        ({"decoders": ["emg_armband", "nothing"]}, "nothing"),
    ],
)
def test_the_last_cell_is_checked_before_the_first_is_run(tmp_path, monkeypatch, grid, message):
    monkeypatch.setattr(runner, "run_unit", None)
    grids = [{"decoders": ["emg_armband"], "controllers": ["argmax"], "levels": ["easy"], **grid}]
    with pytest.raises(NeuroMotionError, match=message):
        run_benchmark(config(grids=grids), tmp_path, progress=False)


EEG = {"source": "surrogate", "part": "tune", "subjects": ("S031", "S032"), "episodes": 2}


def eeg_grid(decoder, conditions):
    return [{"decoders": [str(decoder)], "controllers": ["argmax"], "levels": ["easy"], "conditions": conditions}]


def test_ocular_regression_changes_cells_and_episodes(tmp_path):
    grids = eeg_grid("eeg_fists", [{"ocular": "keep", "skip_cue": 2.0}, {"ocular": "regress", "skip_cue": 2.0}])
    run_benchmark(config(grids=grids, **EEG), tmp_path, progress=False)
    rows = {name: [row for row in rows_of(tmp_path) if row["ocular"] == name] for name in ("keep", "regress")}
    places = {name: [(row["goal"], row["place"], row["time_s"]) for row in found] for name, found in rows.items()}
    assert [goal for goal, _, _ in places["keep"]] == [goal for goal, _, _ in places["regress"]]
    assert places["keep"] != places["regress"]


def test_a_decoder_of_whole_trials_decodes_generated_trials(trial_paced, tmp_path, monkeypatch):
    decoded = []
    decode = OnnxDecoder.decode
    monkeypatch.setattr(
        OnnxDecoder,
        "decode",
        lambda self, windows, adaptation=None: decoded.append(len(windows)) or decode(self, windows, adaptation),
    )
    run_benchmark(config(grids=eeg_grid(trial_paced, [{}]), **EEG), tmp_path, progress=False)
    assert sum(decoded) > 10
    rows = rows_of(tmp_path)
    assert {(row["pacing"], row["epoch_s"], row["channels"]) for row in rows} == {("trial", "0 2", "3")}


def test_folds_end_to_end(small_armband, tmp_path, monkeypatch):
    """Each person is decoded by the decoder that was trained without them, here copies of a shipped one."""
    from neuromotion_gym.training import folds

    made = []

    def train_fold(recipe, fold, **_):
        folder = tmp_path / "folds" / "-".join(fold)
        if not folder.is_dir():
            shutil.copytree(decoder_folder("emg_armband"), folder)
            others = [person for person in registry.dataset("myo_armband").table.people if person not in fold]
            runs = dict.fromkeys(others, ("training0", "Test0", "Test1"))
            write_fitted_on(folder, FittedOn(dataset="myo_armband", people=tuple(others), runs=runs))
        made.append(fold)
        return folder

    monkeypatch.setattr(folds, "train_fold", train_fold)
    grids = [{"decoders": ["emg_armband"], "controllers": ["argmax"], "levels": ["easy"]}]
    facts = {"emg_armband": {"hop_s": 0.1}}  # of the decoders of folds, too
    chosen = config(source="replay", folds=True, episodes=1, grids=grids, decoder_facts=facts)
    report = run_benchmark(chosen, tmp_path / "out", data_root=small_armband, progress=False)
    (cell,) = json.loads((tmp_path / "out" / "cells.json").read_text(encoding="utf-8"))
    assert cell["layout"]["hop_s"] == 0.1
    assert made == [("Female0",), ("Male0",)]
    rows = rows_of(tmp_path / "out")
    assert [(row["subject"], row["subjects_played"], row["part"]) for row in rows[:1]] == [
        ("Female0", "Female0", "all")
    ]
    assert {row["subject"] for row in rows} == set(PEOPLE)
    assert {row["seen"] for row in rows} == {""}
    text = report.read_text(encoding="utf-8")
    assert "each person driven by the decoder of the fold that was trained without them" in text
    assert "replayed trials that no decoder was trained on" in text
    assert "emg_armband: fitted on: myo_armband, 9 people" in text


def test_a_rate_of_information_that_means_nothing_is_not_printed():
    plain = line("decoder", "argmax", 5)
    none = Line({**plain.cell, "choices": None}, plain.success, plain.wrong, plain.time_s, plain.people)
    from neuromotion_gym.benchmark.report import _rows

    column = HEADER.index("ITR, bit/min [95 %]")
    assert _rows("decoder", [none], [none])[0][column] == "–"
    assert _rows("decoder", [plain], [plain])[0][column] != "–"


def test_throughput_is_told_of_tests_of_speed_alone():
    from neuromotion_gym.benchmark.report import throughput_rows

    plain = line("decoder", "argmax", 5)
    spread = np.resize([-0.1, 0.1], 10)
    fast = Line(
        plain.cell,
        plain.success,
        plain.wrong,
        plain.time_s,
        plain.people,
        np.ones((10, 2)),
        np.stack([1.0 + spread, spread], axis=1),
    )
    bits = np.log2(1 / (4.133 * spread.std(ddof=1)) + 1)
    assert throughput_rows([plain, fast]) == [
        ("a", "argmax", "easy", f"{bits:.2f}", "1", "10", "pooled over 5 people"),
    ]


def test_throughput_is_a_mean_over_people_with_an_interval_where_each_has_enough_episodes():
    from neuromotion_gym.benchmark.figures import throughput_over_people
    from neuromotion_gym.benchmark.report import throughput_rows
    from neuromotion_gym.statistics import studentised_bootstrap_interval

    spread = np.concatenate([np.resize([-width, width], 10) for width in (0.05, 0.1, 0.2)])
    names = np.repeat(["p0", "p1", "p2"], 10)
    plain, same = line("decoder", "argmax", 5), np.ones((30, 2))
    fast = Line(plain.cell, spread > 0, spread < 0, np.ones(30), names, same, np.stack([1 + spread, spread], axis=1))
    each = [np.log2(1 / (4.133 * spread[names == name].std(ddof=1)) + 1) for name in ("p0", "p1", "p2")]
    wanted = studentised_bootstrap_interval(np.array(each), bounds=(0.0, np.inf))
    assert wanted.low < wanted.mean < wanted.high
    found = throughput_over_people(same, 1 + spread, spread, np.ones(30), names)
    assert found == pytest.approx(wanted)
    told = f"{wanted.mean:.2f} [{wanted.low:.2f}, {wanted.high:.2f}]"
    assert throughput_rows([fast]) == [("a", "argmax", "easy", told, "1", "30", "3")]
    few = slice(0, 29)
    assert throughput_over_people(same[few], 1 + spread[few], spread[few], np.ones(29), names[few]) is None
    one = slice(0, 10)
    assert throughput_over_people(same[one], 1 + spread[one], spread[one], np.ones(10), names[one]) is None


def test_a_report_says_how_episodes_of_the_task_end_and_which_rules_were_played(tmp_path):
    from neuromotion_gym.benchmark.report import ratio_rows, tables

    grids = [{"decoders": ["oracle:emg_armband"], "controllers": ["argmax"], "levels": ["easy"]}]
    chosen = config(environment="NeuroHand-v0", grids=grids)
    text = run_benchmark(chosen, tmp_path, progress=False).read_text(encoding="utf-8")
    assert "with the first wrong selection, or with the return to rest after the right selection." in text
    assert "first selection, right or wrong" not in text
    assert "best constant posture" not in text
    played = read_lines(tmp_path)
    assert "return_to_rest: True" in tables(played)[0][0]
    with (tmp_path / "episodes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    false, rest_s = (sum(float(row[name]) for row in rows) for name in ("false_activations", "rest_s"))
    assert rest_s > 0
    row = ("oracle (emg_armband)", "argmax", "easy", "false activations a minute of rest", f"{60 * false / rest_s:.2f}")
    assert ratio_rows(played)[0][:5] == row
    assert f"| {' | '.join(row)} |" in text
    other = Line({**played[0].cell, "rules": {"return_to_rest": False}}, *([None] * 4))
    assert other.key != played[0].key


def test_rows_name_decoders_by_themselves_and_bounds_with_the_decoder_that_they_bound():
    from neuromotion_gym.benchmark.report import _rows

    everything = [
        line(role, "argmax", 5) for role in ("decoder", "control", "oracle", "open_loop", "shuffled", "blind")
    ]
    rows = [_rows(one.cell["role"], [one], everything)[0] for one in everything]
    assert [row[0] for row in rows] == ["a", "a (control)", "oracle (a)", "open_loop (a)", "shuffled (a)", "blind (a)"]


def test_the_share_that_is_closed_is_given_for_decoders_and_not_for_bounds():
    from neuromotion_gym.benchmark.report import _rows

    column = HEADER.index("shuffled → oracle")
    bounds = [line("oracle", "argmax", 10), line("shuffled", "argmax", 4)]
    for role, share in (("decoder", "0.50"), ("control", "0.50"), ("oracle", "–"), ("blind", "–")):
        one = line(role, "argmax", 7)
        assert _rows(role, [one], [one, *bounds])[0][column] == share


def test_only_decoders_are_compared_with_the_reference_controller():
    from neuromotion_gym.benchmark.report import _rows

    column = next(index for index, name in enumerate(HEADER) if name.startswith("against"))
    for role, compared in (("decoder", True), ("control", True), ("oracle", False), ("shuffled", False)):
        pair = [line(role, "argmax", 5), line(role, "bayes", 9)]
        rows = _rows(role, pair, pair)
        assert rows[0][column] == "–"
        assert (rows[1][column] != "–") is compared


def test_an_interval_near_one_has_a_width_and_is_marked():
    from neuromotion_gym.benchmark.report import _rows

    perfect = line("decoder", "argmax", 10)
    cell = _rows("decoder", [perfect], [perfect])[0][HEADER.index("success [95 %]")]
    assert cell.startswith("1.00 [0.")
    assert cell.endswith(", 1.00]*")
    for successes, marked in ((4, False), (5, True)):  # with 5, all people are alike
        middle = line("decoder", "argmax", successes)
        shown = _rows("decoder", [middle], [middle])[0][HEADER.index("success [95 %]")]
        assert shown.endswith("*") is marked


def test_a_report_has_its_title_or_else_its_name_and_ends_with_its_notes():
    one = line("decoder", "argmax", 5)
    one.cell.update(about={"onset": "onset"}, people_unseen=[], split="people", source="surrogate", part="tune")
    one.cell.update(fitted_on="others", seen_by_decoder=[], seen_by_controller=[])
    assert report_text([one], config())[0] == "small"
    title, sentences = report_text([one], config(title="A title", notes="A note."))
    assert title == "A title"
    assert sentences[-1] == "A note."
    assert "a: fitted on: others." in sentences
    assert "generated trials" in sentences[0]
    assert "part 'tune'" in sentences[0]


def test_a_report_of_older_results_says_what_they_lack():
    there = [line(role, "argmax", 5, "emg_armband") for role in ("decoder", "oracle", "blind", "shuffled")]
    told = {"about": {"onset": "onset"}, "people_unseen": [], "split": "x", "source": "surrogate", "part": "tune"}
    for one in there:
        one.cell.update(told)
    assert "Not played" not in " ".join(report_text(there, config())[1])
    assert "Not played: shuffled:emg_armband (easy)." in " ".join(report_text(there[:3], config())[1])


def test_only_the_data_folder_that_is_given_is_read(small_armband, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    grids = [{"decoders": ["oracle:emg_armband"], "controllers": ["argmax"], "levels": ["easy"]}]
    chosen = config(source="replay", part="test", subjects=("Male0",), episodes=1, grids=grids)
    run_benchmark(chosen, tmp_path / "out", data_root=small_armband, progress=False)
    assert {row["subject"] for row in rows_of(tmp_path / "out")} == {"Male0"}
    with pytest.raises(NeuroMotionError, match="has no recordings of Male0"):
        run_benchmark(chosen, tmp_path / "again", progress=False)


def test_a_benchmark_runs_in_this_process_unless_it_is_told_otherwise(results, monkeypatch):
    asked, inner = [], runner.backend
    monkeypatch.setattr(runner, "backend", lambda jobs: asked.append(jobs) or inner(jobs))
    run_benchmark(config(), results[0], progress=False)
    run_benchmark(config(), results[0], progress=False, jobs=2)  # all is finished, so no process begins
    assert asked == [1, 2]
