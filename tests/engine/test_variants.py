"""Variants are split by the questions that were asked, and by no others."""

from __future__ import annotations

from ftlint.engine.variants import MAX_VARIANTS, in_every_variant
from ftlint.run.versions import Admissible, VersionView

RELEASES = {
    "transformers": Admissible(("4.46.1", "4.57.6", "5.0.0", "5.1.0"), ()),
    "torch": Admissible(("2.5.1", "2.8.0"), ()),
}


def test_no_question_no_split() -> None:
    (answer,) = in_every_variant(lambda: RELEASES, lambda _view: "same")
    assert (answer.result, answer.label) == ("same", "")


def test_one_question_splits_its_own_package_only() -> None:
    answers = in_every_variant(lambda: RELEASES, lambda view: view.behaviour("from_pretrained_default_dtype").value)
    assert [answer.result for answer in answers] == ["float32", "checkpoint"]
    assert [answer.label for answer in answers] == ["transformers 4.46.1 to 4.57.6", "transformers 5.0.0 to 5.1.0"]


def test_one_release_needs_no_split() -> None:
    pinned = {"transformers": Admissible(("4.46.1",), ())}
    (answer,) = in_every_variant(lambda: pinned, lambda view: view.behaviour("from_pretrained_default_dtype").value)
    assert answer.result == "float32"


def test_too_many_variants_leave_the_rest_unknown() -> None:
    many = {f"package{n}": Admissible(("1", "2"), ()) for n in range(8)}

    def ask_everything(view: VersionView) -> int:
        for name, releases in view.admissible.items():
            if len(releases.releases) > 1:
                view.undecided.append((name, (("1",), ("2",))))
        return len(view.undecided)

    answers = in_every_variant(lambda: many, ask_everything)
    assert len(answers) <= MAX_VARIANTS
    assert all(answer.result > 0 for answer in answers)
