"""HFPusher: pushes a blessed model to a repository on the Hugging Face Hub, with a Space that demonstrates it.

`config` is light; `component` and `executor` import TFX.
"""
