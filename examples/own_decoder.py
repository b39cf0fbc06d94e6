"""Use a decoder of your own: any object with ``predict_proba``. Here it finds the label with the nearest mean power."""

import gymnasium as gym
import numpy as np

import neuromotion_gym  # noqa: F401  (registers the environments)
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.decoders import ProbabilityDecoder, load_decoder
from neuromotion_gym.signals.surrogate.source import SurrogateSource

spec = load_decoder("emg_armband").spec.model_copy(update={"name": "power", "effort": False, "output": "logits"})


class Power:
    """Logits: minus the squared distance of the log power to the mean of each label."""

    def fit(self, windows: np.ndarray, labels: np.ndarray) -> "Power":
        power = np.log(windows.var(axis=2) + 1)
        self.centres = np.stack([power[labels == label].mean(axis=0) for label in range(len(spec.labels))])
        return self

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        power = np.log(windows.var(axis=2) + 1)
        return -((power[:, None] - self.centres) ** 2).sum(axis=2)


# Generated signals are used here in place of your recordings: windows of every label, from several people. The
# environment generates new signals of the same people, so the printed figures are optimistic
source = SurrogateSource.load("myo_armband_tune", labels=spec.labels)
labels = np.repeat(np.arange(len(spec.labels)), 20)
source.start(len(labels))
source.reset(np.arange(len(labels)), [np.random.default_rng(seed) for seed in range(len(labels))])
source.read(labels, 10 * spec.window)  # a row plays its new label from its next restart on
model = Power().fit(source.read(labels, spec.window), labels)

env = gym.make("NeuroArm-v0", decoder=ProbabilityDecoder(model, spec), level="easy")
controller = make_controller("majority", env.unwrapped.layout)
observation, info = env.reset(seed=0)
state, ended, right, steps = None, False, 0, 0
while not ended:
    action, state = controller.predict(observation, state)
    observation, reward, terminated, truncated, info = env.step(action)
    right, steps = right + (info["decoded"] == info["intent"]), steps + 1
    ended = terminated or truncated
print(f"success {info['is_success']} after {info['time']:.1f} s; right in {right / steps:.0%} of the steps")
env.close()
