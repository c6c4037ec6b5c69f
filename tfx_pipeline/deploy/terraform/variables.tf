variable "project" {
  description = "Id of the project that pays."
  type        = string

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the project's id, such as my-project-1, not its number or title."
  }
}

variable "region" {
  description = "Region of bucket, registry, jobs and endpoint, such as europe-west1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "Give a region, such as europe-west1, not a zone."
  }
}

variable "bucket" {
  description = "Name of the bucket to make, for photos, data set versions and pipelines."
  type        = string
}

variable "github_repository" {
  description = "OWNER/NAME of the repository whose workflows may deploy."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "Give OWNER/NAME."
  }
}

variable "github_repository_id" {
  description = "Its number, which no other repository ever gets: gh api repos/OWNER/NAME --jq .id"
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.github_repository_id))
    error_message = "Give the number that `gh api repos/OWNER/NAME --jq .id` prints."
  }
}

variable "github_environment" {
  description = "The environment of GitHub in which the workflows deploy; its reviewers decide who may."
  type        = string
  default     = "google-cloud"
}

variable "image_readers" {
  description = "Ids to numbers of the projects of other environments, which pull this registry's images by digest."
  type        = map(string)
  default     = {}
}

variable "encryption_key" {
  description = "projects/P/locations/REGION/keyRings/R/cryptoKeys/K, where the company manages keys; null means Google's."
  type        = string
  default     = null
}

variable "trigger_image" {
  description = "HOST/PATH-service:TAG, as `make image` pushed it; null makes no trigger. Set it after the first image."
  type        = string
  default     = null
}

variable "trigger_prefix" {
  description = "Where the versions of the trigger's data set lie in the bucket, such as data/pets/."
  type        = string
  default     = "data/"
}

variable "slow_hours" {
  description = "A pipeline or a Dataflow job that takes longer is reported."
  type        = number
  default     = 24
}

variable "error_rate" {
  description = "Errors of the endpoint a second that are reported."
  type        = number
  default     = 0.1
}

variable "latency_ms" {
  description = "Milliseconds that one answer of the endpoint in twenty may take."
  type        = number
  default     = 5000
}

variable "billing_account" {
  description = "Id of the billing account, for a budget; null makes none. Who applies must be allowed to make budgets there."
  type        = string
  default     = null
}

variable "budget" {
  description = "What a month may cost, in the billing account's currency."
  type        = number
  default     = 500
}

variable "alert_mail" {
  description = "Address that alerts are sent to: failed or slow jobs, the endpoint, drift, the trigger; null sends none."
  type        = string
  default     = null
}

variable "trigger_config" {
  description = "gs:// address of the pipeline's configuration that the trigger submits with."
  type        = string
  default     = null
}

variable "served_retention_days" {
  description = "After how many days the log of what an endpoint serves, below served/ in the bucket, is deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.served_retention_days >= 1
    error_message = "Give at least one day."
  }
}

variable "served_stream" {
  description = "Whether there is a topic that an endpoint publishes what it serves to, and a subscription for the streaming monitor."
  type        = bool
  default     = false
}

variable "monitor_image" {
  description = "HOST/PATH-service:TAG, as `make image` pushed it, for the batch monitor by the clock; null starts none."
  type        = string
  default     = null
}

variable "monitor_schedule" {
  description = "When the batch monitor starts, as cron writes it, in UTC."
  type        = string
  default     = "0 6 * * *"
}

variable "monitor_log" {
  description = "Folder of the bucket that an endpoint logs to."
  type        = string
  default     = "served"
}

variable "monitor_reference" {
  description = "Folder of the bucket with the served model's answers on train and eval photos; another one for each new model."
  type        = string
  default     = "reference"
}

variable "monitor_output" {
  description = "Folder of the bucket for drift.json and monitor.html; each run replaces those of the last."
  type        = string
  default     = "monitor"
}
