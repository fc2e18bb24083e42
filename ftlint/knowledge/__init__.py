"""What ftlint knows of the world: models, GPUs, cloud instances, framework releases and how their behaviour changed.

Nothing is loaded by importing this package: each module reads its own data file, when it is first asked.
"""
