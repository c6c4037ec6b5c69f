"""The container that serves a pushed model on Vertex AI, with the same TensorFlow that trained it."""

# Registered with the model; Vertex AI passes these to the container in AIP_* variables.
PREDICT_ROUTE, HEALTH_ROUTE, PORT = "/predict", "/health", 8080
