"""The data contract: what a data set is, what one record holds, and what a published version promises.

One folder per data set (`pets/`, `streets/`), holding `dataset.yaml` (`schemas.spec`) and `schema.pbtxt` (TensorFlow
Metadata). This package imports nothing of the other rooms, and nothing heavy.
"""
