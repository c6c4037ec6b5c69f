"""Monitor: what a model serves, compared with its answers on photos that it did not learn."""
