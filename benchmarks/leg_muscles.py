"""The leg's moment arms and torques beside published values: ``python benchmarks/leg_muscles.py``.

Only the pendulum test is simulated; all else is read from the model in many postures. The hip of the leg is fixed, so
for its moment arms and for other angles a hinge is added to the model here.

The script writes ``results/leg_muscles.json``, the table in ``docs/limbs/leg.md``, ``docs/images/leg_muscles.png`` and
the leg in some postures, ``docs/images/leg.png``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from neuromotion_gym.files import replacing, write_text
from neuromotion_gym.limbs import Limb

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "limbs" / "leg.md"
PLOT, PICTURE = (ROOT / "docs" / "images" / name for name in ("leg_muscles.png", "leg.png"))
RESULT = ROOT / "benchmarks" / "results" / "leg_muscles.json"
BEGIN, END = "<!-- made by benchmarks/leg_muscles.py -->", "<!-- end -->"

JOINTS = ("hip", "knee", "ankle")
BODY_KG = 73.0
SEATED = 80.0
"""Flexion of the hip of this leg, which sits as people do on a dynamometer; degrees."""
KNEE, ANKLE = np.arange(0.0, 143.0, 2.0), np.arange(-56.0, 13.0, 2.0)
GROUPS = {
    "knee extension": ("VL", "RF", "VM"),
    "knee flexion": ("BF", "ST", "MG", "LG"),
    "plantar flexion": ("SOL", "MG", "LG"),
    "dorsiflexion": ("TA",),
}
ACTS_ON = {
    "knee extension": ("knee", -1),
    "knee flexion": ("knee", 1),
    "plantar flexion": ("ankle", -1),
    "dorsiflexion": ("ankle", 1),
}
SIGNS = {
    "TA": {"ankle": 1},
    "MG": {"knee": 1, "ankle": -1},
    "SOL": {"ankle": -1},
    "BF": {"hip": -1, "knee": 1},
    "ST": {"hip": -1, "knee": 1},
    "VL": {"knee": -1},
    "RF": {"hip": 1, "knee": -1},
    "LG": {"knee": 1, "ankle": -1},
    "VM": {"knee": -1},
}
"""Direction in which each muscle turns each joint that it crosses; flexion and dorsiflexion are 1."""

RAJAGOPAL = "Rajagopal 2016, as measured in MyoLeg, which has its paths"
TYPICAL = "Tözeren 2000, Human Body Dynamics, table of typical moment arms, after Spoor 1990, 1992"
"""Spoor CW et al. 1990, J Biomech 23(12):1247-1259; Spoor CW, van Leeuwen JL 1992, J Biomech 25(2):201-206."""
SARABON = "Šarabon 2021, Front Physiol 12:767941"


@dataclass(frozen=True)
class Arm:
    """Published moment arms, in cm: an interval for all angles, or, if linear, a line from ``low`` to ``high``."""

    muscle: str
    joint: str
    angles: tuple[float, float]
    low: float
    high: float
    source: str
    linear: bool = False

    def band(self, angles: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the published interval, or points of the published line, less and plus ``share`` of them."""
        if not self.linear:
            return np.full(len(angles), self.low * (1 - share)), np.full(len(angles), self.high * (1 + share))
        middle = np.interp(angles, self.angles, (self.low, self.high))
        return middle * (1 - share), middle * (1 + share)


ARMS = (
    Arm("VL", "knee", (10, 90), 3.8, 2.2, RAJAGOPAL, linear=True),
    Arm("RF", "knee", (10, 90), 4.2, 2.6, RAJAGOPAL, linear=True),
    Arm("BF", "knee", (10, 90), 3.9, 4.4, RAJAGOPAL),
    Arm("ST", "knee", (10, 90), 4.0, 5.5, TYPICAL),
    Arm("MG", "knee", (10, 90), 1.2, 2.0, TYPICAL),
    Arm("LG", "knee", (10, 90), 1.2, 2.0, TYPICAL),
    Arm("SOL", "ankle", (-40, 12), 3.4, 4.4, RAJAGOPAL),
    Arm("TA", "ankle", (-40, 12), 3.8, 4.4, RAJAGOPAL),
)
WITHIN = 0.15
"""Share by which the published intervals and lines are widened; this leg has to lie inside."""


