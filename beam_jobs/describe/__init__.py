"""The describe job: examines a folder of photos and masks, and drafts its `dataset.yaml`."""
