"""The demo app as it runs in a Gradio Space: stands alone, needs nothing of the pipeline's packages."""
