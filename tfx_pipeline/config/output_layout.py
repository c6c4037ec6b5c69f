"""Names of files and folders in a pipeline's output folder."""

SUMMARY_FILE = "summary.json"
PREDICTIONS_FILE = "predictions.png"
REPORT_FILE = "evaluation.html"
HISTORY_FILE = "history.jsonl"  # every model that was evaluated here, in a line
PER_IMAGE_FILE = "per_image.csv"
CONFUSION_FILE = "confusion.csv"
TEST_EVALUATIONS_FILE = "test_evaluations.json"  # which models were evaluated on a version's test split
METADATA_FILE = "metadata.sqlite"
LOCK_FILE = ".lock"  # while a run writes there
TEMPORARY_FOLDER = ".temporary"  # likewise: temporary files of all libraries
LOGS_FOLDER = "logs"
PIPELINE_FOLDER = "pipeline"  # TFX's artifacts: OUTPUT/pipeline/<step>/<channel>/<execution>/
SERVING_FOLDER = "serving"  # pushed models: OUTPUT/serving/<seconds since 1970>/, as TensorFlow Serving watches it
CHECKPOINTS_FOLDER = "checkpoints"  # of unfinished training runs
