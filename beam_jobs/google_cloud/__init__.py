"""What Dataflow and Vertex AI have in common: machine shapes and prices."""
