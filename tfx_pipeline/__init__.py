"""The TFX pipeline: from a published data set version to an evaluated and pushed model, and what runs it."""
