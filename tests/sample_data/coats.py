"""What the 37 breeds look like: build, ears, hair, colours and markings, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Color = tuple[float, float, float]
Ears = Literal["pointed", "erect", "floppy", "button"]
Tail = Literal["thin", "bushy", "curl", "short"]
Marking = Literal[
    "solid", "ticked", "tabby", "spots", "points", "bicolor", "saddle", "patches", "brindle", "tan", "mask", "mantle"
]


@dataclass(frozen=True)
class Breed:
    """Looks of one breed.

    Attributes:
      species: `cat` or `dog`.
      marking: How the colours are laid out (`zone_colors`) and which pattern the coat has.
      base, dark, light: Colours of the coat, RGB in [0, 1].
      hair: Length, 0 (none) to 1 (a cloud).
      ears, tail: Their kind.
      muzzle: Length, 0 (flat face) to 1.
      legs: Length, 1 is usual.
      girth: Of the body, 1 is usual.
      eyes: Colour of the iris.
    """

    species: Literal["cat", "dog"]
    marking: Marking
    base: Color
    dark: Color
    light: Color
    hair: float
    ears: Ears
    tail: Tail
    muzzle: float
    legs: float
    girth: float
    eyes: Color


def _rgb(code: str) -> Color:
    red, green, blue = (int(code[place : place + 2], 16) / 255.0 for place in (0, 2, 4))
    return red, green, blue


# name: marking, base, dark, light, hair, ears, tail, muzzle, legs, girth, eyes; colours in hexadecimal
_CATS = """
Abyssinian         ticked  b4763f 6b4022 d9b083 0.15 pointed thin  0.50 1.05 0.90 a9b13c
Bengal             spots   c08a4a 3a2314 ead2a6 0.15 pointed thin  0.50 1.05 1.00 8fae4b
Birman             points  e6d8c0 5b4638 f6f1e8 0.70 pointed bushy 0.40 0.90 1.05 4a7fc0
Bombay             solid   262425 131213 322f2f 0.15 pointed thin  0.40 1.00 1.00 d79a2b
British_Shorthair  solid   7f8894 5a616c 9aa2ad 0.35 pointed thin  0.30 0.85 1.20 d98d2e
Egyptian_Mau       spots   aeaaa0 35332f d8d4cb 0.15 pointed thin  0.50 1.05 0.90 9cc25a
Maine_Coon         tabby   96734e 38291d ddcbb0 0.95 pointed bushy 0.55 1.00 1.15 c3a642
Persian            solid   e9d9be c9ac86 f7efe0 1.00 pointed bushy 0.10 0.75 1.20 d58a2c
Ragdoll            bicolor dccdb8 665044 f7f3ec 0.75 pointed bushy 0.40 0.95 1.10 5590cf
Russian_Blue       solid   77828f 535c68 929daa 0.20 pointed thin  0.45 1.05 0.92 79b05f
Siamese            points  e4d3b5 3f2f27 f1e8d8 0.12 pointed thin  0.60 1.10 0.85 3d86d6
Sphynx             solid   d8a896 a97b6d e8c3b4 0.00 pointed thin  0.45 1.05 0.90 89b45e
"""
_DOGS = """
american_bulldog           patches f1ece4 8c5a35 faf7f2 0.10 button  thin  0.45 0.95 1.25 5a3a1f
american_pit_bull_terrier  tan     7d5234 4a2e1d e9ddcc 0.08 button  thin  0.50 1.00 1.10 6a4a22
basset_hound               saddle  a8683a 2b211c f4efe6 0.12 floppy  thin  0.70 0.48 1.25 4a2d18
beagle                     saddle  ad6c3b 241d1a f6f1e8 0.12 floppy  thin  0.55 0.90 1.05 4a2d18
boxer                      mask    b9773f 2a201b f3ece2 0.08 button  short 0.30 1.10 1.10 4a2d18
chihuahua                  tan     cfa06a 9a6f45 f2e5d0 0.15 erect   curl  0.25 0.85 0.85 3a2416
english_cocker_spaniel     solid   b5763c 8a5429 cd9559 0.70 floppy  short 0.55 0.85 1.05 4a2d18
english_setter             patches efebe4 4d4541 faf8f4 0.70 floppy  bushy 0.80 1.05 0.95 4a2d18
german_shorthaired         patches 6b4630 3d281c cbb8a2 0.08 floppy  short 0.75 1.10 1.00 8a6a32
great_pyrenees             solid   f1ebdf d6c6aa faf7f1 0.90 floppy  bushy 0.60 1.00 1.20 4a2d18
havanese                   bicolor c9a071 8a6546 f5efe4 1.00 floppy  curl  0.35 0.70 1.05 3a2416
japanese_chin              patches f3eee6 2a2626 faf8f4 0.85 floppy  curl  0.10 0.75 0.95 3a2416
keeshond                   mantle  8b8781 37342f d4cdc0 1.00 erect   curl  0.50 0.85 1.15 3a2416
leonberger                 mask    b07a42 33251b d0a469 0.85 floppy  bushy 0.65 1.00 1.20 4a2d18
miniature_pinscher         tan     2c2420 171312 a5652f 0.05 erect   short 0.55 1.05 0.85 3a2416
newfoundland               solid   2d2826 181514 3d3633 0.85 floppy  bushy 0.60 1.00 1.30 5a3a1f
pomeranian                 solid   d98b45 b26a2e f0bd84 1.00 erect   curl  0.30 0.70 1.05 3a2416
pug                        mask    d6b88c 2b2422 e3cda9 0.10 button  curl  0.05 0.75 1.20 4a2d18
saint_bernard              bicolor a7623a 4a2c1e f5f0e8 0.60 floppy  bushy 0.55 1.00 1.30 4a2d18
samoyed                    solid   f6f2ea e0d4c0 fdfbf8 1.00 erect   curl  0.55 0.95 1.15 3a2416
scottish_terrier           solid   302d2d 1a1818 423e3d 0.70 erect   short 0.70 0.50 1.10 4a2d18
shiba_inu                  tan     c67f42 a6622e f4e6d0 0.40 erect   curl  0.50 0.95 1.00 3a2416
staffordshire_bull_terrier brindle 5f4735 2c211a e6d9c8 0.06 button  thin  0.40 0.90 1.20 5a3a1f
wheaten_terrier            solid   d3aa74 b18750 e6c99c 0.85 button  short 0.60 0.95 1.00 4a2d18
yorkshire_terrier          mantle  5d6570 3c424b c08a52 0.85 erect   short 0.30 0.70 0.85 3a2416
"""


def _read_table(species: Literal["cat", "dog"], table: str) -> dict[str, Breed]:
    breeds = {}
    for line in table.split("\n"):
        if not line:
            continue
        name, marking, base, dark, light, hair, ears, tail, muzzle, legs, girth, eyes = line.split()
        breeds[name] = Breed(
            species, marking, _rgb(base), _rgb(dark), _rgb(light), float(hair), ears, tail, float(muzzle),
            float(legs), float(girth), _rgb(eyes),
        )  # fmt: skip
    return breeds


BREEDS: dict[str, Breed] = {**_read_table("cat", _CATS), **_read_table("dog", _DOGS)}

_PINK = (0.86, 0.60, 0.56)  # of the skin in an ear

# Marking -> zones of the body that are dark, and that are light; the rest has the base colour.
_ZONES: dict[str, tuple[str, str]] = {
    "solid": ("tip", "chest"),
    "ticked": ("tip", "muzzle chin chest"),
    "tabby": ("tip", "muzzle chin chest paw"),
    "spots": ("tip", "muzzle chin chest"),
    "points": ("paw shin tail tip muzzle bridge ear", ""),
    "bicolor": ("ear", "paw shin chest muzzle chin bridge tip"),
    "saddle": ("back tail", "paw shin leg chest muzzle chin bridge tip"),
    "patches": ("ear", "chin"),
    "brindle": ("", "chest"),
    "tan": ("", "chest paw muzzle chin"),
    "mask": ("muzzle chin ear", "chest paw"),
    "mantle": ("back tail", "chest shin paw leg muzzle chin bridge ear ruff"),
}
_PATTERNED = {"ticked", "tabby", "spots", "patches", "brindle", "saddle"}


def zone_color(breed: Breed, zone: str) -> tuple[Color, float]:
    """Colour of a zone of the body, RGB in [0, 1], and how strongly the coat's pattern shows there, 0 to 1."""
    dark, light = (zones.split() for zones in _ZONES[breed.marking])
    if zone == "inner":
        red, green, blue = (0.45 * own + 0.55 * pink for own, pink in zip(breed.base, _PINK, strict=True))
        return (red, green, blue), 0.0
    strength = 1.0 if breed.marking in _PATTERNED else 0.0
    if zone in dark:
        return breed.dark, 0.0
    if zone in light:
        return breed.light, 0.15 * strength
    return breed.base, strength * (0.5 if zone in ("muzzle", "bridge", "paw") else 1.0)
