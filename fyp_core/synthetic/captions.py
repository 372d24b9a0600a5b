"""Sentences about a clip, in the many wordings people type, and the words a tokenizer needs for them."""

import re
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

# With its article; "the" and bare forms are derived. Names of persons take no article.
_SUBJECTS: dict[str, tuple[str, ...]] = {
    "astronaut": ("an astronaut", "an astronaut", "a spaceman", "a cosmonaut"),
    "robot": ("a robot", "a robot", "an android"),
    "panda": ("a panda", "a panda", "a panda bear"),
    "hulk": ("hulk", "the hulk", "the incredible hulk"),
    "iron man": ("iron man", "iron man", "ironman"),
    "stormtrooper": ("a stormtrooper", "a stormtrooper", "a storm trooper"),
    "policeman": ("a policeman", "a police officer", "a cop"),
    "fireman": ("a fireman", "a firefighter"),
    "batman": ("batman", "batman", "the batman"),
    "superman": ("superman",),
    "spiderman": ("spiderman", "spider man", "spider-man"),
    "santa": ("santa", "santa claus"),
    "man": ("a man", "a man", "a guy"),
    "woman": ("a woman", "a woman", "a girl", "a lady"),
    "captain america": ("captain america", "captain america"),
    "darth vader": ("darth vader", "darth vader"),
    "king": ("a king", "a king", "a king with a crown"),
    "chef": ("a chef", "a chef", "a cook"),
    "pirate": ("a pirate", "a pirate", "a pirate with a hat"),
    "wizard": ("a wizard", "a wizard", "a magician"),
    "teddy bear": ("a teddy bear", "a teddy bear", "a brown bear", "a bear"),
    "skeleton": ("a skeleton", "a skeleton", "a human skeleton"),
}

_PLACES: dict[str, tuple[str, ...]] = {
    "beach": ("on the beach", "on the beach", "at the beach", "on a beach", "on a sandy beach"),
    "sea": ("in the sea", "on the sea", "in the ocean", "on the ocean", "in the water"),
    "moon": ("on the moon", "on the moon", "on the surface of the moon"),
    "snow": ("in the snow", "on the snow", "in a snowy landscape", "in the snowy winter"),
    "antarctica": ("in Antarctica", "in Antarctica", "at the South Pole", "in the Antarctic", "on the ice"),
    "forest": ("in the forest", "in a forest", "in the woods", "in the jungle"),
    "desert": ("in the desert", "in a desert", "in the Sahara", "in the Sahara desert"),
    "street": ("on the street", "in the street", "in the city", "on a city street", "on the road"),
    "park": ("in the park", "in a park", "in the green park"),
    "mountain": ("on the mountain", "on a mountain", "in the mountains", "on top of a mountain"),
    "gym": ("in the gym", "in a gym", "at the gym"),
    "castle": ("in front of a castle", "in front of the castle", "at the castle", "near a castle"),
    "stage": ("on stage", "on the stage", "on a stage", "on a concert stage", "on a theater stage"),
    "galaxy": ("in the galaxy", "in space", "in outer space", "in a galaxy"),
    "underwater": ("underwater", "underwater", "under water", "at the bottom of the sea", "under the sea"),
} | {
    f"{color} background": (
        f"on a {color} background", f"with a {color} background", f"against a {color} background",
        f"in front of a {color} wall",
    )
    for color in ("red", "blue", "green", "yellow")
}  # fmt: skip

_DANCE = ("dancing", "dances")
_ACTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "walk": (("walking", "walks"),),
    "run": (("running", "runs"), ("jogging", "jogs")),
    "wave": (("waving", "waves"), ("waving a hand", "waves a hand")),
    "jumping jacks": (("jumping", "jumps"), ("doing jumping jacks", "does jumping jacks")),
    "squat": (("squatting", "squats"), ("doing squats", "does squats")),
    "kick": (("kicking", "kicks"),),
    "disco": (_DANCE, ("dancing disco", "dances disco")),
    "arm wave": (_DANCE, ("waving both arms", "waves both arms")),
    "hip sway": (_DANCE,),
    "spin": (("spinning", "spins"), _DANCE),
    "macarena": (_DANCE, ("dancing the macarena", "dances the macarena")),
    "dribble": (("playing basketball", "plays basketball"), ("dribbling a ball", "dribbles a ball")),
    "bow": (("bowing", "bows"),),
    "turn": (("turning around", "turns around"), ("turning", "turns")),
    "punch": (("boxing", "boxes"), ("punching", "punches")),
    "cheer": (("cheering", "cheers"), ("celebrating", "celebrates")),
    "ski": (("skiing", "skis"), ("snowboarding", "snowboards")),
    "stand": (("standing", "stands"), ("posing", "poses")),
    "freestyle": (_DANCE, _DANCE, ("moving", "moves")),
}

_STYLE_PHRASES: dict[str, tuple[str, ...]] = {
    "at sunset": ("at sunset", "at sunset", "in the sunset"),
    "cartoon": ("cartoon style", "in cartoon style", "cartoon"),
    "van gogh": ("Van Gogh style", "in the style of Van Gogh", "in Van Gogh style", "Vincent Van Gogh style"),
    "minecraft": ("Minecraft style", "in Minecraft style", "in Minecraft", "Minecraft"),
}

_NUMBERS = {2: "two", 3: "three"}

