"""Files that hold the annotations of many photos, read as a stream and cut into one entry for each photo."""
