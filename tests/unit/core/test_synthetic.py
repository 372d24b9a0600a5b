"""The procedural world: what training and evaluation rely on."""

import numpy as np
import pytest

from fyp_core.synthetic import (
    CHARACTERS,
    HELD_OUT_MOTIONS,
    HELD_OUT_PAIRS,
    MOTIONS,
    SCENES,
    STYLES,
    WorldClip,
    caption,
    sample_clip,
    vocabulary,
)
from fyp_core.synthetic.body import Proportions, keypoints, solve
from fyp_core.synthetic.captions import words
from fyp_core.synthetic.motions import REGISTRY, mirror
from fyp_core.synthetic.scenes import background
from pose_extraction.skeleton import KEYPOINT_NAMES

LEFT, RIGHT = ([i for i, n in enumerate(KEYPOINT_NAMES) if n.startswith(side)] for side in ("left", "right"))
WRISTS = [KEYPOINT_NAMES.index("left_wrist"), KEYPOINT_NAMES.index("right_wrist")]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def figure_mask(seed: int, **choices: str) -> tuple[np.ndarray, WorldClip]:
    """Where a clip differs from its plain background, whose colour changes only from row to row."""
    clip = sample_clip(rng(seed), **choices)
    plain = np.median(clip.frames.reshape(len(clip.frames), clip.frames.shape[1], -1, 3), axis=(0, 2))
    return np.abs(clip.frames.astype(int) - plain[None, :, None]).max(-1) > 12, clip


def test_a_clip_has_the_announced_shapes_and_types():
    clip = sample_clip(rng(), num_frames=5, size=64)
    assert clip.frames.shape == clip.skeletons().shape == (5, 64, 64, 3)
    assert clip.frames.dtype == clip.skeletons().dtype == np.uint8
    assert clip.keypoints[:, 0].shape == (5, 17, 2) and clip.keypoints[:, 0].dtype == np.float32
    assert clip.scores[:, 0].shape == (5, 17) and clip.scores[:, 0].dtype == np.float32
    assert clip.scores[:, 0].min() >= 0 and clip.scores[:, 0].max() <= 1


@pytest.mark.parametrize("style", ["", *STYLES])
def test_the_same_seed_gives_the_same_clip_and_another_seed_another(style):
    first, again, other = (sample_clip(rng(seed), style=style) for seed in (3, 3, 4))
    assert np.array_equal(first.frames, again.frames) and np.array_equal(first.keypoints, again.keypoints)
    assert (first.caption, first.motion) == (again.caption, again.motion)
    assert not np.array_equal(first.frames, other.frames)


def test_every_named_thing_can_be_rendered():
    for index in range(max(len(CHARACTERS), len(SCENES), len(MOTIONS))):
        clip = sample_clip(
            rng(index),
            num_frames=2,
            character=CHARACTERS[index % len(CHARACTERS)],
            scene=SCENES[index % len(SCENES)],
            motion=MOTIONS[index % len(MOTIONS)],
        )
        assert np.isfinite(clip.keypoints[:, 0]).all()
        assert (
            clip.character == CHARACTERS[index % len(CHARACTERS)]
            and clip.scene == SCENES[index % len(SCENES)]
        )


def test_the_world_is_as_rich_as_promised():
    assert len(CHARACTERS) >= 20 and len(SCENES) >= 19 and len(MOTIONS) >= 12 and len(STYLES) == 4


def test_training_never_shows_a_held_out_pair_or_motion():
    generator = rng()
    clips = [sample_clip(generator, num_frames=1, size=32) for _ in range(400)]
    assert not {(clip.character, clip.scene) for clip in clips} & HELD_OUT_PAIRS
    assert not {clip.motion for clip in clips} & HELD_OUT_MOTIONS
    assert {clip.character for clip in clips} == set(CHARACTERS)
    assert {clip.scene for clip in clips} == set(SCENES)


def test_held_out_splits_show_nothing_else():
    generator = rng()
    clips = [sample_clip(generator, 1, 32, split="held_out", motions="held_out") for _ in range(100)]
    assert {(clip.character, clip.scene) for clip in clips} <= HELD_OUT_PAIRS
    assert {clip.motion for clip in clips} == HELD_OUT_MOTIONS


