# A finished manifest.json in the bucket starts the pipeline; see tfx_pipeline/trigger/.
resource "google_cloud_run_v2_service" "trigger" {
  count = var.trigger_image == null ? 0 : 1

  name     = "pipeline-trigger"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  deletion_protection = false # nothing is lost with it; without this line Terraform can neither replace nor remove it

  template {
    service_account                  = google_service_account.this["trigger"].email
    timeout                          = "600s"
    max_instance_request_concurrency = 20

    scaling {
      max_instance_count = 1
    }

    containers {
      image = var.trigger_image

      env {
        name  = "PIPELINE_CONFIG"
        value = var.trigger_config
      }

      resources {
        limits = {
          cpu    = "2"
          memory = "4Gi"
        }
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 10
        failure_threshold = 18 # TFX takes up to a minute or two to import

        tcp_socket {
          port = 8080
        }
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_eventarc_trigger" "manifest" {
  count = var.trigger_image == null ? 0 : 1

  name            = "pipeline-trigger"
  location        = var.region
  service_account = google_service_account.this["trigger-events"].email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }

  matching_criteria {
    attribute = "bucket"
    value     = google_storage_bucket.this.name
  }

  destination {
    cloud_run_service {
      service = google_cloud_run_v2_service.trigger[0].name
      region  = var.region
    }
  }

  depends_on = [google_project_iam_member.this, google_project_iam_member.storage_events, time_sleep.eventarc]
}

# Eventarc's own account is made when Eventarc is first used, and its role takes minutes: the first trigger would fail.
resource "google_project_service_identity" "eventarc" {
  provider = google-beta

  project = var.project
  service = "eventarc.googleapis.com"

  depends_on = [google_project_service.needed]
}

resource "google_project_iam_member" "eventarc" {
  project = var.project
  role    = "roles/eventarc.serviceAgent"
  member  = google_project_service_identity.eventarc.member
}

resource "time_sleep" "eventarc" {
  create_duration = "120s"

  depends_on = [google_project_iam_member.eventarc]
}

data "google_storage_project_service_account" "this" {
  depends_on = [google_project_service.needed]
}

# Cloud Storage's own account hands the bucket's events on.
resource "google_project_iam_member" "storage_events" {
  project = var.project
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.this.member

  depends_on = [google_project_service.needed]
}
