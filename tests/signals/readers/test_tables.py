"""CSV and Parquet tables: channels, labels, times and people by column; repairs are counted, guesses refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Trial

SAYS = {"modality": "emg", "unit": "mV"}
SAMPLES = np.round(np.random.default_rng(0).standard_normal((3, 200)), 5)
LABELS = np.repeat(["rest", "fist", "rest", "open"], 50)
TRIALS = (Trial("rest", 0, 50), Trial("fist", 50, 100), Trial("rest", 100, 150), Trial("open", 150, 200))


def text(sep: str = ",", decimal: str = ".", header: str | None = "time,a,b,c,label", end: str = "\n") -> str:
    lines = [] if header is None else [header.replace(",", sep)]
    for row in range(200):
        numbers = [f"{row / 200:.3f}", *(f"{value:.5f}" for value in SAMPLES[:, row])]
        lines.append(sep.join([*(number.replace(".", decimal) for number in numbers), LABELS[row]]))
    return end.join(lines) + end


def read(path: Path, content: str | bytes, **reading):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_recordings(path, {**SAYS, **reading})


def test_a_table_with_time_and_labels_needs_unit_and_modality_only(tmp_path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = read(tmp_path / "one.csv", text())
    assert (found.spec.channels, found.spec.rate_hz, found.spec.unit) == (("a", "b", "c"), 200.0, "mV")
    assert found.trials == TRIALS
    assert np.array_equal(found.samples, SAMPLES.astype(np.float32))
    assert (found.subject, found.session, found.run) == ("0", "0", "one")


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        (text(sep=";", decimal=","), ["decimal commas are read as points (800)", "separated by semicolons (1)"]),
        (text(sep="\t", decimal=","), ["decimal commas are read as points (800)"]),
        ("\ufeff" + text(), ["a byte order mark is left out (1)"]),
        (("\ufeff" + text()).encode("utf-16-le"), ["a byte order mark is left out (1)"]),
        (text().replace("fist", "fi\0st\0"), ["NUL bytes are left out (100)"]),
        (text() + "1.0,2.0", ["the last row is cut and left out (1)"]),
        (text(header="time,a,b,c,label,µ").replace("rest\n", "rest,1\n").replace("fist\n", "fist,1\n").replace(
            "open\n", "open,2\n").encode("cp1252"), ["not UTF-8 and are read as cp1252 (1)"]),
    ],
    ids=["semicolons", "tabs", "mark", "utf-16", "nul", "cut", "cp1252"],
)  # fmt: skip
def test_repairs_are_counted_in_one_line_and_refused_when_strict(tmp_path, content, counts) -> None:
    with pytest.warns(NeuroMotionWarning) as caught:
        (found,) = read(tmp_path / "a.csv", content, columns={"samples": ["a", "b", "c"]})
    (said,) = [str(one.message) for one in caught]
    assert all(count in said for count in counts), said
    assert np.array_equal(found.samples, SAMPLES.astype(np.float32))
    assert found.trials == TRIALS
    with pytest.raises(NeuroMotionError, match="strict=True"):
        read(tmp_path / "a.csv", content, columns={"samples": ["a", "b", "c"]}, strict=True)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
def test_ends_of_lines_comments_and_quotes_are_no_faults(tmp_path, end) -> None:
    content = "%OpenBCI\n# gain 24\nsep=,\n" + text(end=end).replace("fist", '"fist"')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = read(tmp_path / "a.csv", content)
    assert found.trials == TRIALS
    assert np.array_equal(found.samples, SAMPLES.astype(np.float32))


def test_a_table_without_header_is_read_by_numbers(tmp_path) -> None:
    content = text(sep=" ", header=None)
    (found,) = read(
        tmp_path / "a.csv", content, columns={"label": "4", "time": "0"}, channels=["x", "y", "z"], labels={
            "rest": None, "fist": "grip", "open": "open"})  # fmt: skip
    assert found.spec.channels == ("x", "y", "z")
    assert [trial.label for trial in found.trials] == ["grip", "open"]
    with pytest.raises(NeuroMotionError, match=r"no header, and its 3 columns of samples \(1, 2, 3\) cannot be the 2"):
        read(tmp_path / "a.csv", content, columns={"label": "4", "time": "0"}, channels=["x", "y"])


def test_numbers_can_be_names_of_columns(tmp_path) -> None:
    for content in ("0,1,label\n5.5,7,x\n6.5,8,x\n", "label,1,2\nx,5.5,7\nx,6.5,8\n", "5.5,7,x\n6.5,8,x\n"):
        names = {"label": "label"} if "label" in content else {"label": "2"}
        (found,) = read(tmp_path / "a.csv", content, rate_hz=10, columns=names)
        assert found.samples.tolist() == [[5.5, 6.5], [7, 8]]
        assert found.trials == (Trial("x", 0, 2),)


def test_codes_are_names_without_decimal_points_and_empty_cells_are_no_trial(tmp_path) -> None:
    rows = "".join(
        f"{value},{label}\n" for value, label in zip(range(6), ["1.0", "1.0", "", "", "2", "nan"], strict=True)
    )
    (found,) = read(tmp_path / "a.csv", "a,label\n" + rows, rate_hz=10, labels={1: "one", 2: "two"})
    assert found.trials == (Trial("one", 0, 2), Trial("two", 4, 5))


def test_columns_say_whose_rows_they_are(tmp_path) -> None:
    people = np.repeat(["A", "B", "A"], [60, 60, 80])
    lines = [f"{SAMPLES[0, row]},{LABELS[row]},{people[row]},{row % 2}" for row in range(200)]
    columns = {"label": "move", "subject": "who"}
    found = read(tmp_path / "a.csv", "x,move,who,odd\n" + "\n".join(lines), rate_hz=50, columns=columns)
    assert [one.subject for one in found] == ["A", "B"]
    assert np.array_equal(found[0].samples[0], np.float32([*SAMPLES[0, :60], *SAMPLES[0, 120:]]))
    # Rows 50 to 59 and 120 to 149 are not neighbours: no trial crosses the place where they are joined
    assert [(one.label, one.start, one.stop) for one in found[0].trials] == [
        ("rest", 0, 50), ("fist", 50, 60), ("rest", 60, 90), ("open", 90, 140),
    ]  # fmt: skip
    assert found[0].bad_spans == ((60, 60),)


def test_a_trial_ends_where_rows_are_joined_even_if_its_label_goes_on(tmp_path) -> None:
    lines = [f"{row},x,{'AB'[row // 10 % 2]}" for row in range(30)]
    one, two = read(
        tmp_path / "a.csv", "a,label,who\n" + "\n".join(lines), rate_hz=50, columns={"subject": "who", "samples": "a"}
    )
    assert one.trials == (Trial("x", 0, 10), Trial("x", 10, 20))
    assert two.trials == (Trial("x", 0, 10),)


def test_a_gap_in_time_is_marked_and_no_trial_crosses_it(tmp_path) -> None:
    lines = text().splitlines()
    del lines[61:71]
    with pytest.warns(NeuroMotionWarning, match=r"across gaps are left out \(1: fist at sample 50\)"):
        (found,) = read(tmp_path / "a.csv", "\n".join(lines))
    assert found.spec.rate_hz == 200.0
    assert found.bad_spans == ((60, 60),)
    assert [trial.start for trial in found.trials] == [0, 90, 140]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.random.default_rng(0).uniform(0, 1, 50).cumsum(), "the times of the rows are irregular"),
        (np.zeros(50), r"does not rise at row 2; if the rate was constant, say rate_hz="),
        (np.full(50, np.nan), "does not give a rate"),
    ],
)
def test_irregular_times_are_refused_and_a_rate_in_the_call_passes_them_over(tmp_path, times, message) -> None:
    content = "time,a,label\n" + "".join(f"{time},{row},x\n" for row, time in enumerate(times))
    with pytest.raises(NeuroMotionError, match=message):
        read(tmp_path / "a.csv", content)
    assert read(tmp_path / "a.csv", content, rate_hz=7)[0].spec.rate_hz == 7


def test_a_rate_that_contradicts_the_times_is_refused_and_rounded_times_give_the_whole_rate(tmp_path) -> None:
    content = "t,a,label\n" + "".join(f"{round(row * 6.25)},{row},x\n" for row in range(400))
    columns = {"time": "t", "time_unit": "ms"}
    assert read(tmp_path / "a.csv", content, columns=columns)[0].spec.rate_hz == 160.0
    with pytest.raises(NeuroMotionError, match="160 samples per second, but rate_hz=200 was said"):
        read(tmp_path / "a.csv", content, columns=columns, rate_hz=200)


def test_times_in_milliseconds_that_are_taken_for_seconds_are_refused(tmp_path) -> None:
    content = "t,a,label\n" + "".join(f"{row * 5},{row},x\n" for row in range(400))
    with pytest.raises(NeuroMotionError, match=r"gives 0\.2 rows per second, .* time_unit= in columns says 'ms'"):
        read(tmp_path / "a.csv", content, columns={"time": "t"})


def test_clipped_channels_are_said(tmp_path) -> None:
    rows = "".join(f"{min(value, 0.1)},x\n" for value in SAMPLES[0])
    with pytest.warns(NeuroMotionWarning, match=r"channels are clipped \(1: a in 4\d % of its samples\)"):
        read(tmp_path / "a.csv", "a,label\n" + rows, rate_hz=10)


def test_what_a_table_cannot_say_is_asked_for(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("a,label\n1,x\n2,x\n")
    for reading, asked in (({}, "modality="), ({"modality": "emg"}, "unit="), (SAYS, "rate_hz=")):
        with pytest.raises(NeuroMotionError, match=asked):
            read_recordings(tmp_path / "a.csv", reading)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n# nothing\n", "the file is empty"),
        (b"a,b\n", "a header and no rows"),
        (bytes(100), "100 of 100 bytes are NUL"),
        (b"a,label\n1,x\n3\n4,x\n", "column index 1 at line 3 with 1 columns"),
        (b"a,label\n1,x\n?,x\n4,x\n", r"could not convert string '\?' to float64 at line 3, column 1"),
        (b"a,label\n1,x\n,x\n", "could not convert string '' to float64 at line 3"),
        (b"a;label\n1,5;x\n1.234,5;x\n", r"'1\.234\.5' to float64 at line 3"),
        (b"a,a,label\n1,2,x\n3,4,x\n", "two columns have the same name: a, a, label"),
        (b"a,label\n1,x\n1e400,x\n", "NaN or infinite samples in channel a"),
        (b"a,label\n1,x\n1e39,x\n", "NaN or infinite samples in channel a"),
        (b"a,label\nnan,x\n1,x\n", "NaN or infinite samples in channel a"),
        (b'a,label\n1,"x\n2,x\n', "a quotation mark is not closed"),
        (b"a,label\n1,5,x\n1,5,x\n", "the first line has 2 cells, but the first row has 3"),
        (b"label\nx\ny\n", "no column holds samples; columns are label"),
    ],
)
def test_what_is_no_table_of_numbers_is_one_error(tmp_path, content, message) -> None:
    with pytest.raises(NeuroMotionError, match=message) as caught:
        read(tmp_path / "a.csv", content, rate_hz=10)
    assert str(caught.value).startswith(str(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "nope"}, "no column 'nope' for label; columns are time, a, b, c, label"),
        ({"samples": "emg*"}, r"no column fits 'emg\*'"),
        ({"samples": "label"}, "could not convert string 'rest' to float64 at line 2, column 5"),
        ({"sample": "a"}, "'sample' is not known|columns.sample"),
    ],
)
def test_columns_that_are_not_there_are_named(tmp_path, columns, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read(tmp_path / "a.csv", text(), columns=columns)


def test_a_table_without_labels_says_that_it_has_no_trials_unless_that_is_meant(tmp_path) -> None:
    with pytest.warns(NeuroMotionWarning, match="no column gives labels, so there are no trials; columns are a, b"):
        (found,) = read(tmp_path / "a.csv", "a,b\n1,2\n2,3\n", rate_hz=10)
    assert found.trials == ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path / "a.csv", text(), labels={})[0].trials == ()
        (whole,) = read(tmp_path / "R_2_C_fist.csv", "a,b\n1,2\n2,3\n", rate_hz=10, names="R_{run}_C_{label}")
    assert (whole.run, whole.trials) == ("2", (Trial("fist", 0, 2, has_onset=False),))


def test_parquet_is_read_like_a_text_table(tmp_path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    codes = np.repeat([0, 1, 2], [50, 100, 50]).astype(np.int8)
    columns = {"emg_1": SAMPLES[0], "emg_2": SAMPLES[1].astype(np.float32), "gesture": codes}
    table = pa.table({**columns, "who": pa.array(np.repeat(["A", "B"], 100)).dictionary_encode()})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    reading = {**SAYS, "rate_hz": 200, "labels": {0: None, 1: "fist", 2: "open"}}
    named = {"label": "gesture", "subject": "who", "samples": "emg_*"}
    one, two = read_recordings(tmp_path / "a.parquet", {**reading, "columns": named})
    assert (one.subject, one.trials, two.trials) == ("A", (Trial("fist", 50, 100),), two.trials)
    assert two.trials == (Trial("fist", 0, 50), Trial("open", 50, 100))
    assert np.array_equal(two.samples, SAMPLES[:2, 100:].astype(np.float32))
    with pytest.raises(NeuroMotionError, match="column 'who' holds dictionary.*, not numbers"):
        read_recordings(tmp_path / "a.parquet", {**reading, "columns": {"samples": "who"}})
    with pytest.raises(NeuroMotionError, match=r"would need 5.96e-06 GB of memory, more than the limit of 5e-06 GB"):
        read_recordings(tmp_path / "a.parquet", {**reading, "columns": named, "limit_gb": 5e-6})
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(NeuroMotionError, match="cannot be read as a recording"):
        read_recordings(tmp_path / "a.parquet", reading)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), min_size=1, max_size=4),
    length=st.integers(0, 400),
)
def test_damaged_tables_are_read_or_refused_with_one_error(tmp_path, cuts, length) -> None:
    content = bytearray(text()[:400].encode())
    for place, junk in cuts:
        content[place : place + len(junk)] = junk
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroMotionWarning)
        try:
            found = read(tmp_path / "a.csv", bytes(content[:length]), rate_hz=200)
        except NeuroMotionError:
            return
    assert all(np.isfinite(one.samples).all() for one in found)


def test_a_single_column_with_decimal_commas_stays_one_column(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("left arm\n0,5\n0,6\n-1,25\n")
    with pytest.warns(NeuroMotionWarning, match="decimal commas are read as points"):
        (found,) = read_recordings(path, {**SAYS, "rate_hz": 100, "decimal": ",", "labels": {}})
    assert found.spec.channels == ("left arm",)
    assert found.samples.tolist() == [pytest.approx([0.5, 0.6, -1.25])]


def test_a_tsv_file_is_a_table_and_the_tables_beside_bids_are_none(tmp_path) -> None:
    (tmp_path / "a.tsv").write_text(text("\t"))
    for name in ("a_events.tsv", "participants.tsv"):
        (tmp_path / name).write_text("onset\tduration\n1\t2\n")
    (found,) = read_recordings(tmp_path, SAYS)
    assert found.trials == TRIALS
    assert found.samples == pytest.approx(SAMPLES)
