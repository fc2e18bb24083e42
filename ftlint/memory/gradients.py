"""When the gradients of weights are there: backward makes them from the output layer down to the embedding.

With one pass per update `zero_grad` has freed those of the last update, so at each point of backward only those above
it exist; with accumulation all of them are there all the time.
Measured on one A100: pure bf16, 65,536 tokens, Mistral-7B: weights, optimizer states, the output layer's gradient, one
projection's and the activations make up the peak to within 2 MB.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.estimate import PASS, Interval, Moment, Term
from ftlint.memory.terms import elements, maybe, optimizer_of
from ftlint.memory.workload import Workload

STEP = (Moment.OPTIMIZER_STEP,)


def gradient_terms(work: Workload, width: Interval, source: str, num_ranks: int = 1) -> Iterator[Term]:
    """Gradients on one GPU, by moment; each rank keeps one of `num_ranks` equal parts of every finished one."""
    if optimizer_of(work).steps_in_backward:
        return
    trained = ceil_div(work.parameters.num_trained, num_ranks)
    whole = maybe(work, width.times(trained))
    if work.num_accumulation_steps is not None and work.num_accumulation_steps > 1:
        yield elements("gradients", (*PASS, *STEP), whole, trained, width, source)
        return
    yield elements("gradients", STEP, whole, trained, width, source)
    for moment, num_params in finished(work):
        count = ceil_div(num_params, num_ranks)
        size = maybe(work, width.times(count))
        if work.num_accumulation_steps is None:
            size = Interval(size.low_bytes, size.expected_bytes, max(size.high_bytes, whole.high_bytes))
        yield elements("gradients so far", (moment,), size, count, width, source)


def finished(work: Workload) -> Iterator[tuple[Moment, int]]:
    """Elements of the gradients that are finished at each point of backward.

    Those of the layer that is worked on are not among them, nor the embedding's while backward arrives there, nor those
    of what reads images, which comes after it.
    """
    marks = work.parameters.landmarks
    trained = work.parameters.num_trained - work.parameters.num_image_readers
    yield Moment.LOSS, 0
    yield Moment.BACKWARD_START, marks.head
    yield Moment.BACKWARD_END, max(0, trained - marks.embedding - marks.layer)
    yield Moment.BACKWARD_EMBEDDING, max(0, trained - marks.embedding)


def projection_term(work: Workload, width: Interval, source: str) -> Term:
    """The gradient of the one matrix whose layer is worked on, whole on each rank until it is handed on."""
    count = work.parameters.landmarks.projection
    moments = (Moment.BACKWARD_START, Moment.BACKWARD_END)
    return elements("gradient of one matrix", moments, maybe(work, width.times(count)), count, width, source)
