"""Who may do what at Google: the accounts and roles that Terraform grants, and the check that loopback servers make."""
