"""How good a model is: TFMA metrics, results, and their pages."""
