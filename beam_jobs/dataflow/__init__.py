"""The preparation job on Google Cloud Dataflow: `python -m beam_jobs.dataflow`."""
