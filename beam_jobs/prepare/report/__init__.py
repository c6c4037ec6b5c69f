"""`report.html`: for people to read before they train on a version; one file without dependencies."""
