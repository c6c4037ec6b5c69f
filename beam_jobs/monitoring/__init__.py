"""What a job reports while it runs and when it has ended: counters, progress, the account and the summary."""
