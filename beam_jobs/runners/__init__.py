"""How a job is run: Beam's options parsed once, worker processes supervised."""
