"""The pipeline's configuration, checked as a whole when it is read."""
