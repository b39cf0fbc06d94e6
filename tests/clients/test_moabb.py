"""MOABB: the page's script with MOABB's own invented data set in the place of one that has to be downloaded."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.client
datasets = pytest.importorskip("moabb.datasets", reason="MOABB is not installed")
pytest.importorskip("pyriemann", reason="pyRiemann is not installed")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_page_runs_with_trials_where_moabb_has_them(monkeypatch, tmp_path, run_page) -> None:
    import mne
    from moabb.datasets.fake import FakeDataset

    import neuromotion_gym as ng

    class Small(FakeDataset):
        """One person, two sessions called as those of the page's data set."""

        def __init__(self) -> None:
            options = {"n_subjects": 1, "n_sessions": 2, "n_runs": 1, "n_events": 16, "sfreq": 250, "seed": 0}
            super().__init__(event_list=("left_hand", "right_hand"), **options)
            self.interval = [1, 4]

        def _get_single_subject_data(self, subject: int) -> dict[str, dict[str, mne.io.RawArray]]:
            found = super()._get_single_subject_data(subject)
            return {f"{name}train": runs for name, runs in found.items()}

    monkeypatch.setenv("MNE_HOME", str(tmp_path))
    monkeypatch.setattr(datasets, "BNCI2014_004", Small)
    names = run_page("moabb")
    raw = Small()._get_single_subject_data(1)["0train"]["0"]
    events = mne.find_events(raw, "stim", shortest_event=0, verbose="ERROR")
    (recording,) = ng.read_recordings(names["data"], names["first"])
    assert [trial.start for trial in recording.trials] == [event[0] + 250 for event in events]
    assert {trial.stop - trial.start for trial in recording.trials} == {750}
    assert [trial.label for trial in recording.trials] == ["left_hand", "right_hand"] * 8
    assert set(names["y"]) == {"left_hand", "right_hand"}
    assert all(name.startswith("1/0train/0/") for name in names["groups"])
    names["env"].reset(seed=0)
    for _ in range(40):
        *_, info = names["env"].step(names["env"].action_space.sample())
    assert info["decoded"] is not None
    names["env"].close()
