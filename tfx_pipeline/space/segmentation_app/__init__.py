"""The demo app of a Gradio Space: standalone, without the pipeline's packages."""
