# A finished manifest.json in the bucket starts the pipeline; see tfx_pipeline/deploy/trigger/.
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

# The bucket sends notifications of finished objects below trigger_prefix; the function passes only manifests. Events that
# the trigger cannot process yet are redelivered with growing pauses, and end in the dead-letter topic.
resource "google_pubsub_topic" "finished" {
  count = var.trigger_image == null ? 0 : 1

  name         = "pipeline-trigger"
  kms_key_name = var.encryption_key

  depends_on = [google_project_service.needed, google_kms_crypto_key_iam_member.agents]
}

resource "google_storage_notification" "finished" {
  count = var.trigger_image == null ? 0 : 1

  bucket             = google_storage_bucket.this.name
  topic              = google_pubsub_topic.finished[0].id
  payload_format     = "NONE"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = var.trigger_prefix

  depends_on = [google_pubsub_topic_iam_member.storage]
}

resource "google_pubsub_subscription" "finished" {
  count = var.trigger_image == null ? 0 : 1

  name                       = "pipeline-trigger"
  topic                      = google_pubsub_topic.finished[0].id
  ack_deadline_seconds       = 600 # also of a request
  message_retention_duration = "86400s"

  message_transforms {
    javascript_udf {
      function_name = "manifestsOnly"
      code          = file("${path.module}/manifests_only.js")
    }
  }

  push_config {
    push_endpoint = google_cloud_run_v2_service.trigger[0].uri

    oidc_token {
      service_account_email = google_service_account.this["trigger-events"].email
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[0].id
    max_delivery_attempts = 20 # some two hours
  }

  expiration_policy {
    ttl = "" # never, also when nothing is published for a month
  }

  depends_on = [google_cloud_run_v2_service_iam_member.this]
}

resource "google_pubsub_topic" "dead" {
  count = var.trigger_image == null ? 0 : 1

  name         = "pipeline-trigger-dead-letters"
  kms_key_name = var.encryption_key

  depends_on = [google_project_service.needed, google_kms_crypto_key_iam_member.agents]
}

# Without a subscription, dead letters would be lost at once.
resource "google_pubsub_subscription" "dead" {
  count = var.trigger_image == null ? 0 : 1

  name                       = "pipeline-trigger-dead-letters"
  topic                      = google_pubsub_topic.dead[0].id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

data "google_storage_project_service_account" "this" {
  depends_on = [google_project_service.needed]
}

# Cloud Storage's own account forwards the bucket's notifications.
resource "google_pubsub_topic_iam_member" "storage" {
  count = var.trigger_image == null ? 0 : 1

  topic  = google_pubsub_topic.finished[0].id
  role   = "roles/pubsub.publisher"
  member = data.google_storage_project_service_account.this.member
}

# Pub/Sub's own account moves dead letters, and calls the trigger as trigger-events.
locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "dead" {
  count = var.trigger_image == null ? 0 : 1

  topic  = google_pubsub_topic.dead[0].id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead" {
  count = var.trigger_image == null ? 0 : 1

  subscription = google_pubsub_subscription.finished[0].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_service_account_iam_member" "pubsub" {
  count = var.trigger_image == null ? 0 : 1 # in a new project, Pub/Sub's account is not there yet

  service_account_id = google_service_account.this["trigger-events"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}
