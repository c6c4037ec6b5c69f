"""`python -m tfx_pipeline.vertex doctor`: what a project at Google lacks, before a run costs money."""
