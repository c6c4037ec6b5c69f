"""Self-contained pages: markup, style and plots."""
