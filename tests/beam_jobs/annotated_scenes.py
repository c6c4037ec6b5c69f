"""Photos and masks saved as the tools of this field save them: a writer for each format."""

import base64
import io
import json
import zlib
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from pycocotools import mask as coco

NAMES = ("ground", "car", "tree")  # class ids; ground is what nobody has annotated
COLORS = np.array([[0, 0, 0], [200, 30, 60], [0, 128, 0]], np.uint8)
CLASSES = "classes: {car: car, tree: tree}\n"
VALUES = "classes: {0: ground, 1: car, 2: tree}\n"


class Scene:
    """A photo, uint8 [H, W, 3], and its mask, uint8 [H, W] of class ids, under an id."""

    def __init__(self, image_id: str, photo: np.ndarray, mask: np.ndarray):
        self.image_id, self.photo, self.mask = image_id, photo, mask
        self.height, self.width = mask.shape

    def things(self):
        """Class id and bool [H, W] of each class that is there, without the ground."""
        return [(one, self.mask == one) for one in (1, 2) if (self.mask == one).any()]


def save(folder: Path, kind: str, scenes: list[Scene]) -> Path:
    """Writes photos, annotations and `dataset.yaml`; returns the folder."""
    for scene in scenes:
        write_image(folder / f"images/{scene.image_id}.png", scene.photo)
    description = WRITERS[kind](folder, scenes)
    (folder / "dataset.yaml").write_text(f"name: scenes\nimage_path: images/{{id}}.png\n{description}")
    return folder


def write_image(path: Path, pixels: np.ndarray | Image.Image, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path, **options)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def rectangles(covered: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of boxes along the edges of pixels that cover exactly these."""
    found, open_boxes = [], {}
    for row in range(covered.shape[0] + 1):
        edges = np.diff(np.pad(covered[row].astype(int), 1)) if row < covered.shape[0] else np.zeros(2, int)
        runs = set(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()))
        found += [
            (left, open_boxes.pop((left, right)), right, row)
            for left, right in [*open_boxes]
            if (left, right) not in runs
        ]
        open_boxes |= {run: row for run in runs if run not in open_boxes}
    return found


def corners(box: tuple[int, int, int, int]) -> list[int]:
    left, top, right, bottom = box
    return [left, top, right, top, right, bottom, left, bottom]


def _index(folder, scenes):
    for one in scenes:
        write_image(folder / f"masks/{one.image_id}.png", one.mask)
    return f"mask_path: masks/{{id}}.png\n{VALUES}"


def _palette(folder, scenes):
    for one in scenes:
        image = Image.fromarray(one.mask)
        image.putpalette(COLORS.tobytes())
        write_image(folder / f"masks/{one.image_id}.png", image)
    return f"mask_path: masks/{{id}}.png\n{VALUES}"


def _colors(folder, scenes):
    for one in scenes:
        write_image(folder / f"masks/{one.image_id}.png", COLORS[one.mask])
    colors = ", ".join(f'"#{bytes(color).hex()}": {name}' for name, color in zip(NAMES, COLORS))
    return f"mask_path: masks/{{id}}.png\nclasses: {{{colors}}}\n"


def coco_document(scenes, segmentation, **more):
    """COCO's JSON, with the categories last, as its own files have them."""
    annotations = [
        {"id": 100 * number + class_id, "image_id": 7 * number, "category_id": 10 * class_id, "bbox": [0, 0, 1, 1]}
        | segmentation(covered)
        for number, one in enumerate(scenes)
        for class_id, covered in one.things()
    ]
    return {
        "info": {"year": 2026},
        "images": [
            {"id": 7 * number, "file_name": f"{one.image_id}.png", "width": one.width, "height": one.height}
            for number, one in enumerate(scenes)
        ],
        "annotations": annotations,
        "categories": [{"id": 10, "name": "car", "supercategory": "thing"}, {"id": 20, "name": "tree"}],
    } | more


def polygons(covered):
    return {"segmentation": [corners(box) for box in rectangles(covered)], "iscrowd": 0}


def compressed_runs(covered):
    runs = coco.encode(np.asfortranarray(covered.astype(np.uint8)))
    return {"segmentation": {"size": runs["size"], "counts": runs["counts"].decode()}, "iscrowd": 1}


def plain_runs(covered):
    pixels = covered.ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels.astype(int))) + 1
    counts = np.diff([0, *([0] if pixels[0] else []), *changes, len(pixels)]).tolist()
    return {"segmentation": {"size": list(covered.shape), "counts": counts}, "iscrowd": 1}


