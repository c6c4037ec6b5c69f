"""The container that serves a pushed model on Vertex AI, with the TensorFlow that trained it."""

# What is registered with the model; Vertex AI repeats it to the container in AIP_* variables.
PREDICT_ROUTE, HEALTH_ROUTE, PORT = "/predict", "/health", 8080
