"""One module per way to read a settings file: `PACKAGES` that decide, `prepare()` once, `judge(root, text)` per text.

These import the frameworks, so nothing of ftlint imports them: they run in a process of their own (`child.py`). `judge`
raises what the framework raises. What only a machine with GPUs can answer is answered as an H100 would.
"""
