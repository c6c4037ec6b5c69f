"""Files read and written whole, wherever they are: in a folder or in a bucket."""
