"""Train a controller with PPO on the batch environment, export it, and make a video of it.

    python examples/train_ppo.py --out runs/emg                   # the default decoder and level
    python examples/train_ppo.py --out runs/eeg --decoder eeg_fists --level easy
    python examples/train_ppo.py --out runs/goal --observe-goal   # upper bound: success has to come near 1
    python examples/train_ppo.py --out runs/blind --blind         # lower bound: success must not pass chance

Ctrl-C stops the training; run the same command again to continue. At the end the folder holds ``policy.onnx``
(``learned:FOLDER/policy.onnx`` for `make_controller` and for benchmarks), ``curve.csv``, ``curve.png`` and
``rollout.mp4``.
"""

from __future__ import annotations

import argparse
import csv
from io import StringIO
from pathlib import Path

import gymnasium as gym
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import neuromotion_gym  # noqa: F401  (registers the environments)
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.controllers.history import HistorySpec
from neuromotion_gym.controllers.learned import LearnedSpec
from neuromotion_gym.controllers.training import CHECKPOINT, Setup, Training
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.files import write_text
from neuromotion_gym.rendering import VideoWriter

# A decoder with a long window responds late. For it: slower decisions, a longer memory and a discount closer to 1
LONG_WINDOW_S = 1.0
SLOW = {"repeat": 10, "discount": 0.999, "history": HistorySpec(time_constants_s=(1, 4, 16)), "layers": (64, 64)}


def main() -> None:
    options = arguments()
    folder = options.out
    folder.mkdir(parents=True, exist_ok=True)
    named = Setup(environment=options.environment, decoder=options.decoder, level=options.level)
    late = load_decoder(named.listens_to).spec.window_s >= LONG_WINDOW_S
    setup = Setup(
        environment=options.environment,
        decoder=options.decoder,
        level=options.level,
        source=options.source,
        subjects=tuple(options.subjects),
        unseen=options.unseen,
        observe_goal=options.observe_goal,
        blind=options.blind,
        seed=options.seed,
        steps=options.steps,
        n_envs=options.n_envs,
        **(SLOW if late else {}),
    )
    torch.set_num_threads(options.threads)
    training = Training(setup, threads=options.threads)
    try:
        if (folder / CHECKPOINT).is_file():
            training.load(folder / CHECKPOINT)
            print(f"continues from step {training.steps:,}")
        learn(training, folder)
        training.export(folder / "policy.onnx")
        spec = training.spec()
    except KeyboardInterrupt:
        print(f"stopped at step {training.steps:,}; run the same command again to continue")
        return
    finally:
        training.close()
    write(training.curve, folder)
    draw(training.curve, folder)
    if options.film:
        film(setup, spec, folder, options.film)
    print(f"{folder / 'policy.onnx'}: success {recent(training.curve, 'success'):.2f} at the end of training")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/ppo"), help="folder of the training (%(default)s)")
    parser.add_argument("--environment", default=Setup().environment, help="id of the environment (%(default)s)")
    parser.add_argument("--decoder", help="name of a shipped decoder, or a folder (the environment's default)")
    parser.add_argument("--level", help="level of difficulty (the environment's default)")
    parser.add_argument(
        "--source", choices=("surrogate", "replay"), default="surrogate", help="signals of the tune part (%(default)s)"
    )
    parser.add_argument("--subjects", nargs="*", default=(), help="only these people (everybody in the tune part)")
    parser.add_argument(
        "--unseen", action="store_true", help="each person is decoded by a decoder that was trained without them"
    )
    parser.add_argument("--observe-goal", action="store_true", help="upper bound: the policy sees the goal")
    parser.add_argument("--blind", action="store_true", help="lower bound: the posterior carries no information")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=Setup().steps, help="control steps of all limbs (%(default)s)")
    parser.add_argument("--n-envs", type=int, default=Setup().n_envs, help="number of limbs in the batch (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the physics and of torch (%(default)s)")
    parser.add_argument("--film", type=int, default=30, help="seconds of video, 0 for none (%(default)s)")
    return parser.parse_args()


def learn(training: Training, folder: Path) -> None:
    """Train to the end, with a progress bar; the curve is written after each update."""
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} steps, success {task.fields[won]}"))
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=training.setup.steps, completed=training.steps, won="–")

        def tick(_: dict[str, float]) -> None:
            bar.update(task, completed=training.steps, won=f"{recent(training.curve, 'success'):.2f}")
            write(training.curve, folder)

        training.run(folder, tick)


def recent(curve: list[dict[str, float]], name: str, episodes: int = 300) -> float:
    """Mean over the last ``episodes`` episodes; NaN if there are none."""
    total = count = 0.0
    for entry in reversed(curve):
        if entry["episodes"]:
            total, count = total + entry[name] * entry["episodes"], count + entry["episodes"]
        if count >= episodes:
            break
    return total / count if count else float("nan")


def write(curve: list[dict[str, float]], folder: Path) -> None:
    table = StringIO(newline="")
    writer = csv.DictWriter(table, list(curve[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(curve)
    write_text(folder / "curve.csv", table.getvalue())


def draw(curve: list[dict[str, float]], folder: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    steps = [entry["steps"] / 1e6 for entry in curve]
    for name in ("success", "wrong"):
        axes.plot(steps, [recent(curve[: end + 1], name) for end in range(len(curve))], label=name)
    axes.set(xlabel="control steps, millions", ylabel="share of the last 300 episodes", ylim=(0, 1))
    axes.legend()
    figure.savefig(folder / "curve.png", dpi=150)
    plt.close(figure)


def film(setup: Setup, spec: LearnedSpec, folder: Path, seconds: int) -> None:
    """Make a video of the exported policy, which is loaded from its file like any other controller."""
    env = gym.make(
        spec.environment,
        decoder=f"blind:{spec.decoder}" if setup.blind else spec.decoder,
        level=spec.level,
        observe_goal=setup.observe_goal,
        render_mode="overlay",
    )
    controller = make_controller(f"learned:{folder / 'policy.onnx'}", env.unwrapped.layout)
    fps = env.metadata["render_fps"]
    (observation, _), state = env.reset(seed=0), None
    with VideoWriter(folder / "rollout.mp4", fps) as video:
        for _ in range(seconds * fps):
            action, state = controller.predict(observation, state)
            observation, _, terminated, truncated, _ = env.step(action)
            video.add(env.render())
            if terminated or truncated:
                (observation, _), state = env.reset(), None
    env.close()


if __name__ == "__main__":
    main()
