"""The log of what is served: what is measured of a photo that a model answered, and the files that keep it."""
