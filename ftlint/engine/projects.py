"""One project judged: each document's keys, each script's trace, each run that begins in a file of the project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ftlint.engine.faults import fault_matches
from ftlint.engine.result import CheckedFile, RunVariant
from ftlint.engine.selecting import Choice
from ftlint.engine.shared import RunFindings, settle
from ftlint.engine.variants import in_every_variant
from ftlint.findings import Finding, Match, Severity
from ftlint.project.view import Place, ProjectView
from ftlint.record import record
from ftlint.rulebook.evaluate import evaluate
from ftlint.rulebook.inputs import Inputs
from ftlint.rulebook.page import Rule, Subject
from ftlint.rulebook.wording import merge_variants, to_finding
from ftlint.run.run import Run
from ftlint.run.versions import Admissible, VersionView
from ftlint.spans import Location, Span
from ftlint.syntax.document import DataDocument, Document, ScriptDocument

INTERNAL_ERROR = "CFG003"
SYNTAX_ERROR = "CFG001"


@record
class Subjects:
    """The files of one project that have to be judged.

    `named`: files the user named one by one, which ought to parse whatever they are.
    """

    place: Place
    files: tuple[CheckedFile, ...]
    named: frozenset[Path]
    versions_for: Callable[[Path], Mapping[str, Admissible]]


@record
class Judgement:
    """Everything found in one project, the runs that begin in it, and the files on which ftlint itself failed."""

    findings: tuple[Finding, ...]
    runs: tuple[Run, ...]
    failed: tuple[Path, ...]


def judge_project(subjects: Subjects, choice: Choice) -> Judgement:
    """Ask every rule that is on about every file of the project."""
    judge = _Judge(subjects, choice)
    findings: list[Finding] = []
    outcomes: list[RunFindings] = []
    failed: list[Path] = []
    for file in subjects.files:
        try:
            findings.extend(judge.document(file))
            outcomes.extend(judge.runs(file))
        except Exception as error:  # noqa: BLE001  # the one boundary: ftlint failed on this document, not the user
            findings.append(judge.internal_error(file.path, error))
            failed.append(file.path)
    findings.extend(settle(outcomes))
    return Judgement(tuple(findings), tuple(outcome.run for outcome in outcomes), tuple(failed))


def run_variants(subjects: Subjects) -> Iterator[RunVariant]:
    """Every run that begins in that project, under every choice of releases that its facts tell apart."""
    for file in subjects.files:
        if file.document is None or file.dialect is None:
            continue
        answers = in_every_variant(partial(subjects.versions_for, file.path), partial(_runs_in, subjects.place, file))
        for answer in answers:
            for run in answer.result:
                yield RunVariant(run, answer.view, answer.label)


class _Judge:
    """Asks the rules that are on about the documents of one project."""

    def __init__(self, subjects: Subjects, choice: Choice) -> None:
        self._place = subjects.place
        self._named = subjects.named
        self._versions_for = subjects.versions_for
        self._book = choice.rulebook
        self._by_subject: dict[Subject, list[Rule]] = {subject: [] for subject in Subject}
        for rule in choice.rulebook:
            if rule.code in choice.enabled:
                for subject in rule.subjects:
                    self._by_subject[subject].append(rule)

    def document(self, file: CheckedFile) -> Iterator[Finding]:
        """What is wrong with one document taken by itself."""
        if file.document is None:
            return
        ours = file.dialect is not None or file.path in self._named
        for match in fault_matches(file.document, ours=ours):
            yield to_finding(self._book.by_code[SYNTAX_ERROR], match)
        if file.dialect is None:
            return
        if isinstance(file.document, DataDocument):
            yield from self._keys(file.document)
        else:
            yield from self._script(file.document)

    def runs(self, file: CheckedFile) -> tuple[RunFindings, ...]:
        """The runs that begin in that file, and what is wrong with them; one run for all its variants."""
        if file.document is None or file.dialect is None:
            return ()

        def judged(versions: VersionView) -> list[tuple[Run, tuple[Finding, ...]]]:
            view = ProjectView(self._place, versions)
            return [(run, tuple(self._judge_run(run, view))) for run in _runs_of(file, view)]

        answers = in_every_variant(partial(self._versions_for, file.path), judged)
        runs = [run for run, _ in answers[0].result]
        merged = []
        for number, run in enumerate(runs):
            # Releases change what a run's facts are, not which runs there are.
            results = [(answer.label, _capped(answer.result[number][1], answer.view)) for answer in answers]
            merged.append(RunFindings(run, file.path, merge_variants(results)))
        return tuple(merged)

    def internal_error(self, path: Path, error: Exception) -> Finding:
        """The finding for our own failure on one document."""
        import traceback  # not needed until something of ours fails

        frame = traceback.extract_tb(error.__traceback__)[-1]
        values = {"error": f"{type(error).__name__}: {error}", "where": f"{Path(frame.filename).name}:{frame.lineno}"}
        match = Match(at=Location(path, Span(0, 0)), values=values)
        return to_finding(self._book.by_code[INTERNAL_ERROR], match)

    def _keys(self, document: DataDocument) -> Iterable[Finding]:
        rules = self._by_subject[Subject.KEYS]
        if not rules and not self._by_subject[Subject.LEVEL]:
            return ()

        def judged(versions: VersionView) -> tuple[Finding, ...]:
            view = ProjectView(self._place, versions)
            dialect = view.dialect_of(document)
            if dialect is None or (dialect.lower is None and not dialect.schemas):
                return ()
            inputs = Inputs(
                {
                    "keys": lambda: view.keys_of(document, dialect),
                    "document": lambda: document,
                    "survey": lambda: _survey(document, view),
                    "project": lambda: view,
                    "versions": lambda: versions,
                }
            )
            return (*_findings(rules, inputs), *self._by_level(inputs))

        return self._in_every_variant(document.path, judged)

    def _script(self, document: ScriptDocument) -> Iterable[Finding]:
        rules = self._by_subject[Subject.SCRIPT]
        if not rules and not self._by_subject[Subject.LEVEL]:
            return ()

        def judged(versions: VersionView) -> tuple[Finding, ...]:
            view = ProjectView(self._place, versions)
            inputs = Inputs(
                {
                    "trace": lambda: view.trace_of(document),
                    "document": lambda: document,
                    "survey": lambda: _survey(document, view),
                    "project": lambda: view,
                    "versions": lambda: versions,
                }
            )
            return (*_findings(rules, inputs), *self._by_level(inputs))

        return self._in_every_variant(document.path, judged)

    def _by_level(self, inputs: Inputs) -> Iterator[Finding]:
        """What pages say of a level's keys, wherever they are written; a warning where other keys may be meant."""
        rules = self._by_subject[Subject.LEVEL]
        if not rules:
            return
        from ftlint.checks.schema.by_level import keys_by_level
        from ftlint.checks.schema.survey import Survey

        survey = inputs.get_as("survey", Survey)
        assert survey is not None
        for found in keys_by_level(survey):
            own = inputs.extended({"keys": _given(found.keys), "levels": _given(found.names)})
            for finding in _findings(rules, own):
                is_sure = found.settings.is_sure
                yield finding if is_sure else replace(finding, severity=finding.severity.at_most(Severity.WARNING))

    def _judge_run(self, run: Run, view: ProjectView) -> Iterable[Finding]:
        inputs = Inputs(
            {
                "run": lambda: run,
                "estimate": lambda: _estimate(run, view.versions),
                "project": lambda: view,
                "versions": lambda: view.versions,
            }
        )
        return _findings(self._by_subject[Subject.RUN], inputs)

    def _in_every_variant(
        self, path: Path, judged: Callable[[VersionView], tuple[Finding, ...]]
    ) -> tuple[Finding, ...]:
        answers = in_every_variant(partial(self._versions_for, path), judged)
        return merge_variants([(answer.label, _capped(answer.result, answer.view)) for answer in answers])


