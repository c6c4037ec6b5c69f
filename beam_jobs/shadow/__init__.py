"""Shadow: a candidate answers the same photos as the served model, but no user; how the two differ."""
