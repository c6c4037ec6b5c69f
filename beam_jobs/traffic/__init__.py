"""Compares two models that share an endpoint's traffic, from the log of what is served alone."""