@dataclass(frozen=True)
class Torque:
    """A published isometric torque of men, N m."""

    group: str
    knee: float
    ankle: float
    low: float
    high: float
    source: str


def _per_kg(group: str, knee: float, low: float, high: float) -> Torque:
    return Torque(group, knee, 0.0, low * BODY_KG, high * BODY_KG, SARABON)


SOLEUS = "PMID 39577118 (2024): 9 men, 154 ± 38 N m with the knee extended, 93 ± 22 flexed"
"""Its summary does not say how far the knee was bent: 5 and 90 degrees are assumed."""
SOLIANIK = "Solianik 2011, Balt J Sport Health Sci, article 343: 10 men, 47 ± 8 N m"
TORQUES = (
    _per_kg("knee extension", 20, 1.34, 2.23),
    _per_kg("knee extension", 60, 2.92, 3.45),
    _per_kg("knee extension", 90, 2.50, 3.06),
    _per_kg("knee flexion", 20, 0.85, 1.20),
    _per_kg("knee flexion", 60, 1.15, 1.62),
    _per_kg("knee flexion", 90, 0.96, 1.54),
    Torque("plantar flexion", 5, 0, 116, 192, SOLEUS),
    Torque("plantar flexion", 90, 0, 71, 115, SOLEUS),
    Torque("dorsiflexion", 10, -25, 39, 55, SOLIANIK),
)
"""Mean less and plus the standard deviation, or the interval of a meta-analysis: near extension, mid-range, flexed."""
STRONGER = {
    "knee extension": ((10, 30, 60, 80, 90), (315, 402, 407, 308, 271)),
    "knee flexion": ((10, 30, 60, 80, 90), (290, 321, 284, 200, 155)),
}
"""Torques of a published model, MyoLeg, with full activation; N m."""
FIBRES_CM = {"TA": 6.8, "MG": 5.1, "SOL": 4.4, "BF": 9.8, "ST": 19.3, "VL": 9.9, "RF": 7.6, "LG": 5.9, "VM": 9.7}
"""Mean fibre lengths: Ward SR et al. 2009, Clin Orthop Relat Res 467(4):1074-1082. Semimembranosus: 6.9."""
PENDULUM = (0.94, 0.60, 0.38, 0.26)
"""Amplitudes of a relaxed leg let go, period by period, rad: J Sports Med Doping Stud 2012, S6:001, figure 1."""

POSTURES = (
    (70.0, -20.0, ()),
    (8.0, 8.0, ("VL", "VM", "RF", "TA")),
    (115.0, -15.0, ("BF", "ST")),
    (60.0, -50.0, ("MG", "LG", "SOL")),
)
"""Angles of knee and ankle, and active muscles, of the picture."""


