"""`python -m tfx_pipeline.vertex doctor`: checks what a Google Cloud project lacks, before a run costs money."""
