"""The input of a job: lists photos and masks, and reads their bytes."""
