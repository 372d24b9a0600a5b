"""Movements of the procedural world: joint angles over time.

A motion is a function of seconds that returns an array of shape (F, P): P named angles (degrees) and offsets
for each of F frames, see ``PARAMETERS``. Every call draws its own tempo, amplitude and phase, so no two walks
are the same.
"""

from collections.abc import Callable, Sequence

import numpy as np

# Arms point by polar angles seen from the torso: "arm" is 0 hanging, 90 level, 180 overhead; "_fwd" is 0 out
# to the side, 90 forward, 180 across the body. "fore" is the forearm, absolute like the upper arm. Legs:
# "leg" forward, "leg_out" sideways, "knee" flexion, "shin_out" sideways lean of the shin. "plant" is the
# share each foot has in holding the body's place: with 0.5 and 0.5 the feet stay and the hips move, with 0
# and 0 the hips stay.
_SIDED = ("arm", "arm_fwd", "fore", "fore_fwd", "leg", "leg_out", "knee", "shin_out", "plant")
_SIGNED = ("x", "yaw", "lean", "twist", "tilt", "head_yaw", "head_roll")
_UNSIGNED = ("jump", "bend", "head_nod")
PARAMETERS = (*_SIGNED, *_UNSIGNED, *(f"l_{n}" for n in _SIDED), *(f"r_{n}" for n in _SIDED))
COLUMN = {name: index for index, name in enumerate(PARAMETERS)}

_REST = {"arm": 10.0, "fore": 8.0, "fore_fwd": 30.0, "leg_out": 4.0, "shin_out": 3.0, "plant": 0.5}
_MIRROR_ORDER = [COLUMN[{"l_": "r_", "r_": "l_"}.get(n[:2], n[:2]) + n[2:]] for n in PARAMETERS]
_MIRROR_SIGN = np.array([-1.0 if name in _SIGNED else 1.0 for name in PARAMETERS])

Motion = Callable[[np.random.Generator, np.ndarray], np.ndarray]
Draw = Callable[[float, float], np.ndarray]  # evenly between two values


def mirror(pose: np.ndarray) -> np.ndarray:
    """Swap left and right: (F, P) to (F, P)."""
    return pose[:, _MIRROR_ORDER] * _MIRROR_SIGN


def _pose(num_frames: int, **angles: np.ndarray | float) -> np.ndarray:
    """Rest pose overridden by the given parameters; a name without its ``l_``/``r_`` sets both sides."""
    pose = np.zeros((num_frames, len(PARAMETERS)))
    for name, value in (_REST | angles).items():
        for column in (name,) if name in COLUMN else (f"l_{name}", f"r_{name}"):
            pose[:, COLUMN[column]] = value
    return pose


def _phase(rng: np.random.Generator, time: np.ndarray, low: float, high: float) -> np.ndarray:
    """Cycles done at each time, from a random start and at a random tempo between ``low`` and ``high`` Hz."""
    return rng.uniform(low, high) * time + rng.random()


def _sin(phase: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * phase)


def _held(phase: np.ndarray) -> np.ndarray:
    """A sine that lingers at its extremes, as limbs do when they change direction: -1..1."""
    return np.sin(np.pi / 2 * np.sin(2 * np.pi * phase))


def _pulse(phase: np.ndarray) -> np.ndarray:
    """0 at whole cycles, 1 half way between."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * phase)


def _keyframes(position: np.ndarray, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Eased steps through ``values`` (K, ...), repeating; ``position`` (F,) counts keyframes."""
    values = np.asarray(values, float)
    index = np.floor(position).astype(int)
    x = position - index
    ease = x * x * (3 - 2 * x)
    ease = ease.reshape(ease.shape + (1,) * (values.ndim - 1))
    return (1 - ease) * values[index % len(values)] + ease * values[(index + 1) % len(values)]


def _facing(rng: np.random.Generator, spread: float = 30) -> float:
    """A yaw near the direction of the camera."""
    return float(rng.normal(0, spread / 2))


