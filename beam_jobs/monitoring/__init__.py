"""What a job tells while it runs and once it has ended: counters, progress, the account and the summary."""
