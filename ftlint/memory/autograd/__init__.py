"""What torch's autograd keeps and allocates, reckoned with numbers of bytes only: no torch, no tensors.

tape = Tape(compute_bytes=2, is_autocast=False)
x = tape.input(tokens * hidden, num_bytes=2, requires_grad=True)
y = ops.silu(tape, ops.linear(tape, x, weight))
profile = run(tape, inputs=(x,), output=y)      # what forward keeps, and the peaks of both directions
"""

from __future__ import annotations

from ftlint.memory.autograd.run import Event, Events, Profile, run
from ftlint.memory.autograd.tape import Flow, Node, Storage, Tape, Tensor

__all__ = ["Event", "Events", "Flow", "Node", "Profile", "Storage", "Tape", "Tensor", "run"]
