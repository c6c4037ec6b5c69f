"""TFDV statistics, checked against a schema, rules and a baseline."""
