"""Evaluation of a model: TFMA metrics, results, and their pages."""
