"""The data contract: what a data set is, what one record holds, and what a published version promises.

The data sets that ship have a folder each (`pets/`, `streets/`), holding `dataset.yaml` (`schemas.spec`). This package
imports nothing of the other rooms, and nothing heavy.
"""
