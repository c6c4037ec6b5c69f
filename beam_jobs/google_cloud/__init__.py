"""What Dataflow and Vertex AI share: machine shapes and prices."""
