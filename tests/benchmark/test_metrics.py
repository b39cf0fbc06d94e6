import numpy as np
import pytest

from neuromotion_gym.benchmark import metrics
from neuromotion_gym.errors import NeuroMotionError


def test_bits_per_selection_of_published_cases():
    assert metrics.bits_per_selection(1.0, 4) == pytest.approx(2.0)
    assert metrics.bits_per_selection(0.9, 2) == pytest.approx(0.531, abs=1e-3)
    assert metrics.bits_per_selection(0.9, 4) == pytest.approx(1.3725, abs=1e-3)


@pytest.mark.parametrize("accuracy", [0.0, 0.2, 0.25])
def test_no_information_at_or_below_chance(accuracy):
    assert metrics.bits_per_selection(accuracy, 4) == 0


def test_information_needs_two_choices_and_a_probability():
    with pytest.raises(NeuroMotionError, match="more than one choice"):
        metrics.bits_per_selection(0.5, 1)
    with pytest.raises(NeuroMotionError, match=r"0\.\.1"):
        metrics.bits_per_selection(1.5, 2)


def test_information_transfer_rate_counts_time_outs_as_errors():
    success = np.array([True, True, True, False])
    rate = metrics.information_transfer_rate(success, np.array([5.0, 5.0, 5.0, 45.0]), 2)
    assert rate == pytest.approx(60 * metrics.bits_per_selection(0.75, 2) / 15)


def test_median_time_leaves_failures_out():
    assert metrics.median_time(np.array([1.0, 3.0, 99.0]), np.array([True, True, False])) == 2
    assert np.isnan(metrics.median_time(np.array([1.0]), np.array([False])))


def test_path_efficiency_of_a_detour():
    position = np.full((3, 4, 2), np.nan)
    position[0, :3] = [[0, 0], [0, 3], [4, 3]]  # 5 straight, 7 walked
    position[1] = [[0, 0], [1, 0], [2, 0], [3, 0]]
    position[2, :2] = 0.5  # at rest
    efficiency = metrics.path_efficiency(position)
    assert efficiency[:2] == pytest.approx([5 / 7, 1.0])
    assert np.isnan(efficiency[2])


def test_overshoots_count_departures_from_the_goal_not_the_end_of_the_episode():
    position = np.full((2, 6, 1), np.nan)
    position[0, :, 0] = [0, 0.5, 0.7, 0.5, 0.7, 0.5]
    position[1, :3, 0] = [0, 0.4, 0.5]
    assert metrics.overshoots(position, np.array([[0.5], [0.5]]), 0.15).tolist() == [2, 0]


def test_the_edge_of_the_tolerance_is_inside():
    position = np.array([[[0.0], [0.5], [0.25], [0.125]]])
    assert metrics.overshoots(position, np.array([[0.5]]), 0.25).tolist() == [1]
    assert metrics.overshoots(position[:, :3], np.array([[0.5]]), 0.25).tolist() == [0]


def test_false_activations_per_minute():
    intent = np.array([[0, 0, 0, 0, 0, 1, 1, -1]])
    decoded = np.array([[0, 1, 1, 0, 2, 1, 1, -1]])
    # two onsets in the four steps of wanted rest that follow another step
    assert metrics.false_activations_per_minute(intent, decoded, 0, 0.05) == pytest.approx(2 / (4 * 0.05 / 60))
    assert np.isnan(metrics.false_activations_per_minute(np.ones((1, 3), int), decoded[:, :3], 0, 0.05))


def test_intent_latencies():
    intent = np.array([[0, 1, 1, 1, 2, 2, 0, 0], [0, 1, 1, -1, -1, -1, -1, -1]])
    decoded = np.array([[0, 0, 0, 1, 1, 1, 0, 0], [0, 0, 0, -1, -1, -1, -1, -1]])
    latencies = metrics.intent_latencies(intent, decoded, 0.1)
    assert latencies[0] == pytest.approx(0.2)
    assert np.isnan(latencies[1])  # 2 was never decoded, though 0 was later
    assert latencies[2] == 0.0
    assert np.isnan(latencies[3])  # the episode ended


def test_throughput_of_a_known_spread():
    start = np.zeros((3, 2))
    goal = np.tile([3.0, 4.0], (3, 1))
    miss = np.array([-0.1, 0.0, 0.1])
    end = goal * (1 + miss[:, None] / 5)
    found = metrics.throughput(start, goal, end, np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx(np.log2(5 / (4.133 * 0.1) + 1) / 2)


def test_throughput_is_not_changed_by_misses_across_the_line():
    start, goal = np.zeros((3, 2)), np.tile([1.0, 0.0], (3, 1))
    along = goal + np.array([[-0.1, 0], [0, 0], [0.1, 0]])
    across = along + np.array([[0, 0.2], [0, -0.1], [0, 0.3]])
    time_s = np.ones(3)
    assert metrics.throughput(start, goal, along, time_s) == metrics.throughput(start, goal, across, time_s)


def test_throughput_needs_a_distance_and_two_movements():
    with pytest.raises(NeuroMotionError, match="two movements"):
        metrics.throughput(np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1)), np.ones(1))
    for goal in ([[0.0], [0.0]], [[1.0], [0.0]]):
        with pytest.raises(NeuroMotionError, match="no direction"):
            metrics.throughput(np.zeros((2, 1)), np.array(goal), np.ones((2, 1)), np.ones(2))


def test_throughput_over_combinations_counts_wrong_selections_and_leaves_small_combinations_out():
    """A wrong selection on the other side widens the effective width of its condition, and of no other."""
    near, far = np.tile([0.5, 0.2], (10, 1)), np.tile([1.0, 0.2], (11, 1))
    rare = np.tile([0.5, 0.3], (9, 1))
    along = np.resize([-0.05, 0.05], 30)
    travelled, time_s = np.concatenate([near, far, rare])[:, 0] + along, np.full(30, 2.0)
    found, combinations = metrics.throughput_over_combinations(
        np.concatenate([near, far, rare]), travelled, along, time_s
    )
    spread = [4.133 * np.std(along[part], ddof=1) for part in (slice(10), slice(10, 21))]
    reached = [travelled[part].mean() for part in (slice(10), slice(10, 21))]
    each = [np.log2(way / width + 1) / 2 for way, width in zip(reached, spread, strict=True)]
    assert combinations == 2
    assert found == pytest.approx(np.mean(each))
    travelled[0], along[0] = -0.5, -1.0
    worse, _ = metrics.throughput_over_combinations(np.concatenate([near, far, rare]), travelled, along, time_s)
    assert worse < 0.75 * found
    none, combinations = metrics.throughput_over_combinations(rare, travelled[21:], along[21:], time_s[21:])
    assert np.isnan(none)
    assert combinations == 0
