resource "google_storage_bucket" "this" {
  name                        = var.bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # What was overwritten or deleted by mistake can be restored for a month.
  versioning {
    enabled = true
  }

  # What jobs leave while they run; versions and models are never deleted by age.
  lifecycle_rule {
    condition {
      age            = 14
      matches_prefix = local.temporary
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 1
      with_state                 = "ARCHIVED"
      matches_prefix             = local.temporary
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  # The log of what is served, with the photos that are kept in it: gone for good a day after its time.
  lifecycle_rule {
    condition {
      age            = var.served_retention_days
      matches_prefix = local.served
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 1
      with_state                 = "ARCHIVED"
      matches_prefix             = local.served
    }
    action {
      type = "Delete"
    }
  }

  # Interrupted uploads cost money and appear in no listing.
  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  dynamic "encryption" {
    for_each = var.encryption_key == null ? [] : [var.encryption_key]

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.needed, google_kms_crypto_key_iam_member.agents]
}

locals {
  temporary = ["dataflow/temp/", "dataflow/staging/", "builds/"]
  served    = ["served/"]
}

resource "google_artifact_registry_repository" "this" {
  location      = var.region
  repository_id = "segmentation"
  format        = "DOCKER"
  description   = "The container image of Dataflow workers and of Vertex AI's steps"
  kms_key_name  = var.encryption_key

  docker_config {
    immutable_tags = true # a tag always means the same image
  }

  # An image goes after half a year, but for releases (v...) and the newest. Of what an endpoint serves with, Vertex AI
  # keeps a copy of its own.
  cleanup_policies {
    id     = "old"
    action = "DELETE"

    condition {
      tag_state  = "ANY"
      older_than = "15552000s"
    }
  }

  cleanup_policies {
    id     = "releases"
    action = "KEEP"

    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["v"]
    }
  }

  cleanup_policies {
    id     = "newest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  depends_on = [google_project_service.needed, google_kms_crypto_key_iam_member.agents]
}

# The secret alone: its value is added by hand (gcloud secrets versions add hugging-face-token --data-file=-), so that it
# is in no file and no state of Terraform.
resource "google_secret_manager_secret" "hub_token" {
  secret_id = "hugging-face-token"

  replication {
    user_managed {
      replicas {
        location = var.region

        dynamic "customer_managed_encryption" {
          for_each = var.encryption_key == null ? [] : [var.encryption_key]

          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }

  depends_on = [google_project_service.needed, google_kms_crypto_key_iam_member.agents]
}

# Google's own accounts, which must be allowed to use a company's key.
locals {
  agents = {
    storage    = "gs-project-accounts.iam.gserviceaccount.com"
    compute    = "compute-system.iam.gserviceaccount.com"
    dataflow   = "dataflow-service-producer-prod.iam.gserviceaccount.com"
    aiplatform = "gcp-sa-aiplatform.iam.gserviceaccount.com"
    registry   = "gcp-sa-artifactregistry.iam.gserviceaccount.com"
    secrets    = "gcp-sa-secretmanager.iam.gserviceaccount.com"
    pubsub     = "gcp-sa-pubsub.iam.gserviceaccount.com"
  }
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = var.encryption_key == null ? {} : local.agents

  crypto_key_id = var.encryption_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@${each.value}"

  depends_on = [google_project_service.needed]
}
