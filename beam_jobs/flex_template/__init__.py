"""The preparation job as a Dataflow Flex Template, which starts without a developer's machine.

`python -m beam_jobs.flex_template` writes the template's file; `launch.py` is what the service runs in the image.
"""
