"""The TFX pipeline: from a published data set version to a judged and pushed model, and what runs it."""