def _gait(rng: np.random.Generator, time: np.ndarray, *, running: bool) -> np.ndarray:
    phase = _phase(rng, time, 1.2, 1.7) if running else _phase(rng, time, 0.7, 1.1)
    stride = rng.uniform(35, 50) if running else rng.uniform(20, 32)
    swing = rng.uniform(0.7, 1.1) * stride
    elbow = rng.uniform(70, 100) if running else rng.uniform(5, 35)
    yaw = float(rng.choice([-1, 1])) * rng.uniform(35, 95) if rng.random() < 0.8 else rng.normal(0, 25)
    if rng.random() < 0.12:
        yaw += 180
    speed = rng.choice([0.0, 0.25, 0.5]) * (1.6 if running else 1.0)
    step = _sin(phase)
    left, right = (stride * s + (10 if running else 0) for s in (step, -step))
    lift_left, lift_right = (_pulse(phase + o) for o in (0.95, 0.45))
    bent = rng.uniform(80, 110) if running else rng.uniform(40, 60)
    arms: dict[str, np.ndarray] = {}
    for side, sign in (("l", -1), ("r", 1)):
        angle = sign * swing * step
        arms |= {f"{side}_arm": np.abs(angle) + 4, f"{side}_arm_fwd": 88 * np.tanh(angle / 6)}
        arms |= {
            f"{side}_fore": np.abs(angle + elbow) + 2,
            f"{side}_fore_fwd": 88 * np.tanh((angle + elbow) / 8),
        }
    return _pose(
        len(time),
        x=np.sin(np.radians(yaw)) * speed * (time - time.mean()),
        yaw=yaw + 4 * step,
        twist=-8 * step,
        bend=rng.uniform(8, 18) if running else rng.uniform(0, 6),
        lean=2 * _sin(phase + 0.25),
        jump=0.05 * _pulse(2 * phase) if running else 0.0,
        l_leg=left, r_leg=right, leg_out=2, shin_out=1, plant=0,
        l_knee=5 + bent * lift_left**2, r_knee=5 + bent * lift_right**2,
        **arms,
    )  # fmt: skip


