"""One check from paths to findings; the command and the language server both come through here.

Nothing in here knows a rule or a framework.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.dialects.registry import explain, is_referable
from ftlint.engine.projects import INTERNAL_ERROR, Subjects, judge_project, run_variants
from ftlint.engine.result import CheckedFile, CheckResult, RunVariant, Selection, Unread
from ftlint.engine.selecting import Choice, choose
from ftlint.engine.suppressions import Ignore, read_ignores, suppress
from ftlint.errors import FtlintError, InputError, PageError, SettingsError
from ftlint.findings import Edit, Finding, Match
from ftlint.knowledge.schemas import damages
from ftlint.project.companions import companions
from ftlint.project.discovery import ProjectRoots, Target, discover
from ftlint.project.settings import Settings, SettingsFinder
from ftlint.project.view import Place
from ftlint.project.workspace import Workspace, absolute, shown
from ftlint.record import record
from ftlint.rulebook.book import Rulebook, load_rulebook
from ftlint.rulebook.wording import to_finding
from ftlint.spans import Location
from ftlint.syntax.document import Document, Format, ScriptDocument

if TYPE_CHECKING:
    from ftlint.engine.asked import Ask
    from ftlint.project.deepspeed_readers import DeepSpeedReaders
    from ftlint.project.launchers import LaunchFiles
    from ftlint.project.versions import VersionsFinder, VersionsInUse
    from ftlint.syntax.positions import LineIndex
    from ftlint.trace import ScriptTrace

UNUSED_IGNORE = "CFG002"
EVERYTHING = Selection()


def check(
    workspace: Workspace, paths: Sequence[Path], selection: Selection = EVERYTHING, *, ask: Ask | None = None
) -> CheckResult:
    """Everything wrong with the files at those paths, folders walked; `ask`: how to ask the frameworks, if at all.

    Raises UsageError for a selector of the command line that names no rule, PageError for a broken page of ours. What
    is wrong with one project's settings or one file is in `unread`, and the others are still checked.
    """
    return _Check(workspace, selection, ask).of(paths)


def runs_of(workspace: Workspace, paths: Sequence[Path]) -> tuple[RunVariant, ...]:
    """The runs that begin in the files at those paths; the first thing that cannot be read is raised."""
    return _Check(workspace, Selection()).runs(paths)


@record
class _Group:
    """Files under one project root and one settings file."""

    root: Path
    settings: Settings
    targets: tuple[Target, ...]


class _Check:
    """One check; holds what its files share."""

    def __init__(self, workspace: Workspace, selection: Selection, ask: Ask | None = None) -> None:
        self._ask = ask
        self._workspace = workspace
        self._selection = selection
        self._settings = SettingsFinder(workspace)
        self._roots = ProjectRoots()
        self._rulebooks: dict[tuple[Path, ...], Rulebook] = {}
        self._unread: dict[str, Unread] = {}
        self._asked: list[VersionsInUse] = []
        self._launching: dict[Path, LaunchFiles] = {}

    def of(self, paths: Sequence[Path]) -> CheckResult:
        """The result for those paths."""
        # A wrong --select is an error also where there turns out to be nothing to check.
        choose(self._rulebook(()), Settings(root=Path()), self._selection, self._workspace)
        found = discover(paths, self._workspace, self._settings)
        for problem in found.problems:
            self._refuse(problem)
        named = frozenset(path for path in map(absolute, paths) if not self._workspace.is_folder(path))
        passed_over = [CheckedFile(path, None, None, "too large to be settings") for path in found.too_large]
        walked = tuple(path for path in map(absolute, paths) if path not in named)
        results = [self._of_group(group, named, walked) for group in self._groups(found.targets)]
        for damage in damages():
            self._unread.setdefault(damage, Unread(damage))
        return CheckResult(
            findings=tuple(sorted((f for result in results for f in result.findings), key=Finding.sort_key)),
            unread=tuple(self._unread.values()),
            files=tuple(sorted((*passed_over, *(f for r in results for f in r.files)), key=lambda f: str(f.path))),
            runs=tuple(run for result in results for run in result.runs),
        )

    def runs(self, paths: Sequence[Path]) -> tuple[RunVariant, ...]:
        """The runs of those paths."""
        found = discover(paths, self._workspace, self._settings)
        for problem in found.problems:
            raise problem
        return tuple(
            variant
            for group in self._groups(found.targets)
            for variant in run_variants(self._subjects(group, frozenset()))
        )

    def _groups(self, targets: Iterable[Target]) -> Iterator[_Group]:
        together: dict[tuple[Path, Path | None], tuple[Settings, list[Target]]] = {}
        for target in targets:
            try:
                settings = self._settings.find(target.path)
            except SettingsError as error:
                self._refuse(error)
                continue
            root = self._roots.root_of(target.path, target.top)
            together.setdefault((root, settings.path), (settings, []))[1].append(target)
        for (root, _), (settings, members) in together.items():
            yield _Group(root, settings, tuple(members))

    def _of_group(self, group: _Group, named: frozenset[Path], walked: Sequence[Path]) -> CheckResult:
        try:
            choice = choose(self._rulebook(group.settings.rulebook), group.settings, self._selection, self._workspace)
        except (SettingsError, PageError) as error:  # a broken house rule is this project's, and no other's
            self._refuse(error)
            return CheckResult()
        subjects = self._subjects(group, named)
        first = len(self._asked)
        judged = judge_project(subjects, choice)
        for path in judged.failed:
            self._unread.setdefault(
                str(path), Unread(f"{shown(path)}: ftlint failed on this file, see {INTERNAL_ERROR}")
            )
        findings = judged.findings
        if self._ask is not None:
            from ftlint.engine.asked import asked_findings  # only where somebody wants to

            findings += tuple(asked_findings(subjects, choice, self._ask, judged.findings))
        if not any(group.root.is_relative_to(folder) for folder in walked):
            findings += self._from_companions(group, subjects, choice)
        findings += self._unread_versions(self._asked[first:], choice)
        return CheckResult(self._settled(findings, choice, subjects.files), (), subjects.files, judged.runs)

    def _unread_versions(self, asked: Sequence[VersionsInUse], choice: Choice) -> tuple[Finding, ...]:
        """What says which releases are in use and could not be read, where a release was asked for."""
        if not any(versions.problems for versions in asked):
            return ()
        from ftlint.engine.unread_versions import UNREAD_VERSION, unread_versions

        rule = choice.rulebook.by_code[UNREAD_VERSION]
        return tuple(to_finding(rule, match) for match in unread_versions(asked))

    def _from_companions(self, group: _Group, subjects: Subjects, choice: Choice) -> tuple[Finding, ...]:
        """What is wrong in the checked files with runs that begin in files which were not asked for."""
        checked = [file.path for file in subjects.files]
        referable = [file.path for file in subjects.files if is_referable(file.dialect)]
        others = companions(group.root, checked, referable, self._workspace, self._settings) if referable else ()
        if not others:
            return ()
        beside = self._subjects(replace(group, targets=others), frozenset())
        return tuple(finding for finding in judge_project(beside, choice).findings if finding.location.path in checked)

    def _subjects(self, group: _Group, named: frozenset[Path]) -> Subjects:
        files = tuple(
            file
            for target in group.targets
            if (file := self._file(target, group)) is not None
            # A folder is full of shell files, and hardly one of them is a run: those that are none are not counted.
            and (target.format is not Format.SHELL or file.dialect is not None or file.path in named)
        )
        documents = {file.path: file.document for file in files}
        return Subjects(
            place=Place(
                group.root,
                group.settings,
                self._workspace,
                cache(_trace),
                partial(self._launch_files_of, group.root),
                cache(partial(self._deepspeed_readers_of, group)),
            ),
            files=files,
            named=named,
            versions_for=cache(lambda path: self._versions_for(group, path, documents.get(path))),
        )

    @cached_property
    def _versions(self) -> VersionsFinder:
        from ftlint.project.versions import VersionsFinder  # most files never ask for a release

        return VersionsFinder(self._workspace)

    def _versions_for(self, group: _Group, path: Path, document: Document | None) -> VersionsInUse:
        top = next((target.top for target in group.targets if target.path == path), None)
        found = self._versions.find(
            group.settings,
            group.root,
            path,
            document,
            top=top,
            launch_files=partial(self._launch_files_of, group.root),
        )
        self._asked.append(found)
        return found

    def _launch_files_of(self, root: Path) -> LaunchFiles:
        if root not in self._launching:
            from ftlint.project.launchers import LaunchFiles  # only runs look for their launchers

            self._launching[root] = LaunchFiles(root, self._workspace)
        return self._launching[root]

    def _deepspeed_readers_of(self, group: _Group) -> DeepSpeedReaders:
        from ftlint.project.deepspeed_readers import DeepSpeedReaders  # only what they take differently asks

        return DeepSpeedReaders(group.root, group.settings, self._workspace)

    def _file(self, target: Target, group: _Group) -> CheckedFile | None:
        try:
            return self._recognised(target, group)
        except InputError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001  # our own failure on one file hides no other
            self._unread.setdefault(
                str(target.path), Unread(f"{shown(target.path)}: ftlint failed to read it: {error!r}")
            )
        return None

    def _recognised(self, target: Target, group: _Group) -> CheckedFile:
        """The parsed file and what it is taken for. Raises InputError."""
        document = self._workspace.document(target.path, target.format)
        if isinstance(document, ScriptDocument):
            return self._recognised_script(target, document, group.root)
        if document is None:
            return CheckedFile(target.path, None, None, "no kind of file that ftlint reads")
        explained = explain(document, group.settings.dialect_of(target.path))
        return CheckedFile(target.path, document, explained.dialect.name if explained.dialect else None, explained.why)

    def _recognised_script(self, target: Target, document: ScriptDocument, root: Path) -> CheckedFile:
        from ftlint.dialects.imports import explain_script

        kind = explain_script(document)
        if document.format is Format.SHELL or (document.format is Format.NOTEBOOK and kind.dialect is None):
            from ftlint.project.launch_runs import (  # most notebooks import what they train with
                begins_runs,
                launcher_in,
            )

            if begins_runs(document, root, self._workspace):
                return CheckedFile(target.path, document, "llama-cookbook", "launches llama-cookbook's finetuning")
            launcher = launcher_in(document)
            if launcher is not None:
                return CheckedFile(target.path, document, launcher, f"has a command of {launcher}")
        if document.format is Format.SHELL:
            return CheckedFile(target.path, document, None, "launches nothing whose flags are known")
        return CheckedFile(target.path, document, kind.dialect, kind.why)

    def _settled(
        self, findings: Sequence[Finding], choice: Choice, files: Sequence[CheckedFile]
    ) -> tuple[Finding, ...]:
        """The findings after selection, severities and ignores, with the ignores that silenced nothing."""
        chosen = [_with_severity(f, choice) for f in findings if f.code in choice.enabled_for(f.location.path)]
        texts = _Texts(self._workspace)
        ignores = [ignore for path in self._places_of(chosen, files) for ignore in texts.ignores(path)]
        outcome = suppress(chosen, ignores, lambda selector: _codes(choice.rulebook, selector), texts.rows)
        judged = {file.path for file in files if file.dialect is not None}
        unused = [
            to_finding(choice.rulebook.by_code[UNUSED_IGNORE], _unused(ignore, choice.rulebook))
            for ignore in outcome.unused
            if ignore.location.path in judged and _could_be_used(ignore, choice)
        ]
        return _distinct((*outcome.findings, *(finding for finding in unused if UNUSED_IGNORE in choice.enabled)))

    def _places_of(self, findings: Iterable[Finding], files: Iterable[CheckedFile]) -> Iterable[Path]:
        return dict.fromkeys((*(file.path for file in files), *(finding.location.path for finding in findings)))

    def _rulebook(self, folders: tuple[Path, ...]) -> Rulebook:
        if folders not in self._rulebooks:
            self._rulebooks[folders] = load_rulebook(folders)
        return self._rulebooks[folders]

    def _refuse(self, error: FtlintError) -> None:
        self._unread.setdefault(str(error), Unread(str(error)))


class _Texts:
    """The texts that findings and ignores stand in, with their line starts."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lines: dict[tuple[Path, int | None], LineIndex] = {}

    def ignores(self, path: Path) -> tuple[Ignore, ...]:
        """The ignores written in that file."""
        document = self._document(path)
        return () if document is None else read_ignores(document)

    def rows(self, location: Location) -> range:
        """The rows (from 1) that a location touches."""
        index = self._index(location)
        if index is None:
            return range(0)
        return range(index.position(location.span.start).row, index.position(location.span.end).row + 1)

    def _index(self, location: Location) -> LineIndex | None:
        key = (location.path, location.cell)
        if key not in self._lines:
            from ftlint.syntax.positions import LineIndex  # a file without findings and ignores needs no rows

            document = self._document(location.path)
            sources = document.sources if document is not None else ()
            self._lines.update({(location.path, source.cell): LineIndex(source.text) for source in sources})
        return self._lines.get(key)

    def _document(self, path: Path) -> Document | None:
        try:
            return self._workspace.document(path)
        except InputError:
            return None


