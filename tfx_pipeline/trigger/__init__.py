"""The trigger: a service that submits the pipeline when a data set version is published.

Eventarc tells it of every object that is finished in the bucket; a `manifest.json` of the pipeline's data set starts a
run. `tfx_pipeline/identity` deploys it on Cloud Run, from the image that everything else runs in.
"""
