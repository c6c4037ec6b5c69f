"""HFPusher: a blessed model in a repository of the Hugging Face Hub, and a Space that shows it to people.

`config` is light; `component` and `executor` import TFX.
"""
