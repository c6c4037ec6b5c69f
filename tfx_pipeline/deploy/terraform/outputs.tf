output "workload_identity_provider" {
  description = "The secret GCP_WORKLOAD_IDENTITY_PROVIDER of the GitHub environment."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "deployer" {
  description = "The secret GCP_DEPLOYER of the GitHub environment."
  value       = google_service_account.this["deployer"].email
}

output "image" {
  description = "Where `make image` pushes; add a tag."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.repository_id}/pipeline"
}

output "served_topic" {
  description = "cloud.serving.log.topic of the configuration; null without served_stream."
  value       = one(google_pubsub_topic.served[*].id)
}

output "served_subscription" {
  description = "--subscription of beam_jobs.dataflow.monitor_stream; null without served_stream."
  value       = one(google_pubsub_subscription.served[*].id)
}

output "subnetwork" {
  description = "The variable GCP_SUBNETWORK of the GitHub repository, and --subnetwork of beam_jobs.dataflow."
  value       = "regions/${var.region}/subnetworks/${google_compute_subnetwork.this.name}"
}
