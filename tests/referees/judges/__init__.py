"""One module per framework, imported in the framework's environment: how it reads a text, short of training.

Each has `PACKAGES` (whose versions decide), `prepare()` (imports, and what stands in for a GPU), `judge(root, text)`
(returns where the framework accepts, raises what it raises) and `keys()` (everything it declares, by introspection).
"""
