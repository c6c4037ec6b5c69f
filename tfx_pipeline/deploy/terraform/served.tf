# What watches what is served: a topic that an endpoint publishes its records to, for the stream, and the batch monitor by
# the clock. Neither is there unless a variable asks for it.

# Records, never photos. Messages stay in the region, as the bucket does.
resource "google_pubsub_topic" "served" {
  count = var.served_stream ? 1 : 0

  name         = "served"
  kms_key_name = var.encryption_key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.needed, google_kms_crypto_key_iam_member.agents]
}

# For the streaming job alone. It has no dead letters, which Dataflow does not support: the job itself sets aside what is no
# record. While no job runs, messages wait for a week; those that were published in time then still count in their hours.
resource "google_pubsub_subscription" "served" {
  count = var.served_stream ? 1 : 0

  name                       = "served"
  topic                      = google_pubsub_topic.served[0].id
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # never, also when no job reads for a month
  }
}

# Nothing else would say that the streaming job was cancelled, or is stuck.
resource "google_monitoring_alert_policy" "unwatched" {
  count = var.served_stream ? 1 : 0

  display_name          = "Drift: what is served is not watched"
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.mail[*].id

  conditions {
    display_name = "A record that has waited for two hours"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.served[0].name}\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = 7200
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "Does the job run? gcloud dataflow jobs list --status=active. Start it again: python -m beam_jobs.dataflow.monitor_stream; records wait for a week."
  }
}

# The batch monitor: `python -m beam_jobs.monitor`, of the newest 24 hours of the log. Alarms are exit code 1, so an execution
# that found some counts as failed, and is not tried again.
resource "google_cloud_run_v2_job" "monitor" {
  count = var.monitor_image == null ? 0 : 1

  name     = "monitor"
  location = var.region

  deletion_protection = false # nothing is lost with it; without this line Terraform can neither replace nor remove it

  template {
    template {
      service_account = google_service_account.this["monitor"].email
      max_retries     = 0
      timeout         = "3600s"

      containers {
        image   = var.monitor_image
        command = ["python", "-m", "beam_jobs.monitor"]
        args = [
          "--log=gs://${google_storage_bucket.this.name}/${var.monitor_log}",
          "--reference=gs://${google_storage_bucket.this.name}/${var.monitor_reference}",
          "--output=gs://${google_storage_bucket.this.name}/${var.monitor_output}",
        ]

        resources {
          limits = {
            cpu    = "2"
            memory = "4Gi"
          }
        }
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_cloud_scheduler_job" "monitor" {
  count = var.monitor_image == null ? 0 : 1

  name      = "monitor"
  region    = var.region
  schedule  = var.monitor_schedule
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.monitor[0].id}:run"

    oauth_token {
      service_account_email = google_service_account.this["monitor"].email
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.this]
}