def _trace(document: ScriptDocument) -> ScriptTrace:
    from ftlint.trace import trace_script  # a check of JSON and YAML does without

    return trace_script(document)


def _with_severity(finding: Finding, choice: Choice) -> Finding:
    severity = choice.severities.get(finding.code)
    return finding if severity is None else replace(finding, severity=severity)


def _codes(rulebook: Rulebook, selector: str) -> frozenset[str]:
    try:
        return rulebook.resolve(selector)
    except FtlintError:
        return frozenset()


def _unused(ignore: Ignore, rulebook: Rulebook) -> Match:
    known = bool(_codes(rulebook, ignore.selector))
    at = ignore.location
    return Match(
        at=at,
        values={"selector": ignore.selector, "why": "it silences nothing here" if known else "there is no such rule"},
        edits={} if ignore.removal is None else {"remove-ignore": (Edit(replace(at, span=ignore.removal), ""),)},
    )


def _could_be_used(ignore: Ignore, choice: Choice) -> bool:
    """An ignore of rules that are off is not unused: it waits for them. One of no rule at all is a slip."""
    codes = _codes(choice.rulebook, ignore.selector)
    return not codes or bool(codes & choice.enabled_for(ignore.location.path))


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding where the same is said of the same place: several runs may say it, each with fixes of its own."""
    seen: dict[tuple[str, Location, str], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.location, finding.message)
        known = seen.get(key)
        seen[key] = finding if known is None else _joined(known, finding)
    return tuple(seen.values())


def _joined(one: Finding, other: Finding) -> Finding:
    return replace(
        one,
        severity=one.severity.at_most(other.severity),
        related=tuple(dict.fromkeys((*one.related, *other.related))),
        fixes=tuple(dict.fromkeys((*one.fixes, *other.fixes))),
    )
