"""Sample data that the project draws itself, in the layout of the official archives: no download, no licence to mind.

    python -m beam_jobs.sample_data --output=DIR --count=300 --seed=1 [--defects]

Modules: `noise`, `painting` and `relief` are the material and the tools; `backgrounds`, `outdoors` and `clutter` the
places; `coats`, `anatomy`, `heads` and `animals` the pets; `pet_scenes` puts a photo together; `scenes` is the registry
by data set; `layout`, `defects` and `writer` make the folder.
"""
