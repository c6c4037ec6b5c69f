"""The folders of a dry run, one for each repository, and the file that a push leaves in each kind of repository."""

from schemas.exported_model import INFO_FILE

MODEL_FOLDER = "model"  # also the kind of repository in it
SPACE_FOLDER = "space"
MARKS = {MODEL_FOLDER: INFO_FILE, SPACE_FOLDER: "space.json"}
