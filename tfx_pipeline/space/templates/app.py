"""Entry point that the Hub starts."""

from pathlib import Path

from segmentation_app.interface import main

main(Path(__file__).parent)
