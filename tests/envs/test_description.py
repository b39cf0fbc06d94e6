"""What an environment says of itself: one line, and a table for the cell of a notebook."""

from __future__ import annotations

import gymnasium as gym

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.decoders import BoundDecoder
from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.envs.description import as_html

from .conftest import make_decoder

Options = "Callable[..., dict[str, object]]"


def test_one_line_says_what_is_played() -> None:
    env = gym.make("NeuroArm-v0", decoder="emg_armband", level="easy").unwrapped
    played = "decoder='emg_armband', source='surrogate myo_armband tune', level='easy'"
    assert repr(env) == f"NeuroEnv('NeuroArm-v0', {played})"
    batch = gym.make_vec("NeuroArm-v0", 3, decoder="emg_armband", level="easy")
    assert repr(batch) == f"NeuroVectorEnv('NeuroArm-v0', {played}, rows='3')"
    assert str(gym.make("NeuroArm-v0")) == "<OrderEnforcing<PassiveEnvChecker<NeuroEnv<NeuroArm-v0>>>>"


def test_a_table_fits_a_cell(options: Options) -> None:
    bound = BoundDecoder("oracle", make_decoder())
    for env in (NeuroEnv(**{**options(), "decoder": bound}), NeuroVectorEnv(num_envs=2, **options())):
        table = env._repr_html_()
        assert table.startswith("<table>")
        assert table.count("<tr>") == 8
        assert len(table) < 2000
        assert "20 s, 400 steps" in table
        env.close()
    env = NeuroEnv(**{**options(), "decoder": bound})
    assert "oracle for loudness" in env._repr_html_()
    assert "a&lt;b" in as_html(env.loop, "NeuroEnv", "a<b")