class Measured:
    """The leg with a hinge at the hip.

    Parameters
    ----------
    hip : float
        Its flexion, degrees.
    """

    def __init__(self, hip: float = SEATED) -> None:
        spec = mujoco.MjSpec.from_file(str(Limb.load("leg").path))
        thigh = spec.body("thigh")
        thigh.alt.euler = [0.0, -np.radians(hip), 0.0]
        thigh.add_joint(name="hip", type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, -1, 0])
        self.model = spec.compile()
        self.muscles = [self.model.actuator(i).name for i in range(self.model.nu)]

    def _data(self, knee: float, ankle: float, active: Iterable[str] = ()) -> mujoco.MjData:
        data = mujoco.MjData(self.model)
        data.joint("knee").qpos[0], data.joint("ankle").qpos[0] = np.radians(knee), np.radians(ankle)
        data.act[[self.muscles.index(name) for name in active]] = 1.0
        mujoco.mj_forward(self.model, data)
        return data

    def parameters(self) -> dict[str, dict[str, float]]:
        """Largest isometric force, N, optimal length and length of the slack tendon, cm, of each muscle."""
        low, high, force = self.model.actuator_gainprm[:, :3].T
        lengths = 100 * self.model.actuator_lengthrange
        optimal = (lengths[:, 1] - lengths[:, 0]) / (high - low)
        slack = lengths[:, 0] - low * optimal
        return {
            name: {"force": float(force[i]), "optimal": float(optimal[i]), "slack": float(slack[i])}
            for i, name in enumerate(self.muscles)
        }

    def moment_arms(self, knee: float, ankle: float) -> dict[str, dict[str, float]]:
        """Moment arm of each muscle at each joint in cm, positive if it flexes; degrees."""
        data, dense = self._data(knee, ankle), np.zeros((self.model.nu, self.model.nv))
        mujoco.mju_sparse2dense(dense, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind)
        columns = {name: int(self.model.joint(name).dofadr[0]) for name in JOINTS}
        return {
            muscle: {name: float(-100 * dense[row, column]) for name, column in columns.items()}
            for row, muscle in enumerate(self.muscles)
        }

    def torque(self, joint: str, knee: float, ankle: float, active: Iterable[str]) -> float:
        """Torque of muscles at a joint, N m, positive if it flexes; passive forces of all muscles included."""
        dof = int(self.model.joint(joint).dofadr[0])
        return float(self._data(knee, ankle, active).qfrc_actuator[dof])

    def strength(self, group: str, knee: float, ankle: float) -> float:
        """Isometric torque of a group at full activation less that of the relaxed leg, as dynamometers give it; N m."""
        joint, sign = ACTS_ON[group]
        return sign * (self.torque(joint, knee, ankle, GROUPS[group]) - self.torque(joint, knee, ankle, ()))


def pendulum() -> list[float]:
    """Amplitudes, period by period, of the relaxed shank that is let go 0.94 rad from where it hangs; rad."""
    spec = mujoco.MjSpec.from_file(str(Limb.load("leg").path))
    spec.option.timestep = 0.001
    for name in ("shank", "foot"):
        spec.body(name).gravcomp = 0.0
    model = spec.compile()
    data = mujoco.MjData(model)
    data.joint("knee").qpos[0] = np.pi / 2
    for _ in range(30000):
        mujoco.mj_step(model, data)
    hanging = float(data.joint("knee").qpos[0])
    data.qvel[:] = 0.0
    data.joint("knee").qpos[0] = hanging - PENDULUM[0]
    angles = []
    for _ in range(5000):
        mujoco.mj_step(model, data)
        angles.append(hanging - float(data.joint("knee").qpos[0]))
    path = np.array([PENDULUM[0], *angles])
    peaks = np.flatnonzero((path[1:-1] > path[:-2]) & (path[1:-1] >= path[2:]) & (path[1:-1] > 0)) + 1
    return [PENDULUM[0], *path[peaks][: len(PENDULUM) - 1].tolist()]