def test_about_a_tenth_of_the_pairs_is_held_out_and_each_name_is_still_seen():
    assert 0.07 < len(HELD_OUT_PAIRS) / (len(CHARACTERS) * len(SCENES)) < 0.13
    for names, place in ((CHARACTERS, 0), (SCENES, 1)):
        held = [pair[place] for pair in HELD_OUT_PAIRS]
        assert all(held.count(name) <= 3 for name in names)


@pytest.mark.parametrize(
    "unknown", [{"character": "nobody"}, {"scene": "nowhere"}, {"motion": "x"}, {"style": "x"}]
)
def test_unknown_names_are_refused(unknown):
    with pytest.raises(ValueError):
        sample_clip(rng(), 1, 32, **unknown)


def test_keypoints_lie_on_the_drawn_figure():
    """Wrists, elbows and knees in sight are painted over in nearly all frames, for every character."""
    hits, total = 0, 0
    for index, character in enumerate(CHARACTERS):
        scene = "yellow background" if character != "fireman" else "blue background"
        mask, clip = figure_mask(index, character=character, scene=scene)
        for joints in (WRISTS, [7, 8], [13, 14], [5, 6]):
            points = clip.keypoints[:, 0, joints].reshape(-1, 2).round().astype(int)
            seen = ((points >= 0) & (points < 128)).all(1)
            frames = np.repeat(np.arange(8), 2)[seen]
            x, y = points[seen].T
            hits, total = hits + mask[frames, y, x].sum(), total + seen.sum()
    assert total > 500
    assert hits / total > 0.97


def test_the_background_holds_still_outside_the_figure():
    for scene in ("forest", "moon", "street"):
        clip = sample_clip(rng(1), scene=scene)
        reach = 0.22 * (np.ptp(clip.keypoints[..., 1]) + 1)
        left, right = clip.keypoints[..., 0].min() - reach, clip.keypoints[..., 0].max() + reach
        columns = np.r_[0 : max(0, int(left)), min(128, int(right) + 1) : 128]
        assert columns.size
        still = clip.frames[:, :, columns]
        assert (still == still[:1]).all()


@pytest.mark.parametrize(("height", "width"), [(96, 48), (48, 112)])
def test_scenes_fill_portrait_and_wide_pictures_from_side_to_side(height, width):
    for scene in SCENES:
        image, again = (background(scene, rng(2), height, width).astype(int) for _ in range(2))
        assert image.shape == (height, width, 3) and np.array_equal(image, again)
        for outer, inner in ((0, 2), (-1, -3)):
            assert np.median(np.abs(image[:, outer] - image[:, inner])) < 60, scene


def test_the_figure_moves():
    for seed in range(5):
        clip = sample_clip(rng(seed), motion="freestyle")
        assert np.abs(np.diff(clip.keypoints[:, 0], axis=0)).max() > 1


def test_left_is_on_the_viewers_right_when_the_person_faces_the_camera():
    bones = solve(REGISTRY["wave"](rng(), np.zeros(1)) * 0, Proportions())
    x = keypoints(bones)[0, :, 0]
    assert (x[LEFT] > x[RIGHT]).all()


@pytest.mark.parametrize("motion", MOTIONS)
def test_mirroring_a_motion_swaps_left_and_right(motion):
    pose = REGISTRY[motion](rng(5), np.arange(4) / 6)
    straight, mirrored = (keypoints(solve(p, Proportions())) for p in (pose, mirror(pose)))
    swapped = mirrored.copy()
    swapped[:, LEFT], swapped[:, RIGHT] = mirrored[:, RIGHT], mirrored[:, LEFT]
    np.testing.assert_allclose(swapped * [-1, 1, 1], straight, atol=1e-9)


