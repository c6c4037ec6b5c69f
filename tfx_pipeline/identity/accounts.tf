# Who may do what, and why. README.md shows this table; a test compares the two.
locals {
  accounts = {
    dataflow-worker = "Workers of Dataflow's preparation jobs"
    pipeline-runner = "Steps, training and evaluation on Vertex AI"
    image-builder   = "Cloud Build, while it builds the container image"
    deployer        = "GitHub's workflows, and people who deploy from their own machine"
    trigger         = "The service that submits the pipeline for a new data set version"
    trigger-events  = "Eventarc, when it tells the trigger of a new object"
  }

  grants = [
    { account = "dataflow-worker", role = "roles/dataflow.worker", on = "project", why = "take work items and report progress" },
    { account = "dataflow-worker", role = "roles/storage.objectUser", on = "bucket", why = "read photos, write versions and temporary files" },
    { account = "dataflow-worker", role = "roles/artifactregistry.reader", on = "registry", why = "pull the image" },

    { account = "pipeline-runner", role = "roles/aiplatform.user", on = "project", why = "start training, write metadata, upload and deploy models" },
    { account = "pipeline-runner", role = "roles/storage.objectUser", on = "bucket", why = "read versions, write models and evaluations" },
    { account = "pipeline-runner", role = "roles/artifactregistry.reader", on = "registry", why = "pull the image" },
    { account = "pipeline-runner", role = "roles/logging.logWriter", on = "project", why = "write the steps' logs" },
    { account = "pipeline-runner", role = "roles/dataflow.developer", on = "project", why = "start the evaluation on Dataflow, where configured" },
    { account = "pipeline-runner", role = "roles/dataflow.worker", on = "project", why = "its evaluation's workers act as itself" },
    { account = "pipeline-runner", role = "roles/iam.serviceAccountUser", on = "pipeline-runner", why = "let training and evaluation act as itself" },
    { account = "pipeline-runner", role = "roles/secretmanager.secretAccessor", on = "secret", why = "read the Hugging Face token when it pushes, and only then" },

    { account = "image-builder", role = "roles/artifactregistry.writer", on = "registry", why = "push the image" },
    { account = "image-builder", role = "roles/storage.objectViewer", on = "bucket", why = "read the sources that were sent" },
    { account = "image-builder", role = "roles/logging.logWriter", on = "project", why = "write the build's log" },

    { account = "deployer", role = "roles/dataflow.developer", on = "project", why = "submit, watch and cancel preparation jobs" },
    { account = "deployer", role = "roles/aiplatform.user", on = "project", why = "submit, watch and cancel pipelines" },
    { account = "deployer", role = "roles/cloudbuild.builds.editor", on = "project", why = "submit builds of the image" },
    { account = "deployer", role = "roles/logging.viewer", on = "project", why = "see the build's log" },
    { account = "deployer", role = "roles/serviceusage.serviceUsageConsumer", on = "project", why = "call the services in the project's name" },
    { account = "deployer", role = "roles/storage.objectUser", on = "bucket", why = "stage jobs and sources, read manifests" },
    { account = "deployer", role = "roles/iam.serviceAccountUser", on = "dataflow-worker", why = "start workers that act as it" },
    { account = "deployer", role = "roles/iam.serviceAccountUser", on = "pipeline-runner", why = "start pipelines that act as it" },
    { account = "deployer", role = "roles/iam.serviceAccountUser", on = "image-builder", why = "start builds that act as it" },

    { account = "trigger", role = "roles/aiplatform.user", on = "project", why = "submit pipelines" },
    { account = "trigger", role = "roles/storage.objectViewer", on = "bucket", why = "read manifests and the pipeline's configuration" },
    { account = "trigger", role = "roles/iam.serviceAccountUser", on = "pipeline-runner", why = "start pipelines that act as it" },
    { account = "trigger", role = "roles/logging.logWriter", on = "project", why = "say what it submitted" },

    { account = "trigger-events", role = "roles/eventarc.eventReceiver", on = "project", why = "receive the bucket's events" },
    { account = "trigger-events", role = "roles/run.invoker", on = "service", why = "call the trigger, which nobody else may" },
  ]

  by_key = { for grant in local.grants : "${grant.account} ${grant.role} ${grant.on}" => grant }
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = each.key
  display_name = each.value
}

resource "google_project_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.on == "project" }

  project = var.project
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.on == "bucket" }

  bucket = google_storage_bucket.this.name
  role   = each.value.role
  member = google_service_account.this[each.value.account].member
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.on == "registry" }

  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = each.value.role
  member     = google_service_account.this[each.value.account].member
}

resource "google_service_account_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if contains(keys(local.accounts), grant.on) }

  service_account_id = google_service_account.this[each.value.on].name
  role               = each.value.role
  member             = google_service_account.this[each.value.account].member
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.on == "secret" }

  secret_id = google_secret_manager_secret.hub_token.id
  role      = each.value.role
  member    = google_service_account.this[each.value.account].member
}

resource "google_cloud_run_v2_service_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.on == "service" && var.trigger_image != null }

  location = var.region
  name     = google_cloud_run_v2_service.trigger[0].name
  role     = each.value.role
  member   = google_service_account.this[each.value.account].member
}
