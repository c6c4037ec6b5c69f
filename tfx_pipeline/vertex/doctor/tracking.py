"""Checks that what `cloud.tracking` names is there: a run would find out only after the training."""

from __future__ import annotations

from collections.abc import Iterator

from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google


def check_tensorboard(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the TensorBoard instance exists and can be read; Vertex AI makes experiments, but not instances."""
    from google.api_core.exceptions import GoogleAPICallError, NotFound, PermissionDenied
    from google.cloud.aiplatform_v1 import TensorboardServiceClient

    cloud = config.cloud
    name = cloud.tracking and cloud.tracking.tensorboard
    if name is None:
        return
    subject = f"TensorBoard {name}"
    client = TensorboardServiceClient(
        credentials=google.credentials, client_options={"api_endpoint": f"{cloud.region}-aiplatform.googleapis.com"}
    )
    try:
        client.get_tensorboard(name=name)
    except NotFound:
        command = f"gcloud ai tensorboards create --project={cloud.project} --region={cloud.region} --display-name=NAME"
        yield Finding(FAIL, subject, f"is not there; {command}, and put its name into cloud.tracking.tensorboard")
    except PermissionDenied as error:
        yield Finding(
            SKIP, subject, f"{error.message.rstrip('.')}; get roles/aiplatform.user on project {cloud.project}"
        )
    except GoogleAPICallError as error:
        yield Finding(FAIL, subject, f"can't be read: {error.message or type(error).__name__}")
    else:
        yield Finding(OK, subject, "there")
