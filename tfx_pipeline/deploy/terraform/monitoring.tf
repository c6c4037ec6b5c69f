# Alerts on failed and slow jobs, an endpoint with errors or high latency, drift, and cost. All of them go
# to the channel of alerts.tf. The metrics and log entries, and where their names come from, are in GOOGLE.md.
locals {
  # Alerts on a metric: maps a key to what is measured and its threshold.
  watched = {
    dataflow_failed = {
      name      = "Dataflow: a job failed"
      resource  = "dataflow_job"
      metric    = "dataflow.googleapis.com/job/is_failed"
      threshold = 0
      duration  = "0s"
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      text      = "The console shows why; `beam_jobs.dataflow` resumes where the job stopped when it is submitted again."
    }
    dataflow_slow = {
      name      = "Dataflow: a job takes longer than ${var.slow_hours} hours"
      resource  = "dataflow_job"
      metric    = "dataflow.googleapis.com/job/elapsed_time"
      threshold = var.slow_hours * 3600
      duration  = "0s"
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      text      = "Workers without Private Google Access hang: `make doctor`. Otherwise: gcloud dataflow jobs cancel JOB."
    }
    endpoint_errors = {
      name      = "Endpoint: more than ${var.error_rate} errors a second"
      resource  = "aiplatform.googleapis.com/Endpoint"
      metric    = "aiplatform.googleapis.com/prediction/online/error_count"
      threshold = var.error_rate
      duration  = "300s"
      aligner   = "ALIGN_RATE"
      reducer   = "REDUCE_SUM"
      text      = "Is it the newest model? python -m tfx_pipeline.vertex endpoint status, then rollback."
    }
    endpoint_slow = {
      name      = "Endpoint: one answer in twenty takes longer than ${var.latency_ms} ms"
      resource  = "aiplatform.googleapis.com/Endpoint"
      metric    = "aiplatform.googleapis.com/prediction/online/prediction_latencies"
      threshold = var.latency_ms
      duration  = "600s"
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      text      = "Raise serving.max_replicas, or take a larger machine; endpoint rollback, where it came with a new model."
    }
    # No line of the log says that a pipeline is still running; this metric counts only running ones.
    pipeline_slow = {
      name      = "Pipeline: runs for longer than ${var.slow_hours} hours"
      resource  = "aiplatform.googleapis.com/PipelineJob"
      metric    = "aiplatform.googleapis.com/pipelinejob/duration"
      threshold = var.slow_hours * 3600
      duration  = "0s"
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_NONE"
      text      = "python -m tfx_pipeline.vertex cancel --config=FILE JOB also ends its training; training.timeout_hours does so by itself."
    }
  }

  # Alerts on a line of the log.
  logged = {
    pipeline_failed = {
      name   = "Pipeline: a run failed"
      filter = "resource.type = \"aiplatform.googleapis.com/PipelineJob\" AND jsonPayload.state = \"PIPELINE_STATE_FAILED\""
      text   = "python -m tfx_pipeline.vertex watch --config=FILE JOB says which step failed and why."
    }
    training_failed = {
      name   = "Training: a step or CustomJob failed"
      filter = "resource.type = \"ml_job\" AND severity >= ERROR AND textPayload : \"error:\""
      text   = "The line says what is wrong; the job's page has the rest of its log."
    }
    # What beam_jobs.monitor prints where Cloud Scheduler starts it: how many alarms there are, or why it failed.
    monitor = {
      name   = "Drift: the monitor by the clock has alarms, or failed"
      filter = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"monitor\" AND textPayload =~ \"^(One alarm|[0-9]+ alarms|error: )\""
      text   = "The job's log says what has changed, monitor.html shows it; a reference of another model is an error: give the new model's, and apply."
    }
    # What beam_jobs.dataflow.monitor's last step logs, one line for each alarm.
    drift = {
      name   = "Drift: photos differ from those the model was trained on"
      filter = "resource.type = \"dataflow_step\" AND severity >= WARNING AND jsonPayload.message : \"drift: \""
      text   = "The line says what has changed, monitor.html shows it. Label what --select chose, and publish a version with it."
    }
  }
}

resource "google_monitoring_alert_policy" "watched" {
  for_each = var.alert_mail == null ? {} : local.watched

  display_name          = each.value.name
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.mail[*].id

  conditions {
    display_name = each.value.name

    condition_threshold {
      filter          = "resource.type = \"${each.value.resource}\" AND metric.type = \"${each.value.metric}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }

  documentation {
    content = each.value.text
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "logged" {
  for_each = var.alert_mail == null ? {} : local.logged

  display_name          = each.value.name
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.mail[*].id

  conditions {
    display_name = each.value.name

    condition_matched_log {
      filter = each.value.filter
    }
  }

  alert_strategy {
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content = each.value.text
  }

  depends_on = [google_project_service.needed]
}

# The monthly budget. It only reports, and stops nothing.
resource "google_billing_budget" "month" {
  count    = var.billing_account == null ? 0 : 1
  provider = google.billing

  billing_account = var.billing_account
  display_name    = "Segmentation pipeline, ${var.project}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = google_monitoring_notification_channel.mail[*].id
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = file("${path.module}/dashboard.json")

  depends_on = [google_project_service.needed]
}
