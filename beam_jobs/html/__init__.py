"""Pages without foreign parts: markup, style and plots."""
