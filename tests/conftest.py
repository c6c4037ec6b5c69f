"""What holds for every test and for the processes that it starts."""

import os

# The command lines set this when they start. Without it here, the first test that calls one's `main` would change how
# TensorFlow rounds in processes started afterwards, but not in this one, where it is imported: a training that was
# killed there and resumed here ended with other weights, depending on which tests a worker had run before.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