@pytest.mark.parametrize("motion", MOTIONS)
def test_bones_keep_their_length_and_feet_the_ground(motion):
    body = Proportions()
    points = keypoints(solve(REGISTRY[motion](rng(2), np.arange(8) / 6), body))
    for start, end, length in (
        (5, 7, body.upper_arm),
        (8, 10, body.forearm),
        (11, 13, body.thigh),
        (14, 16, body.shin),
    ):
        np.testing.assert_allclose(
            np.linalg.norm(points[:, start] - points[:, end], axis=-1), length, rtol=1e-6
        )
    assert points[:, 15:, 1].max() < 0.2  # y is down: nobody sinks, a tilted skier apart


def test_scores_drop_outside_the_picture_and_behind_the_head():
    clips = [sample_clip(rng(seed), 2, motion="spin") for seed in range(40)]
    points = np.concatenate([clip.keypoints[:, 0] for clip in clips])
    scores = np.concatenate([clip.scores[:, 0] for clip in clips])
    far_out = ((points < -8) | (points > 135)).any(-1)
    assert far_out.any() and (scores[far_out] < 0.3).all()
    nose, eyes = KEYPOINT_NAMES.index("nose"), [1, 2]
    assert (scores[:, nose] < 0.3).any() and (scores[:, eyes] > 0.9).any()


NAMES_IN_CAPTIONS = {
    "astronaut": ("astronaut", "spaceman", "cosmonaut"),
    "robot": ("robot", "android"),
    "panda": ("panda",),
    "hulk": ("hulk",),
    "iron man": ("iron man", "ironman"),
    "stormtrooper": ("stormtrooper", "storm trooper"),
    "policeman": ("policeman", "police officer", "cop"),
    "fireman": ("fireman", "firefighter"),
    "batman": ("batman",),
    "superman": ("superman",),
    "spiderman": ("spiderman", "spider man"),
    "santa": ("santa",),
    "man": ("man", "guy"),
    "woman": ("woman", "girl", "lady"),
    "captain america": ("captain america",),
    "darth vader": ("darth vader",),
    "king": ("king",),
    "chef": ("chef", "cook"),
    "pirate": ("pirate",),
    "wizard": ("wizard", "magician"),
    "teddy bear": ("teddy bear", "brown bear", "bear"),
    "skeleton": ("skeleton",),
    "beach": ("beach",),
    "sea": ("sea", "ocean", "water"),
    "moon": ("moon",),
    "snow": ("snow", "snowy"),
    "antarctica": ("antarctica", "antarctic", "south pole", "ice"),
    "forest": ("forest", "woods", "jungle"),
    "desert": ("desert", "sahara"),
    "street": ("street", "city", "road"),
    "park": ("park",),
    "mountain": ("mountain", "mountains"),
    "gym": ("gym",),
    "castle": ("castle",),
    "stage": ("stage",),
    "galaxy": ("galaxy", "space"),
    "underwater": ("underwater", "under water", "under the sea", "bottom of the sea"),
} | {f"{color} background": (color,) for color in ("red", "blue", "green", "yellow")}


@pytest.mark.parametrize("subject", [*CHARACTERS, *SCENES])
def test_every_wording_names_character_and_scene_in_known_words(subject):
    generator, known = rng(), set(vocabulary())
    for trial in range(60):
        character = subject if subject in CHARACTERS else CHARACTERS[trial % len(CHARACTERS)]
        scene = subject if subject in SCENES else SCENES[trial % len(SCENES)]
        style = ("", *STYLES)[trial % 5]
        tokens = words(caption(generator, [character], scene, MOTIONS[trial % len(MOTIONS)], style))
        sentence = f" {' '.join(tokens)} "
        for name in (character, scene):
            assert any(f" {word} " in sentence for word in NAMES_IN_CAPTIONS[name]), sentence
        assert set(tokens) <= known


def test_about_half_of_the_captions_leave_the_motion_out():
    generator = rng()
    texts = [caption(generator, ["robot"], "gym", "kick", "").lower() for _ in range(400)]
    share = np.mean(["kick" in text for text in texts])
    assert 0.35 < share < 0.6
    assert len(set(texts)) > 40


def test_the_vocabulary_is_sorted_lower_case_and_free_of_repeats():
    known = vocabulary()
    assert known == sorted(set(known)) and all(words(word) == [word] for word in known)
