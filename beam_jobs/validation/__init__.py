"""What is measured of a version and what the schema, the other split, a baseline and rules say of it."""
