"""The describing job: looks at a folder of photos and masks, and writes the `dataset.yaml` that it seems to need."""
