"""What runs the pipeline on Google Cloud: container, Terraform, trigger."""
