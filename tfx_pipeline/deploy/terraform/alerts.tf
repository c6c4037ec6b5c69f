# Alerts for a finished version that did not start the pipeline: given up after two hours, or refused permanently.
resource "google_monitoring_notification_channel" "mail" {
  count = var.alert_mail == null ? 0 : 1

  display_name = "Segmentation pipeline"
  type         = "email"
  labels       = { email_address = var.alert_mail }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  count = var.trigger_image == null ? 0 : 1

  display_name          = "Pipeline trigger: given up"
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.mail[*].id

  conditions {
    display_name = "A manifest in the dead letters"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead[0].name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "The log of the Cloud Run service pipeline-trigger says why. Once that is fixed, run the pipeline by hand: python -m tfx_pipeline.vertex run --data=gs://.../DATASET/VERSION; then acknowledge the message."
  }
}

resource "google_monitoring_alert_policy" "refused" {
  count = var.trigger_image == null ? 0 : 1

  display_name          = "Pipeline trigger: refused"
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.mail[*].id

  conditions {
    display_name = "A version that can't be used"

    condition_matched_log {
      filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${google_cloud_run_v2_service.trigger[0].name}\" AND severity >= ERROR AND jsonPayload.state : *"
    }
  }

  alert_strategy {
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content = "The log line says which version and why; a version that cannot be trained on is not retried."
  }
}
