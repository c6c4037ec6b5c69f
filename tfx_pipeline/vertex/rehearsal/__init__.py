"""Runs a compiled Vertex AI job on this machine, with servers on loopback in Google's place."""
