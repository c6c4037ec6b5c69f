"""The pipeline on Vertex AI: configuration, compilation, submission, and its rehearsal on this machine."""
