import io
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from beam_jobs.packing import pack_plans, unpack_plans
from beam_jobs.prepare.annotations import masks_of, read_annotations
from beam_jobs.prepare.listing import ANNOTATIONS, IMAGES, list_files, plan_listings
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pairing import pair
from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.sources.input_files import read_contents
from tests.beam_jobs.annotated_scenes import WRITERS, Scene, save
from tests.sample_data.street_scenes import draw_scene


@pytest.fixture(scope="module")
def scenes():
    """Three street scenes of the sample data, with their classes as ground, cars and trees."""
    found = []
    for number, image_id in enumerate(("castlegate_day_1", "dunhaven_rain_2", "eastmere_dusk_3")):
        photo, mask = draw_scene(np.random.default_rng(number), image_id, (72, 96))
        found.append(Scene(image_id, photo, (mask % 3).astype(np.uint8)))
    return found


def records(folder):
    """Id to photo and mask of each record that the job makes of a folder, without the graph."""
    options = PrepareOptions(input=str(folder), output=str(folder), version="1.0.0", image_size=0)
    found = defaultdict(lambda: defaultdict(list))
    for listing in plan_listings(options):
        for wanted, image_id, source in list_files(listing):
            if wanted.kind == ANNOTATIONS:
                for one in read_annotations((wanted.split, source), options.spec):
                    found[one.image_id][one.kind].append(one.value)
            else:
                found[image_id][wanted.kind].append(source)
    made = {}
    for image_id, kinds in found.items():
        plan = pair(image_id, sorted(kinds[IMAGES]), masks_of(kinds, options.spec), ["train"], options.spec)
        (plan,) = unpack_plans(pack_plans([plan]))
        values = make_record(image_id, *read_contents(plan), options.spec, Encoding(0, "png", 90)).values
        made[image_id] = values["image"], values["mask"]
    return made


@pytest.mark.parametrize("kind", WRITERS)
def test_one_scene_saved_in_every_supported_way_gives_the_same_record(tmp_path, scenes, kind):
    made = records(save(tmp_path / "a", kind, scenes))
    assert sorted(made) == sorted(one.image_id for one in scenes)
    for one in scenes:
        assert (np.asarray(Image.open(io.BytesIO(made[one.image_id][1]))) == one.mask).all()
    assert made == records(save(tmp_path / "b", "index", scenes))


@pytest.mark.parametrize("kind", ["coco_polygons", "panoptic", "instances"])
def test_annotations_in_a_bucket_give_the_same_records(tmp_path, scenes, storage, bucket, kind):
    folder = save(tmp_path / "a", kind, scenes)
    storage.put_folder(folder, f"{bucket}/{kind}")
    assert records(f"{bucket}/{kind}") == records(folder)
