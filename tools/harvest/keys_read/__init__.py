"""Which keys of a mapping a program reads, where no class lists them: the mapping is followed through the program.

Some loaders ask a dictionary for one key after the other, across functions and modules. Such code is interpreted
abstractly here: a value is a mapping that is followed, a constant, an object that holds such values, or nothing that
matters. Nothing of it is run.
"""

from tools.harvest.keys_read.reader import Reader
from tools.harvest.keys_read.reads import KeyRead, Reads, Target

__all__ = ["KeyRead", "Reader", "Reads", "Target"]
