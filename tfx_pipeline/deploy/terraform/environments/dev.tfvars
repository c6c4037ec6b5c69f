# terraform init -reconfigure -backend-config=bucket=<STATE_BUCKET> -backend-config=prefix=segmentation/dev
# terraform apply -var-file=environments/dev.tfvars
project              = "<PROJECT_OF_DEV>"
region               = "<REGION>"
bucket               = "<BUCKET_OF_DEV>"
github_repository    = "<OWNER>/<NAME>"
github_repository_id = "<ID>"
github_environment   = "google-cloud"
image_readers        = { "<PROJECT_OF_TEST>" = "<NUMBER>", "<PROJECT_OF_PROD>" = "<NUMBER>" } # images are built here once
