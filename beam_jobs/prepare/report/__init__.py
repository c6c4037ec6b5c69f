"""`report.html`: what a person looks at before training on a version; one file that needs nothing else."""
