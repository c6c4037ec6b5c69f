"""TFDV statistics, held against a schema, rules and a baseline."""