def measure() -> dict[str, Any]:
    """Everything that the page, the picture and the tests need."""
    leg = Measured()
    arms_knee = [leg.moment_arms(knee, 0.0) for knee in KNEE]
    arms_ankle = [leg.moment_arms(10.0, ankle) for ankle in ANKLE]
    rows = []
    for arm in ARMS:
        grid, found = (KNEE, arms_knee) if arm.joint == "knee" else (ANKLE, arms_ankle)
        angles = np.linspace(*arm.angles, 9)
        values = np.interp(angles, grid, [abs(row[arm.muscle][arm.joint]) for row in found])
        low, high = arm.band(angles, WITHIN)
        rows.append(
            {
                "muscle": arm.muscle,
                "joint": arm.joint,
                "angles": list(arm.angles),
                "published": [arm.low, arm.high],
                "first": float(values[0]),
                "last": float(values[-1]),
                "least": float(values.min()),
                "largest": float(values.max()),
                "within": bool(((values >= low) & (values <= high)).all()),
                "source": arm.source,
            }
        )
    torques = [
        {
            "group": t.group,
            "knee": t.knee,
            "ankle": t.ankle,
            "published": [t.low, t.high],
            "measured": leg.strength(t.group, t.knee, t.ankle),
            "source": t.source,
        }
        for t in TORQUES
    ]
    hips = (leg, Measured(0.0))
    signs = {
        muscle: {
            joint: sorted(
                {
                    int(np.sign(round(other.moment_arms(knee, ankle)[muscle][joint], 6)))
                    for other in hips
                    for knee in (0.0, 45.0, 90.0, 142.0)
                    for ankle in (-56.0, 0.0, 12.0)
                }
            )
            for joint in JOINTS
        }
        for muscle in leg.muscles
    }
    return {
        "muscles": leg.muscles,
        "parameters": leg.parameters(),
        "moment_arms": rows,
        "torques": torques,
        "signs": signs,
        "passive_knee": [leg.torque("knee", knee, -20.0, ()) for knee in KNEE],
        "passive_ankle": [leg.torque("ankle", 70.0, ankle, ()) for ankle in ANKLE],
        "strength_knee": {
            group: [leg.strength(group, knee, 0.0) for knee in KNEE] for group in ("knee extension", "knee flexion")
        },
        "strength_ankle": {
            group: [leg.strength(group, 10.0, ankle) for ankle in ANKLE]
            for group in ("plantar flexion", "dorsiflexion")
        },
        "strength_ankle_knee_flexed": [leg.strength("plantar flexion", 90.0, ankle) for ankle in ANKLE],
        "arms_knee": {m: [row[m]["knee"] for row in arms_knee] for m in leg.muscles},
        "arms_ankle": {m: [row[m]["ankle"] for row in arms_ankle] for m in leg.muscles},
        "pendulum": pendulum(),
    }