_STILL_TEMPLATES = (
    "{a} {place}", "{a} {place}", "{the} {place}", "{the} is {place}", "{name} {place}", "{name}, {scene}",
    "a video of {a} {place}", "a photo of {a} {place}",
)  # fmt: skip
_MOVING_TEMPLATES = (
    "{a} {doing} {place}", "{a} is {doing} {place}", "{the} is {doing}, {place}", "{a} {does} {place}",
    "{name} {does} {place}", "{name} {doing}, {scene}", "a video of {a} {doing} {place}",
)  # fmt: skip

# Words of prompts seen in galleries of such models: known to the tokenizer although no clip shows them.
_COMMON_WORDS = """
a about above across actor against all alone an ancient and animal animated anime art artist as astronauts
at autumn background bad ball ballet bare bear beautiful before behind best big black blurry boat body boy
bridge bright brown building by captain car castle cat chef child chinese cinematic clear close clothes
cloud clouds clown club cold color colorful concert cool costume couple court cowboy crowd cute cyberpunk
dance dancer dark day deformed desk detailed dinosaur disney dog doll down dragon drawing dress during earth
elephant elon elsa evening face fantasy fast female fi field fighting figure film fire flower flowers flying
football for fox full futuristic galaxy garden gentleman ghost giant glasses gold golden good gorilla grass
gray great group hair hall hand hands happy hat hd he helmet her hero high hill his holding home horse house
human ice iceberg in indoor indoors inside island it jacket japanese jumping jungle keanu kid kids king
kitchen knight lake landscape lego light lion little long looking low lunar male man many mars marvel mask
men michael monkey monster morning movie musk mysterious near neon new night no obama ocean of off office
oil old on one orange orangutan outdoors over painting palace palm people performing person picasso pink
pirate pixar pixel player playing pool portrait president prince princess professional purple pyramid queen
rain realistic restaurant river road rock roof room running sand scene school sci shirt silver singer
sitting skeleton sketch skirt sky skyscraper small smiling snowman soldier space sports square stadium stage
standing star stars statue stone studio style suit summer sun sunny sunrise superhero supermarket surfing
sweater swimming sword table tall teacher teddy temple that the their three through tiger time times to
tokyo tower town toy track tree trees trump two ultra under underwater uniform universe up vader vampire van
very video village walking wall warrior watching water watercolor waterfall wearing wedding werewolf white
wild wind winter witch with wizard women wonder world yellow yeti yoga young zebra zombie
"""


def words(text: str) -> list[str]:
    """Lower-case words, punctuation dropped."""
    return re.findall(r"[a-z0-9]+", text.lower())


def vocabulary() -> list[str]:
    """Every word a caption can hold and common words of prompts, sorted."""
    phrases = [_COMMON_WORDS, *_STILL_TEMPLATES, *_MOVING_TEMPLATES, *_PLACES]
    for table in (_SUBJECTS, _PLACES, _STYLE_PHRASES):
        phrases += [phrase for choices in table.values() for phrase in choices]
    phrases += [_plural(subject) for subjects in _SUBJECTS.values() for subject in subjects]
    phrases += _NUMBERS.values()
    phrases += [verb for actions in _ACTIONS.values() for action in actions for verb in action]
    return sorted({word for phrase in phrases for word in words(re.sub(r"{\w+}", "", phrase))})


def caption(rng: np.random.Generator, characters: Sequence[str], scene: str, motion: str, style: str) -> str:
    """One of many sentences that name the characters and the scene, about half of them the motion too.

    Args:
        characters: of each person, from left to right. Several of one kind are named once, or counted.
        motion: "" where people make different ones; it is then not named.
        style: "" for none; a style is always named.
    """

    def pick(choices: Sequence[Choice]) -> Choice:
        return choices[int(rng.integers(len(choices)))]

    kinds = list(dict.fromkeys(characters))
    subjects = [pick(_SUBJECTS[kind]) for kind in kinds]
    counted = pick((True, False)) and len(kinds) == 1 and len(characters) > 1 and _plural(subjects[0])
    are_several = bool(counted) or len(kinds) > 1
    if counted:
        subjects = [f"{_NUMBERS[len(characters)]} {counted}"]
    subject = " and ".join(subjects)
    name = subject if are_several else re.sub(r"^(an?|the) ", "", subject)
    doing, does = pick(_ACTIONS[motion]) if motion else ("", "")
    templates: Sequence[str] = _MOVING_TEMPLATES if motion and rng.random() < 0.45 else _STILL_TEMPLATES
    if are_several:
        templates = [
            template for template in templates if not re.search(r"{does}|is {|{name}|{the}", template)
        ]
    sentence = pick(templates).format(
        a=subject, the=f"the {name}" if subject != name else name, name=name, place=pick(_PLACES[scene]),
        scene="Antarctica" if scene == "antarctica" else scene, doing=doing, does=does,
    )  # fmt: skip
    if style:
        sentence += pick((", ", " ")) + pick(_STYLE_PHRASES[style])
    return _dress(rng, sentence)


def _plural(subject: str) -> str:
    """ "an astronaut" becomes "astronauts"; "" for the name of one person, which has none."""
    article, _, noun = subject.partition(" ")
    if article not in ("a", "an"):
        return ""
    if noun.endswith("man"):
        return noun.removesuffix("man") + "men"
    if noun.endswith("y"):
        return noun.removesuffix("y") + "ies"
    return noun + "s"


def _dress(rng: np.random.Generator, sentence: str) -> str:
    """Vary case and the full stop."""
    case = rng.random()
    if case < 0.4:
        sentence = sentence.lower()
    elif case < 0.85:
        sentence = sentence[0].upper() + sentence[1:]
    elif case < 0.88:
        sentence = sentence.upper()
    return sentence + "." if rng.random() < 0.25 else sentence