def _coco(segmentation):
    def write(folder, scenes):
        document = coco_document(scenes, segmentation)
        write_text(folder / "annotations/instances.json", json.dumps(document))
        return f"masks: {{format: coco, annotations: annotations/instances.json, unlabelled: ground}}\n{CLASSES}"

    return write


def _panoptic(folder, scenes):
    annotations = []
    for number, one in enumerate(scenes):
        ids = {class_id: class_id * 70_001 + number for class_id, _ in one.things()}
        numbers = sum((covered * ids[class_id] for class_id, covered in one.things()), np.zeros(one.mask.shape, int))
        pixels = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=2).astype(np.uint8)
        write_image(folder / f"panoptic/{one.image_id}.png", pixels)
        segments = [{"id": ids[one], "category_id": 10 * one, "iscrowd": 0, "area": 1} for one in ids]
        annotations.append({"image_id": 7 * number, "file_name": f"{one.image_id}.png", "segments_info": segments})
    document = coco_document(scenes, polygons, annotations=annotations)
    write_text(folder / "annotations/panoptic.json", json.dumps(document))
    masks = "masks: {format: panoptic, annotations: annotations/panoptic.json, unlabelled: ground}\n"
    return f"mask_path: panoptic/{{id}}.png\n{masks}{CLASSES}"


def _labelme(folder, scenes):
    for one in scenes:
        shapes = [
            {"label": NAMES[class_id], "shape_type": "rectangle", "points": [[left, top], [right, bottom]], "flags": {}}
            if number % 2
            else {"label": NAMES[class_id], "points": np.reshape(corners((left, top, right, bottom)), (4, 2)).tolist()}
            for class_id, covered in one.things()
            for number, (left, top, right, bottom) in enumerate(rectangles(covered))
        ]
        document = {"version": "5.4.1", "shapes": shapes, "imagePath": f"../../{one.image_id}.png", "imageData": "AAAA"}
        document |= {"imageHeight": one.height, "imageWidth": one.width}
        write_text(folder / f"images/{one.image_id}.json", json.dumps(document))
    return f"mask_path: images/{{id}}.json\nmasks: {{format: labelme, unlabelled: ground}}\n{CLASSES}"


def _cvat(folder, scenes):
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations><version>1.1</version><meta><task/></meta>"]
    for number, one in enumerate(scenes):
        name = quoteattr(f"{one.image_id}.png")
        lines.append(f'<image id="{number}" name={name} width="{one.width}" height="{one.height}">')
        for class_id, covered in one.things():
            label = quoteattr(NAMES[class_id])
            if class_id == 1:
                rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
                part = covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                runs = plain_runs(part.T)["segmentation"]["counts"]
                place = f'left="{columns[0]}" top="{rows[0]}" width="{part.shape[1]}" height="{part.shape[0]}"'
                lines.append(f'<mask label={label} rle="{", ".join(map(str, runs))}" {place} z_order="0"/>')
                continue
            for left, top, right, bottom in rectangles(covered):
                if (right - left) % 2:
                    lines.append(f'<box label={label} xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}.00"/>')
                else:
                    points = f"{left},{top};{right},{top};{right},{bottom};{left},{bottom}"
                    lines.append(f'<polygon label={label} points="{points}" z_order="1"><attribute/></polygon>')
        lines.append("</image>")
    write_text(folder / "annotations.xml", "\n".join([*lines, "</annotations>"]))
    return f"masks: {{format: cvat, annotations: annotations.xml, unlabelled: ground}}\n{CLASSES}"