def table(found: dict[str, Any]) -> str:
    """The tables of the page."""
    lines = ["| muscle | joint, from … to | published, cm | this leg, cm | source |", "|---|---|---|---|---|"]
    for row in found["moment_arms"]:
        first, last = row["angles"]
        low, high = row["published"]
        link = "→" if low > high else "–"
        own = (row["first"], row["last"]) if low > high else (row["least"], row["largest"])
        lines.append(
            f"| {row['muscle']} | {row['joint']}, {first:g}° … {last:g}° | {low:.1f} {link} {high:.1f} | "
            f"{own[0]:.1f} {link} {own[1]:.1f} | {row['source']} |"
        )
    lines += ["", "| isometric torque | knee, ankle | people, N m | this leg, N m | source |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['group']} | {row['knee']:g}°, {row['ankle']:g}° | "
        f"{row['published'][0]:.0f}–{row['published'][1]:.0f} | {row['measured']:.0f} | {row['source']} |"
        for row in found["torques"]
    ]
    knee, ankle = (np.abs(found[f"passive_{joint}"]).max() for joint in ("knee", "ankle"))
    swings, published = (", ".join(f"{x:.2f}" for x in values) for values in (found["pendulum"], PENDULUM))
    closing = (
        f"Largest passive torque over the whole range: knee {knee:.1f} N m, ankle {ankle:.1f} N m. Pendulum test, "
        f"amplitudes in rad: {swings}; in a person {published}."
    )
    lines += ["", closing, ""]
    lines += ["| muscle | force, N | optimal length, cm | slack tendon, cm | fibres, cm |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {row['force']:.0f} | {row['optimal']:.1f} | {row['slack']:.1f} | {FIBRES_CM[name]:.1f} |"
        for name, row in found["parameters"].items()
    ]
    return "\n".join(lines)


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw moment arms and torques over the angles of the joints, with the published values."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    colours = dict(
        zip(
            ("VL", "RF", "VM", "BF", "ST", "MG", "LG", "SOL", "TA"),
            ("#0072B2", "#56B4E9", "#003F63", "#D55E00", "#E69F00", "#009E73", "#7FCDB4", "#005C43", "#CC79A7"),
            strict=True,
        )
    )
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.4), layout="constrained")
    panels = (
        (axes[0, 0], "knee", KNEE, ("VL", "RF", "VM"), "Knee extensors"),
        (axes[0, 1], "knee", KNEE, ("BF", "ST", "MG", "LG"), "Knee flexors"),
        (axes[0, 2], "ankle", ANKLE, ("SOL", "MG", "LG", "TA"), "Ankle"),
    )
    for ax, joint, angles, muscles, title in panels:
        for muscle in muscles:
            ax.plot(angles, np.abs(found[f"arms_{joint}"][muscle]), color=colours[muscle], label=muscle)
        for arm in ARMS:
            if arm.joint == joint and arm.muscle in muscles and arm.muscle != "LG":
                span = np.linspace(*arm.angles, 9)
                ax.fill_between(span, *arm.band(span, WITHIN), color=colours[arm.muscle], alpha=0.13, lw=0)
        ax.set(title=f"{title}: moment arm", xlabel=f"{joint} angle, degrees", ylabel="cm", ylim=(0, 7))
        ax.legend(fontsize=8, ncols=2, frameon=False)
    knee, ankle, passive = axes[1]
    group_colours = dict(zip(GROUPS, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
    for group, values in found["strength_knee"].items():
        knee.plot(KNEE, values, color=group_colours[group], label=f"{group}, this leg")
        knee.plot(*STRONGER[group], color=group_colours[group], ls=":", lw=1.2, label=f"{group}, MyoLeg")
    for group, values in found["strength_ankle"].items():
        ankle.plot(ANKLE, values, color=group_colours[group], label=f"{group}, knee extended")
    bent = found["strength_ankle_knee_flexed"]
    ankle.plot(ANKLE, bent, color="#009E73", ls="--", label="plantar flexion, knee at 90°")
    ankle.axhspan(380, 421, color="#009E73", alpha=0.10, lw=0)
    ankle.text(-55, 400, "plantar flexion, MyoLeg", fontsize=8, va="center")
    for t in TORQUES:
        ax, at = (knee, t.knee) if "knee" in t.group else (ankle, t.ankle)
        colour = group_colours[t.group]
        shift = 1.2 if t.source == SOLEUS and t.knee > 70 else 0.0
        ax.errorbar(at + shift, (t.low + t.high) / 2, (t.high - t.low) / 2, color=colour, capsize=3, lw=2, alpha=0.6)
    knee.set(title="Knee: isometric torque, bars are people", xlabel="knee angle, degrees", ylabel="N m", ylim=(0, 430))
    ankle.set(
        title="Ankle: isometric torque, bars are people", xlabel="ankle angle, degrees", ylabel="N m", ylim=(0, 430)
    )
    passive.plot(KNEE, found["passive_knee"], color="#0072B2", label="knee")
    passive.plot(ANKLE, found["passive_ankle"], color="#009E73", label="ankle")
    passive.set(title="Passive torque of the relaxed leg", xlabel="angle, degrees", ylabel="N m", ylim=(-10, 10))
    for ax in (knee, ankle, passive):
        ax.legend(fontsize=8, frameon=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.2)
    with replacing(path) as part:
        figure.savefig(part, dpi=110, format="png")
    plt.close(figure)


def draw_postures(path: Path, width: int = 600, height: int = 500) -> None:
    """Draw the leg in some postures, with the muscles that bring it there."""
    from PIL import Image

    from neuromotion_gym.rendering.scene import SceneRenderer

    leg = Limb.load("leg")
    names = [leg.model.actuator(i).name for i in range(leg.model.nu)]
    frames = []
    with SceneRenderer(leg, width, height, degrees=("knee", "ankle")) as renderer:
        for knee, ankle, active in POSTURES:
            act = np.zeros(leg.model.na)
            act[[names.index(name) for name in active]] = 1.0
            frames.append(renderer.frame(np.radians([knee, ankle]), act=act))
    sheet = np.concatenate([np.concatenate(frames[:2], axis=1), np.concatenate(frames[2:], axis=1)])
    with replacing(path) as part:
        Image.fromarray(sheet).quantize(256).save(part, format="png", optimize=True)


def main() -> None:
    """Write the result, the tables of the page and the picture."""
    found = measure()
    write_text(RESULT, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    write_text(PAGE, f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}")
    draw(found, PLOT)
    draw_postures(PICTURE)
    print(table(found))


if __name__ == "__main__":
    main()