def walk(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _gait(rng, time, running=False)


def run(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _gait(rng, time, running=True)


def wave(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.8, 1.8)
    hand = _held(phase)
    other = rng.uniform(5, 40)
    return _pose(
        len(time), yaw=_facing(rng), lean=3 * _sin(phase / 2), head_roll=6 * _sin(phase / 2),
        l_arm=rng.uniform(85, 130) + 6 * hand, l_arm_fwd=rng.uniform(-10, 40),
        l_fore=rng.uniform(160, 185) + rng.uniform(20, 40) * hand, l_fore_fwd=0,
        r_arm=other, r_fore=other + rng.uniform(-10, 30), r_fore_fwd=rng.choice([0, 90, 160]),
        leg_out=rng.uniform(3, 14), shin_out=rng.uniform(3, 12), r_knee=rng.uniform(0, 20),
        r_leg=rng.uniform(0, 12),
    )  # fmt: skip


def jumping_jack(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.7, 1.3)
    open_ = 0.5 - 0.5 * _held(phase + 0.25)
    high = rng.uniform(140, 175)
    return _pose(
        len(time), yaw=_facing(rng, 20), jump=rng.uniform(0.03, 0.09) * _pulse(2 * phase), bend=3,
        arm=12 + high * open_, fore=12 + (high + rng.uniform(-10, 10)) * open_, fore_fwd=10,
        leg_out=3 + rng.uniform(18, 30) * open_, shin_out=3 + rng.uniform(16, 28) * open_,
        knee=12 * (1 - open_), leg=6,
    )  # fmt: skip


def squat(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.4, 0.9)
    down = 0.5 - 0.5 * _held(phase)
    deep = rng.uniform(50, 95)
    reach = rng.uniform(40, 90)
    arm_fwd = rng.uniform(20, 90)
    return _pose(
        len(time), yaw=_facing(rng, 90), bend=4 + rng.uniform(15, 40) * down, head_nod=-10 * down,
        leg=deep * down, knee=deep * 1.6 * down + 3, leg_out=8 + rng.uniform(10, 28) * down,
        shin_out=8 + rng.uniform(-4, 8) * down,
        arm=12 + reach * down, arm_fwd=arm_fwd, fore=12 + reach * down + rng.uniform(0, 60), fore_fwd=arm_fwd,
    )  # fmt: skip


def kick(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.5, 0.9)
    up = _pulse(phase) ** 2
    chamber = _pulse(phase + 0.15) ** 2
    high = rng.uniform(60, 105)
    sideways = rng.uniform(0, 1)
    guard = rng.uniform(60, 100)
    return _pose(
        len(time), yaw=rng.uniform(-80, 80), bend=-14 * up, lean=10 * sideways * up,
        l_leg=high * (1 - 0.8 * sideways) * up, l_leg_out=6 + high * sideways * up,
        l_shin_out=6 + high * sideways * up,
        l_knee=8 + 70 * chamber * (1 - up), l_plant=0, r_plant=1, r_knee=10, r_leg=5, r_leg_out=6,
        arm=35 + 25 * up, arm_fwd=40, l_fore=guard + 20 * up, r_fore=guard, fore_fwd=90,
    )  # fmt: skip


def disco(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.5, 1.0)
    beat = _held(phase)
    up = 0.5 + 0.5 * beat
    return _pose(
        len(time), yaw=_facing(rng) + 10 * beat, lean=-rng.uniform(5, 12) * beat, twist=12 * beat,
        head_yaw=-20 * beat,
        l_arm=35 + 110 * up, l_arm_fwd=150 * (1 - up), l_fore=40 + 105 * up, l_fore_fwd=150 * (1 - up),
        r_arm=rng.uniform(35, 50), r_arm_fwd=-15, r_fore=rng.uniform(40, 60), r_fore_fwd=160,
        l_leg_out=14 - 6 * beat, r_leg_out=14 + 6 * beat, shin_out=10,
        l_leg=14 * (1 - up), l_knee=30 * (1 - up), r_leg=14 * up, r_knee=30 * up,
    )  # fmt: skip


def arm_wave(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.5, 1.0)
    size = rng.uniform(20, 45)
    level = rng.uniform(80, 100)
    lag = rng.uniform(0.1, 0.2)
    return _pose(
        len(time), yaw=_facing(rng), lean=6 * _sin(phase), head_roll=8 * _sin(phase),
        twist=6 * _sin(phase + 0.2),
        l_arm=level + size * _sin(phase), l_fore=level + size * _sin(phase - lag),
        r_arm=level + size * _sin(phase - 0.5), r_fore=level + size * _sin(phase - 0.5 - lag), fore_fwd=0,
        leg_out=rng.uniform(6, 16), shin_out=rng.uniform(4, 14),
        knee=10 + 8 * _sin(2 * phase), leg=6 + 4 * _sin(2 * phase),
    )  # fmt: skip


def hip_sway(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.6, 1.1)
    sway = _held(phase)
    size = rng.uniform(6, 12)
    arm, fore, across = rng.choice(
        [(40, 45, 160), (100, 165, 60), (60, 120, 60), (25, 60, 60), (140, 150, 0)]
    )
    return _pose(
        len(time), yaw=_facing(rng), lean=-size * 0.8 * sway, twist=5 * sway, head_roll=7 * sway,
        l_leg_out=8 - size * sway, l_shin_out=8 - size * sway, r_leg_out=8 + size * sway,
        r_shin_out=8 + size * sway,
        knee=12 + 8 * _pulse(2 * phase), leg=8 + 4 * _pulse(2 * phase),
        l_arm=arm + 10 * sway, r_arm=arm - 10 * sway, l_fore=fore + 18 * sway, r_fore=fore - 18 * sway,
        fore_fwd=across,
    )  # fmt: skip


def spin(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.25, 0.6)
    arm = rng.uniform(50, 100)
    bob = _pulse(4 * phase)
    return _pose(
        len(time), yaw=360 * (phase + 0.05 * _sin(phase)), twist=10, lean=4, jump=0.02 * bob,
        arm=arm + 12 * bob, fore=arm + rng.uniform(-10, 60), fore_fwd=rng.uniform(0, 50),
        l_leg_out=rng.uniform(4, 14), r_leg=8 * bob, r_knee=25 * bob,
    )  # fmt: skip


def macarena(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    beat = _phase(rng, time, 1.2, 2.0) * 1.0 + rng.integers(8)
    # One arm follows the other by a beat: forward, shoulder, head, hip.
    steps = {
        "arm": [85, 85, 60, 60, 110, 110, 35, 35],
        "arm_fwd": [85, 85, 70, 70, 30, 30, 0, 0],
        "fore": [85, 85, 100, 100, 150, 150, 40, 40],
        "fore_fwd": [88, 88, 170, 170, 150, 150, 160, 160],
    }
    arms = {
        f"{side}_{k}": _keyframes(beat - lag, v)
        for side, lag in (("l", 0), ("r", 1))
        for k, v in steps.items()
    }
    sway = _sin(beat / 2)
    return _pose(
        len(time), yaw=_facing(rng), lean=-4 * sway, knee=12 + 8 * sway, leg=8 + 4 * sway,
        l_leg_out=10 - 6 * sway, r_leg_out=10 + 6 * sway, shin_out=8, **arms,
    )  # fmt: skip


def dribble(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 1.0, 1.7)
    push = _held(phase)
    crouch = rng.uniform(10, 45)
    drift = _sin(phase / rng.uniform(2, 4))
    return _pose(
        len(time), x=0.05 * drift, yaw=_facing(rng, 70) + 15 * drift, bend=rng.uniform(8, 35) + 5 * push,
        lean=8 * drift, head_nod=-8, twist=-10,
        l_arm=rng.uniform(30, 75) + 14 * push, l_arm_fwd=rng.uniform(0, 50),
        l_fore=rng.uniform(45, 85) + 30 * push, l_fore_fwd=rng.uniform(10, 80),
        r_arm=rng.uniform(25, 70) - 8 * push, r_arm_fwd=rng.uniform(-20, 40), r_fore=rng.uniform(30, 100),
        r_fore_fwd=60,
        l_leg=crouch + 8 * drift, r_leg=crouch - 8 * drift, knee=crouch * 1.7 + 6 * push,
        leg_out=rng.uniform(8, 28), shin_out=rng.uniform(4, 16),
    )  # fmt: skip


def bow(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    down = 0.5 - 0.5 * _held(_phase(rng, time, 0.3, 0.6))
    arm, across = rng.choice([(15, 60), (45, 0), (50, 150)])
    return _pose(
        len(time), yaw=rng.uniform(-90, 90), bend=rng.uniform(45, 85) * down, head_nod=12 * down,
        knee=8 * down, leg=-4 * down,
        arm=10 + arm * down, l_fore=12 + arm * down, r_fore=12 + arm * down, fore_fwd=across,
    )  # fmt: skip


def turn(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.25, 0.6)
    angle = _held(phase)
    reach = rng.uniform(5, 50)
    return _pose(
        len(time), yaw=rng.uniform(60, 120) * angle + rng.choice([0, 0, 180]), twist=15 * _sin(phase + 0.2),
        head_yaw=20 * _sin(phase + 0.25), arm=reach, fore=reach + rng.uniform(0, 70),
        fore_fwd=rng.uniform(20, 80),
        l_leg_out=rng.uniform(4, 12), r_leg_out=rng.uniform(4, 12), knee=8 + 8 * _pulse(2 * phase), leg=5,
    )  # fmt: skip


def punch(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.7, 1.4)
    left, right = _pulse(phase) ** 2, _pulse(phase + 0.5) ** 2
    return _pose(
        len(time), yaw=rng.uniform(-85, 85), twist=25 * (right - left), bend=8, head_nod=5,
        l_arm=40 + 48 * left, l_arm_fwd=60 + 28 * left, l_fore=140 - 52 * left, l_fore_fwd=90,
        r_arm=40 + 48 * right, r_arm_fwd=60 + 28 * right, r_fore=140 - 52 * right, r_fore_fwd=90,
        l_leg=rng.uniform(15, 28), r_leg=-rng.uniform(8, 20), knee=18 + 6 * _pulse(2 * phase),
        leg_out=rng.uniform(4, 14),
    )  # fmt: skip


def cheer(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.7, 1.4)
    pump = _held(phase)
    opposite = rng.choice([-1, 1])
    height = rng.uniform(110, 150)
    bend = rng.uniform(0, 50)
    return _pose(
        len(time), yaw=_facing(rng), jump=rng.choice([0, 0.08]) * _pulse(phase) ** 2,
        lean=(1 - opposite) * 3 * pump,
        l_arm=height + 22 * pump, l_fore=height + bend + 28 * pump, head_nod=-8,
        r_arm=height + 22 * opposite * pump, r_fore=height + bend + 28 * opposite * pump, fore_fwd=20,
        leg_out=rng.uniform(4, 22), shin_out=rng.uniform(4, 18), knee=16 - 12 * pump, leg=8 - 6 * pump,
    )  # fmt: skip


def ski(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.3, 0.7)
    carve = _held(phase)
    crouch = rng.uniform(20, 50)
    return _pose(
        len(time), x=0.12 * _sin(phase + 0.1), yaw=rng.uniform(-90, 90) + 20 * carve,
        tilt=rng.uniform(12, 32) * carve,
        lean=-14 * carve, bend=rng.uniform(10, 35), head_yaw=rng.uniform(-40, 40), head_nod=-10,
        leg=crouch + 8 * carve, knee=crouch * 1.6 + 12 * carve, leg_out=rng.uniform(2, 12), plant=0.5,
        l_arm=rng.uniform(35, 85) + 12 * carve, r_arm=rng.uniform(35, 85) - 12 * carve,
        arm_fwd=rng.uniform(-10, 50),
        fore=rng.uniform(50, 95), fore_fwd=rng.uniform(20, 80),
    )  # fmt: skip


def stand(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    phase = _phase(rng, time, 0.2, 0.5)
    breath = _sin(phase)
    pose = random_poses(rng, 1)[0] + np.zeros((len(time), 1))
    for name, size in (
        ("l_arm", 4),
        ("r_arm", 4),
        ("l_fore", 6),
        ("r_fore", 5),
        ("lean", 1.5),
        ("head_yaw", 8),
    ):
        pose[:, COLUMN[name]] += size * breath
    return pose


def freestyle(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Random poses, each eased into the next: covers what the named motions leave out."""
    keys = random_poses(rng, 8)
    position = _phase(rng, time, 1.0, 2.2)
    pose = _keyframes(position, keys)
    pose[:, COLUMN["yaw"]] += 10 * _sin(position / 2)
    if rng.random() < 0.25:  # leaning as a whole, as in skating or falling
        pose[:, COLUMN["tilt"]] = rng.uniform(-50, 50) * (0.7 + 0.3 * _sin(position / 3))
    return pose


def random_poses(rng: np.random.Generator, count: int) -> np.ndarray:
    """Plausible poses of one dancer, (count, P): free arms, a few kinds of stance, one general facing."""

    def draw(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, count)

    stance = rng.integers(9, size=count)
    wide, left_bent, right_bent, lunge, left_raised, right_raised = (stance == kind for kind in range(6))
    out = np.where(wide, draw(18, 36), draw(-8, 16))  # negative: legs crossed
    limbs: dict[str, np.ndarray] = {}
    for side, bent, raised in (("l", left_bent, left_raised), ("r", right_bent, right_raised)):
        angles = _random_arm(draw) | _random_leg(draw, out, wide, bent, raised)
        limbs |= {f"{side}_{name}": values for name, values in angles.items()}
    limbs["l_leg"] += np.where(lunge, 30, 0)
    limbs["r_leg"] -= np.where(lunge, 20, 0)
    limbs["l_knee"] += np.where(lunge, 25, 0)
    facing = rng.uniform(-90, 90) if rng.random() < 0.4 else rng.normal(0, 20)
    return _pose(
        count, x=draw(-0.04, 0.04), yaw=facing + draw(-25, 25), twist=draw(-18, 18),
        lean=draw(-14, 14), bend=draw(-14, 20), head_yaw=draw(-30, 30), head_roll=draw(-10, 10),
        head_nod=draw(-12, 12), **limbs,
    )  # fmt: skip


def _random_arm(draw: Draw) -> dict[str, np.ndarray]:
    """Low or raised, some across the body; the forearm bends up or inward from it, a little or a lot."""
    arm = np.where(draw(0, 1) < 0.45, draw(85, 175), draw(8, 85))
    forward = np.where(draw(0, 1) < 0.2, draw(75, 160), draw(-25, 75))
    return {
        "arm": arm,
        "arm_fwd": forward,
        "fore": np.clip(arm + draw(-30, 110), 5, 185),
        "fore_fwd": forward + np.where(draw(0, 1) < 0.25, draw(90, 180), draw(0, 110)),
    }


def _random_leg(
    draw: Draw, out: np.ndarray, wide: np.ndarray, bent: np.ndarray, raised: np.ndarray
) -> dict[str, np.ndarray]:
    """On the ground; or raised, nearly straight, forward or out; or with its knee lifted."""
    sideways = draw(0, 1)
    leg_out = np.where(raised, draw(20, 105) * sideways, out + draw(0, 6))
    shin_out = leg_out * np.where(raised, 1, draw(0.1, 1))
    leg, lifted, kicked = draw(0, 10), draw(10, 80), draw(20, 105) * (1 - sideways)
    knee, folded, bowed, eased = draw(4, 18), draw(25, 95), draw(0, 35), draw(-4, 40)
    return {
        "leg_out": leg_out,
        "shin_out": shin_out,
        "leg": leg + np.where(bent, lifted, 0) + np.where(raised, kicked, 0),
        "knee": knee + np.where(bent, folded, 0) + np.where(wide, bowed, 0) + np.where(raised, eased, 0),
        "plant": np.where(raised, 0, 0.5),
    }


REGISTRY: dict[str, Motion] = {
    "walk": walk, "run": run, "wave": wave, "jumping jacks": jumping_jack, "squat": squat, "kick": kick,
    "disco": disco, "arm wave": arm_wave, "hip sway": hip_sway, "spin": spin, "macarena": macarena,
    "dribble": dribble, "bow": bow, "turn": turn, "punch": punch, "cheer": cheer, "ski": ski, "stand": stand,
    "freestyle": freestyle,
}  # fmt: skip
