# Who may do what, and why, is in grants.yaml: README.md shows it, and the servers of tests and rehearsals enforce it.
locals {
  identity = yamldecode(file("${path.module}/grants.yaml"))
  accounts = local.identity.accounts
  by_key   = { for grant in local.identity.grants : "${grant.account} ${grant.role} ${grant.place}" => grant }
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = each.key
  display_name = each.value

  depends_on = [google_project_service.needed]
}

resource "google_project_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "project" }

  project = var.project
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "bucket" }

  bucket = google_storage_bucket.this.name
  role   = each.value.role
  member = google_service_account.this[each.value.account].member
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "registry" }

  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = each.value.role
  member     = google_service_account.this[each.value.account].member
}

resource "google_service_account_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if contains(keys(local.accounts), grant.place) }

  service_account_id = google_service_account.this[each.value.place].name
  role               = each.value.role
  member             = google_service_account.this[each.value.account].member
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "secret" }

  secret_id = google_secret_manager_secret.hub_token.id
  role      = each.value.role
  member    = google_service_account.this[each.value.account].member
}

resource "google_cloud_run_v2_service_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "service" && var.trigger_image != null }

  location = var.region
  name     = google_cloud_run_v2_service.trigger[0].name
  role     = each.value.role
  member   = google_service_account.this[each.value.account].member
}

resource "google_pubsub_topic_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "topic" && var.served_stream }

  topic  = google_pubsub_topic.served[0].id
  role   = each.value.role
  member = google_service_account.this[each.value.account].member
}

resource "google_pubsub_subscription_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "subscription" && var.served_stream }

  subscription = google_pubsub_subscription.served[0].id
  role         = each.value.role
  member       = google_service_account.this[each.value.account].member
}

resource "google_cloud_run_v2_job_iam_member" "this" {
  for_each = { for key, grant in local.by_key : key => grant if grant.place == "job" && var.monitor_image != null }

  location = var.region
  name     = google_cloud_run_v2_job.monitor[0].name
  role     = each.value.role
  member   = google_service_account.this[each.value.account].member
}
