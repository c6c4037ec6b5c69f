"""Runs a compiled Vertex AI job on this machine, with loopback servers in place of Google's."""
