"""The trigger: a service that submits the pipeline when a data set version is published.

Pub/Sub notifies it of manifests that are complete in the bucket; one of the pipeline's data set starts a run.
`tfx_pipeline/deploy/terraform` deploys it on Cloud Run, from the image that everything else runs in.
"""