def _given(value: object) -> Callable[[], object]:
    return lambda: value


def _runs_in(place: Place, file: CheckedFile, versions: VersionView) -> tuple[Run, ...]:
    return _runs_of(file, ProjectView(place, versions))


def _runs_of(file: CheckedFile, view: ProjectView) -> tuple[Run, ...]:
    if isinstance(file.document, DataDocument):
        run = view.run_of_document(file.document)
        return () if run is None else (run,)
    return view.runs_of_script(file.document) if file.document is not None else ()


def _survey(document: Document, view: ProjectView) -> object:
    from ftlint.checks.schema.settings import survey  # only what a schema rule is asked about is walked

    return survey(document, view)


def _estimate(run: Run, versions: VersionView) -> object:
    from ftlint.memory import estimate  # only runs that reach a memory rule pay for it

    return estimate(run, versions=versions)


def _findings(rules: Sequence[Rule], inputs: Inputs) -> Iterator[Finding]:
    for rule in rules:
        for match in evaluate(rule, inputs):
            yield to_finding(rule, match)


def _capped(findings: Sequence[Finding], view: VersionView) -> tuple[Finding, ...]:
    """What was found under a release that our data has not seen is advice at most."""
    if not view.read_beyond_knowledge:
        return tuple(findings)
    note = "a release newer than ftlint's data"
    return tuple(
        replace(finding, severity=finding.severity.at_most(Severity.INFO), message=f"{finding.message} ({note})")
        for finding in findings
    )
