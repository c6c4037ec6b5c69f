"""Compare: what changed from one published version to another, record by record."""
