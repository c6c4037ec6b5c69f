"""Who may do what on Google Cloud: Terraform's accounts and roles, and the check that loopback servers make."""
