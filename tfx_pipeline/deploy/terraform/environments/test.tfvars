# terraform init -reconfigure -backend-config=bucket=<STATE_BUCKET> -backend-config=prefix=segmentation/test
# terraform apply -var-file=environments/test.tfvars
project              = "<PROJECT_OF_TEST>"
region               = "<REGION>"
bucket               = "<BUCKET_OF_TEST>"
github_repository    = "<OWNER>/<NAME>"
github_repository_id = "<ID>"
github_environment   = "google-cloud-test"
