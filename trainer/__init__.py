"""Input pipeline, models, training, metrics and export. Knows nothing of TFX beyond the arguments of `run_fn`."""
