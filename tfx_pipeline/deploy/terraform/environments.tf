# Other environments pull the images that were built and tried here, so that a promotion changes no byte: Vertex AI's and Cloud
# Run's own accounts of their projects, the accounts that their steps and workers act as, and who deploys there.
locals {
  image_readers = merge([
    for project, number in var.image_readers : {
      for member in [
        "service-${number}@gcp-sa-aiplatform.iam.gserviceaccount.com",
        "service-${number}@gcp-sa-aiplatform-cc.iam.gserviceaccount.com",
        "service-${number}@serverless-robot-prod.iam.gserviceaccount.com",
        "pipeline-runner@${project}.iam.gserviceaccount.com",
        "dataflow-worker@${project}.iam.gserviceaccount.com",
        "deployer@${project}.iam.gserviceaccount.com",
      ] : member => project
    }
  ]...)
}

resource "google_artifact_registry_repository_iam_member" "other_environments" {
  for_each = local.image_readers

  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${each.key}"
}
