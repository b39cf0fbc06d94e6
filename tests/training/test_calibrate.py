"""A decoder folder calibrated to one wearer."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml

from neuromotion_gym.decoders import BoundDecoder, check_decoder, fitted_on, load_decoder, worn_by
from neuromotion_gym.decoders.arrangement import Arrangement
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.training.calibrate import calibrate, fit_to_wearer
from neuromotion_gym.training.evaluation import accuracy_by_person, decide


def session(recording, calibration=()):
    return Session("nowhere", recording.subject, "0", (recording,), tuple(calibration))


def test_calibrated_folder_is_a_decoder_of_its_own(tiny, head_folder, tmp_path):
    calibration, played = tiny.recording(2, offset=10.0), tiny.recording(1, offset=10.0)
    folder = calibrate(head_folder, calibration, tmp_path / "mine")
    mine = load_decoder(folder)
    check_decoder(mine)
    assert mine.spec.adaptation.kind == "none"
    assert accuracy_by_person(decide(mine, [session(played)]))["P1"] > 0.95
    assert sorted(path.name for path in folder.iterdir()) == [
        "adaptation.npy",
        "card.md",
        "fitted_on.json",
        "model.onnx",
        "recipe.yaml",
    ]


def test_a_decoder_that_follows_says_how_a_labelled_run_is_read(tiny, tmp_path):
    with pytest.raises(NeuroMotionError, match=r"follows the wearer in the loop.*adaptation=\{'start': 'labels'\}"):
        calibrate("emg_armband_anew", tiny.recording(0), tmp_path / "x")


def test_calibration_says_what_it_lacks(tiny, head_folder, tiny_folder, tmp_path):
    with pytest.raises(NeuroMotionError, match="missing: right"):
        calibrate(head_folder, tiny.recording(0, labels=("left",)), tmp_path / "x")
    with pytest.raises(NeuroMotionError, match="nothing to calibrate: no last layer to fit .*not 'head'.*ring"):
        calibrate(tiny_folder, tiny.recording(), tmp_path / "x")
    with pytest.raises(NeuroMotionError, match="own folder"):
        calibrate(head_folder, tiny.recording(), head_folder)
    assert not (tmp_path / "x").exists()


def test_calibrated_folder_says_whose_run_it_was_fitted_on_and_that_more_is_not_known(tiny, head_folder, tmp_path):
    record = fitted_on(calibrate(head_folder, tiny.recording(2), tmp_path / "mine"))
    assert record.runs == {"P2": ("0",)}
    assert not record.complete
    two = fitted_on(calibrate(head_folder, [tiny.recording(2), tiny.recording(2)], tmp_path / "two"))
    assert len(two.fingerprints["landmarks"]) == 2  # though both have the same name


def test_calibrated_decoder_says_who_wears_it(tiny, head_folder, tmp_path):
    folder = calibrate(head_folder, tiny.recording(2), tmp_path / "mine")
    mine = load_decoder(folder)
    for what in (folder, str(folder), mine, BoundDecoder("shuffled", mine)):
        assert worn_by(what).people == ("P2",)
    assert worn_by(calibrate(head_folder, tiny.recording(3), tmp_path / "mine")).people == ("P3",)
    for nobody in (head_folder, load_decoder(head_folder), load_decoder("emg_armband"), object()):
        assert worn_by(nobody) is None


def test_decoder_without_a_last_layer_is_calibrated_as_the_one_that_its_recipe_names(small_myo, tmp_path):
    from neuromotion_gym.datasets.myo_armband.reader import read_round

    run, later = (read_round("Male6", name, root=small_myo) for name in ("training0", "Test1"))
    with pytest.warns(NeuroMotionWarning, match="no last layer to fit; 'emg_armband_calibrated' is calibrated"):
        folder = calibrate("emg_armband", run, tmp_path / "mine")
    mine = load_decoder(folder)
    assert mine.spec.name == "emg_armband_calibrated@Male6"
    assert accuracy_by_person(decide(mine, [session(later)]))["Male6"] > 0.95
    assert load_recipe(folder).decoder == load_decoder("emg_armband_calibrated").spec.model_copy(
        update={"name": mine.spec.name, "channels": mine.spec.channels}
    )
    with pytest.warns(NeuroMotionWarning, match="little better than chance"):  # the signals are invented
        kept = fit_to_wearer("emg_armband", run, arrangement_only=True)
    assert kept.decoder.spec.name == "emg_armband"
    assert kept.head is None


@pytest.mark.parametrize("name", ["head", "tiny"])
def test_decoder_to_calibrate_as_has_to_fit(ring, tiny, head_folder, tiny_folder, tmp_path, name):
    folder = ring.write(tmp_path / "ring")
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text() + f"calibrated_as: {tmp_path / name}\n")
    with pytest.raises(NeuroMotionError, match="is calibrated as .*, whose labels differs: ..left"):
        calibrate(folder, ring.worn(), tmp_path / "x")


def test_calibrated_decoder_is_not_calibrated_again(tiny, head_folder, tmp_path):
    folder = calibrate(head_folder, tiny.recording(2), tmp_path / "mine")
    with pytest.raises(NeuroMotionError, match="is calibrated already; calibrate the decoder that it was made from"):
        calibrate(folder, tiny.recording(2), tmp_path / "again")


def test_how_a_band_is_worn_needs_a_ring(tiny, tiny_folder, head_folder, tmp_path):
    for folder in (tiny_folder, head_folder):
        with pytest.raises(NeuroMotionError, match=r"do not lie in a ring \(ring: true"):
            fit_to_wearer(folder, tiny.recording(), arrangement_only=True)


def test_folder_of_another_calibration_keeps_no_last_layer_of_it(ring, tiny, head_folder, tmp_path):
    calibrate(head_folder, tiny.recording(2), tmp_path / "mine")
    folder = calibrate(ring.folder, ring.worn(), tmp_path / "mine")
    assert not (folder / "adaptation.npy").exists()
    assert load_decoder(folder).spec.name == "ring@P"


def test_wearers_folder_holds_weights_that_lay_beside_the_model(tiny, head_folder, tmp_path):
    import onnx
    from onnx import numpy_helper

    model = onnx.load(head_folder / "model.onnx")
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    onnx.save_model(model, head_folder / "model.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    assert (head_folder / "w.data").stat().st_size > 0
    folder = calibrate(head_folder, tiny.recording(2), tmp_path / "mine")
    (head_folder / "w.data").unlink()
    assert accuracy_by_person(decide(load_decoder(folder), [session(tiny.recording(1))]))["P1"] > 0.95


def test_any_form_of_a_recording_is_taken_and_a_wearer_named(tiny, head_folder, tmp_path):
    mne = pytest.importorskip("mne")
    one = tiny.recording(2)
    raw = mne.io.RawArray(1e-3 * one.samples, mne.create_info(["a", "b"], 100.0, "emg"), verbose="error")
    raw.set_annotations(
        mne.Annotations(
            [trial.start / 100 for trial in one.trials], [0.4] * len(one.trials), [trial.label for trial in one.trials]
        )
    )
    folder = calibrate(head_folder, raw, tmp_path / "mine", {"subject": "Anna B."})
    assert load_decoder(folder).spec.name == "tiny@Anna_B."
    assert worn_by(folder).people == ("Anna B.",)


def test_model_from_elsewhere_is_calibrated_with_the_facts_of_the_call(ring, tmp_path):
    facts = yaml.safe_load((ring.folder / "recipe.yaml").read_text())["decoder"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "net.onnx").write_bytes((ring.folder / "model.onnx").read_bytes())
    (elsewhere / "recipe.yaml").write_text("decoder: {unit: count}\n")
    decoder = load_decoder(elsewhere / "net.onnx", **facts)
    mine = load_decoder(calibrate(decoder, ring.worn(Arrangement(2)), tmp_path / "mine"))
    assert mine.spec.channels == Arrangement(2).of(facts["channels"])
    assert accuracy_by_person(decide(mine, [session(ring.worn(Arrangement(2), seed=1))]))["P"] > 0.95
    with pytest.raises(NeuroMotionError, match="is a name, a folder or an OnnxDecoder, not object"):
        calibrate(object(), ring.worn(), tmp_path / "x")


def test_recordings_of_several_people_are_refused_until_one_is_chosen(tiny, head_folder, tmp_path):
    both = [tiny.recording(2), tiny.recording(3)]
    with pytest.raises(NeuroMotionError, match="to one wearer, but the recordings are of P2, P3; .*'subject': 'P2'"):
        calibrate(head_folder, both, tmp_path / "x")
    assert worn_by(calibrate(head_folder, both, tmp_path / "mine", {"only": {"subject": "P3"}})).people == ("P3",)


def test_amplitude_of_a_recording_is_compared_once(ring, tmp_path):
    folder = ring.write(tmp_path / "loud", scale=10.0)
    with pytest.warns(NeuroMotionWarning) as said:
        calibrate(folder, ring.worn(), tmp_path / "mine")
    assert [str(one.message).count("amplitude") for one in said] == [1]
    assert load_decoder(tmp_path / "mine").spec.scale == 10.0
    faint = ring.write(tmp_path / "louder", scale=100.0)
    with pytest.raises(NeuroMotionError, match="amplitude of .* far less than the 100 count"):
        calibrate(faint, ring.worn(), tmp_path / "x")


def test_calibrating_anew_in_the_same_folder_changes_the_digest(tiny, head_folder, tmp_path):
    first = load_decoder(calibrate(head_folder, tiny.recording(2), tmp_path / "mine")).digest()
    again = load_decoder(calibrate(head_folder, tiny.recording(2), tmp_path / "mine")).digest()
    other = load_decoder(calibrate(head_folder, tiny.recording(3, offset=5.0), tmp_path / "mine")).digest()
    assert first == again
    assert first != other


def test_only_the_recordings_that_calibration_names_are_used(tiny, head_folder, tmp_path):
    runs = [replace(tiny.recording(seed), subject="anna", run=str(seed)) for seed in (1, 2)]
    fit = fit_to_wearer(head_folder, runs, {"calibration": {"run": ["1"]}})
    assert [one.run for one in fit.recordings] == ["1"]
    with pytest.raises(NeuroMotionError, match="calibration asks for run 3, but the recordings have 1, 2"):
        fit_to_wearer(head_folder, runs, {"calibration": {"run": ["3"]}})
    with pytest.raises(NeuroMotionError, match="Nothing is played .* leave out play="):
        fit_to_wearer(head_folder, runs, {"play": {"run": ["1"]}})


def test_calibrated_decoder_with_a_ring_keeps_its_last_layer_and_is_not_fitted_again(small_myo, tmp_path):
    from neuromotion_gym.datasets.myo_armband.reader import read_round

    run = read_round("Male6", "training0", root=small_myo)
    first = load_decoder(calibrate("emg_armband_calibrated", run, tmp_path / "first"))
    with pytest.raises(
        NeuroMotionError, match="is calibrated already; .* made from, or find only how the band is worn"
    ):
        calibrate(first, run, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    second = load_decoder(fit_to_wearer(first, run, arrangement_only=True).write(tmp_path / "second"))
    assert second.spec == first.spec.model_copy(update={"name": second.spec.name, "channels": second.spec.channels})
    window = run.samples[None, :, : first.spec.window]
    assert np.array_equal(second.predict_proba(window), first.predict_proba(window))


@pytest.fixture
def with_partner(tmp_path):
    """The shipped decoder of the band, to be calibrated as its partner with other channels."""

    def make(change):
        for name, facts in (
            ("emg_armband_calibrated", {}),
            ("emg_armband", {"calibrated_as": str(tmp_path / "partner")}),
        ):
            folder = tmp_path / (name if facts else "partner")
            shutil.copytree(decoder_folder(name), folder)
            content = yaml.safe_load((folder / "recipe.yaml").read_text())
            if not facts:
                content["decoder"]["channels"] = change(content["decoder"]["channels"])
            (folder / "recipe.yaml").write_text(yaml.safe_dump({**content, **facts}))
        return tmp_path / "emg_armband"

    return make


@pytest.mark.filterwarnings("ignore::neuromotion_gym.errors.NeuroMotionWarning")
def test_partner_reads_its_channels_by_name(small_myo, with_partner):
    from neuromotion_gym.datasets.myo_armband.reader import read_round

    run = read_round("Male6", "training0", root=small_myo)
    plain = fit_to_wearer("emg_armband", run)
    turned = fit_to_wearer(with_partner(lambda names: names[::-1]), run)
    assert turned.channels == plain.channels[::-1]


def test_partner_with_other_channels_is_refused(small_myo, with_partner):
    from neuromotion_gym.datasets.myo_armband.reader import read_round

    run = read_round("Male6", "training0", root=small_myo)
    with pytest.raises(NeuroMotionError, match="needs adaptation.kind 'head' and the same channels, emg_1, "):
        fit_to_wearer(with_partner(lambda names: [f"other_{name}" for name in names]), run)
