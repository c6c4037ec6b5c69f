"""Sample data that the project draws itself, in the layout of the official archives: no download, no licence to mind.

    python -m tests.sample_data --output=DIR --dataset=pets --count=300 --seed=1 [--defects]
    python -m tests.sample_data --output=DIR --dataset=streets --count=300 --seed=1 [--defects]

Modules: `noise`, `painting` and `relief` are the material and the tools. For pets, `backgrounds`, `outdoors` and
`clutter` are the places, `coats`, `anatomy`, `faces`, `heads`, `view` and `animals` the pets, and `pet_scenes` puts a
photo together. For streets, `street_canvas` is the camera, `street_ground`, `street_houses`, `street_furniture` and
`street_traffic` what it sees, and `street_scenes` puts a photo together. `scenes` is the registry by data set; `layout`
with `pet_layout` and `street_layout`, `defects` and `writer` make the folder.
"""