def _supervisely(folder, scenes):
    """Bitmaps with an alpha channel, and of a palette with transparency, as the tool writes them."""
    for number, one in enumerate(scenes):
        objects = []
        for class_id, covered in one.things():
            rows, columns = (np.flatnonzero(covered.any(axis=axis)) for axis in (1, 0))
            part = covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * np.uint8(255)
            image = Image.fromarray(np.dstack([part] * 4))
            options = {}
            if number % 2:
                image, options = Image.fromarray(part // 255, mode="P"), {"transparency": 0}
                image.putpalette([0, 0, 0, 255, 255, 255])
            buffer = io.BytesIO()
            image.save(buffer, "PNG", **options)
            data = base64.b64encode(zlib.compress(buffer.getvalue())).decode()
            bitmap = {"origin": [int(columns[0]), int(rows[0])], "data": data}
            objects.append({"classTitle": NAMES[class_id], "geometryType": "bitmap", "bitmap": bitmap})
        document = {"size": {"width": one.width, "height": one.height}, "objects": objects, "tags": []}
        write_text(folder / f"ann/{one.image_id}.png.json", json.dumps(document))
    return f"mask_path: ann/{{id}}.*.json\nmasks: {{format: supervisely, unlabelled: ground}}\n{CLASSES}"


def pairs_of(covered, along="columns"):
    """Pairs of a first pixel, from 1, and how many follow."""
    pixels = np.pad((covered.T if along == "columns" else covered).ravel().astype(int), 1)
    starts, ends = np.flatnonzero(np.diff(pixels) == 1) + 1, np.flatnonzero(np.diff(pixels) == -1) + 1
    return " ".join(f"{start} {end - start}" for start, end in zip(starts, ends))


def _rle(folder, scenes):
    lines = ["ImageId,ClassId,EncodedPixels"]
    for one in scenes:
        for class_id in (1, 2):
            lines.append(f"{one.image_id}.png,{NAMES[class_id]},{pairs_of(one.mask == class_id)}")
    write_text(folder / "train.csv", "\n".join(lines))
    return f"masks: {{format: rle, annotations: train.csv, pixels: columns, unlabelled: ground}}\n{CLASSES}"


def _yolo(folder, scenes):
    for one in scenes:
        lines = [
            " ".join(
                [
                    str(class_id - 1),
                    *(repr(side / size) for side, size in zip(corners(box), [one.width, one.height] * 4)),
                ]
            )
            for class_id, covered in one.things()
            for box in rectangles(covered)
        ]
        write_text(folder / f"labels/{one.image_id}.txt", "\n".join(lines))
    write_text(folder / "data.yaml", "train: images\nnc: 2\nnames: [car, tree]\n")
    return "mask_path: labels/{id}.txt\nmasks: {format: yolo, unlabelled: ground}\nclasses: [car, tree]\n"


def _class_folders(folder, scenes):
    for one in scenes:
        for class_id in (1, 2):
            write_image(folder / f"masks/{NAMES[class_id]}/{one.image_id}.png", (one.mask == class_id) * np.uint8(255))
    return f"mask_path: masks/{{class}}/{{id}}.png\nmasks: {{format: layers, unlabelled: ground}}\n{CLASSES}"


def _instances(folder, scenes):
    for one in scenes:
        for class_id, covered in one.things():
            half = covered & (np.arange(one.width) < one.width // 2)
            for number, part in enumerate((half, covered & ~half)):
                path = folder / f"masks/{one.image_id}/{NAMES[class_id]}_{number}.png"
                write_image(path, Image.fromarray(part * np.uint8(255)).convert("1"))
    return f"mask_path: masks/{{id}}/{{class}}_*.png\nmasks: {{format: layers, unlabelled: ground}}\n{CLASSES}"


WRITERS = {
    "index": _index,
    "palette": _palette,
    "colors": _colors,
    "coco_polygons": _coco(polygons),
    "coco_runs": _coco(plain_runs),
    "coco_compressed_runs": _coco(compressed_runs),
    "panoptic": _panoptic,
    "labelme": _labelme,
    "cvat": _cvat,
    "rle": _rle,
    "supervisely": _supervisely,
    "yolo": _yolo,
    "class_folders": _class_folders,
    "instances": _instances,
}


def png_of(pixels: np.ndarray) -> bytes:
    """A mask as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
