# terraform init -reconfigure -backend-config=bucket=<STATE_BUCKET> -backend-config=prefix=segmentation/prod
# terraform apply -var-file=environments/prod.tfvars
project              = "<PROJECT_OF_PROD>"
region               = "<REGION>"
bucket               = "<BUCKET_OF_PROD>"
github_repository    = "<OWNER>/<NAME>"
github_repository_id = "<ID>"
github_environment   = "google-cloud-prod"
alert_mail           = "<MAIL>"
billing_account      = "<BILLING_ACCOUNT>"
budget               = 1000
