"""Edits by which a sharded model is gathered before it is written: one function for each way of repairing.

All of them leave the call that writes where it is and keep comments. Where a text cannot be edited so that it is
right for certain, there is no edit.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ftlint.checks.sharded import Launches
from ftlint.findings import Edit
from ftlint.record import record
from ftlint.spans import Location, Span
from ftlint.syntax.blocks import indent_at, insert_before, line_start, put_under, stands_alone
from ftlint.syntax.calls import add_keyword
from ftlint.syntax.document import ScriptCell, ScriptDocument, Source
from ftlint.syntax.editing import set_value
from ftlint.syntax.import_edits import add_import, name_of
from ftlint.syntax.python import span_of
from ftlint.trace.sharding import Guard, Sharder, Site, StateDict, StateType, Written

if TYPE_CHECKING:
    from ftlint.checks.saving import Damage

STATE = "torch.distributed.checkpoint.state_dict"
OPTIONS = "StateDictOptions(full_state_dict=True, cpu_offload=True)"
Edits = tuple[Edit, ...]


@record
class Text:
    """The text around a write: its cell, and the names it may use."""

    cell: ScriptCell
    name: str  # for the gathered state

    @property
    def source(self) -> Source:
        """The text itself."""
        return self.cell.source


def edits_for(damage: Damage, document: ScriptDocument, project: Launches) -> tuple[Mapping[str, Edits], str]:
    """The edits by the page's names, and how the Trainer's own call would read."""
    event = damage.written
    if not damage.is_editable:
        return {}, ""
    if not isinstance(event, Written):
        return _lonely_gather(event.state, document), ""
    text = _text_of(event.site, document)
    if text is None or event.site is None:
        return {}, ""
    sharder = damage.shards.by
    if sharder is Sharder.TRAINER:
        found, call = _with_trainer(event, damage, text, project)
        return _named("trainer", found) if call else _named("state-type", found), call
    if sharder is Sharder.ACCELERATOR:
        return _named("accelerator", _with_accelerator(event, text)), ""
    return _named("gather", _gathered(event, text)), ""


def _named(name: str, edits: Edits) -> Mapping[str, Edits]:
    return {name: edits} if edits else {}


def _text_of(site: Site | None, document: ScriptDocument) -> Text | None:
    cell = next((cell for cell in document.cells if site is not None and cell.source == site.source), None)
    if cell is None or cell.tree is None:
        return None
    used = {part.id for part in ast.walk(cell.tree) if isinstance(part, ast.Name)}
    name = next(name for name in ("state_dict", "full_state_dict", "gathered_state_dict", "") if name not in used)
    return Text(cell, name) if name else None


# A loop of one's own ------------------------------------------------------------------------------------------------


def _gathered(event: Written, text: Text) -> Edits:
    """`get_model_state_dict` on every rank, then the write on rank 0."""
    state = event.state
    if event.model is None or (state is None and event.by != "save_pretrained"):
        return ()
    if state is not None and state.is_plain:
        return ()  # what is called on each weight has no meaning for a whole one
    gather = f"get_model_state_dict({event.model}, options={OPTIONS})"
    if event.is_adapted and state is None:
        gather = gather.replace("cpu_offload=True", "cpu_offload=True, ignore_frozen_params=True")
    return _repaired(event, text, gather, _imports(text, STATE, ("StateDictOptions", "get_model_state_dict")))


def _repaired(event: Written, text: Text, gather: str, imports: Edits) -> Edits:
    """What is written is gathered on every rank, before whatever lets only rank 0 through."""
    site, state = event.site, event.state
    taken = state.site if state is not None else None
    if site is None or (taken is not None and taken.source != site.source):
        return ()
    guard = state.guard if state is not None else event.guard
    if guard is not None:
        opening = _before_guard(guard, site, text, f"{text.name} = {gather}")
        return (*imports, opening, *_use(event, text.name)) if opening is not None else ()
    if taken is None or taken.statement is site.statement:
        under = _under_rank(event, text, f"{text.name} = {gather}")
        return (*imports, *under, *_use(event, text.name)) if under else ()
    # The state has a name of its own: it is taken on every rank, and written on one.
    under = () if event.guard is not None else _under_rank(event, text)
    made = _in_place(taken, text, gather)
    return (*(imports if gather in made[-1].content else ()), *made, *under) if event.guard or under else ()


def _in_place(taken: Site, text: Text, gather: str) -> Edits:
    """The call that takes the state takes all of it."""
    function = taken.call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    written = {keyword.arg: keyword.value for keyword in taken.call.keywords}
    if name != "get_state_dict" or "options" in written:
        return (Edit(text.source.location(span_of(taken.call, text.source)), gather),)
    options = _imports(text, STATE, ("StateDictOptions",))
    return (*options, add_keyword(text.source, taken.call, "options", OPTIONS))


def _under_rank(event: Written, text: Text, *before: str) -> Edits:
    """The write under a question for the rank, with lines before it."""
    site = event.site
    if site is None or not isinstance(site.statement, ast.Expr):
        return ()
    rank = _rank(text)
    under = put_under(text.source, site.statement, f"if {rank.expression} == 0:", *before)
    return (*rank.imports, *under) if under else ()


def _use(event: Written, name: str) -> Edits:
    """The call writes what `name` holds."""
    site, state = event.site, event.state
    assert site is not None
    if state is not None and state.site is not None:
        return (Edit(site.source.location(span_of(state.site.call, site.source)), name),)
    return (add_keyword(site.source, site.call, "state_dict", name),)


def _before_guard(guard: Guard, site: Site, text: Text, line: str) -> Edit | None:
    """A line before the `if` that lets only rank 0 through; none where it does not stand in the same function."""
    if guard.location.cell != site.source.cell or guard.location.path != site.source.path:
        return None
    assert text.cell.tree is not None
    if _function_around(text.cell.tree, guard.node) is not _function_around(text.cell.tree, site.call):
        return None
    start = span_of(guard.node, text.source).start
    if text.source.text.startswith("elif", start):
        return None
    return insert_before(text.source, guard.node, line)


def _function_around(tree: ast.Module, node: ast.AST) -> ast.AST | None:
    """The innermost function that a node stands in."""
    found: ast.AST | None = None
    row = getattr(node, "lineno", 0)
    for part in ast.walk(tree):
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if part.lineno < row <= (part.end_lineno or 0) and part.lineno > getattr(found, "lineno", 0):
            found = part
    return found


@record
class _Rank:
    expression: str
    imports: Edits = ()


def _rank(text: Text) -> _Rank:
    """How this text asks for its rank."""
    assert text.cell.tree is not None
    name = name_of(text.cell.tree, "torch.distributed")
    if name is not None:
        return _Rank(f"{name}.get_rank()")
    return _Rank("get_rank()", _imports(text, "torch.distributed", ("get_rank",)))


def _imports(text: Text, module: str, names: tuple[str, ...]) -> Edits:
    edit = add_import(text.cell, module, names)
    return (edit,) if edit is not None else ()


def gathered_on_cpu(state: StateDict, document: ScriptDocument) -> Edits:
    """The same gather, offloaded to rank 0."""
    text, gathering = _text_of(state.site, document), state.gathering
    if text is None or state.site is None:
        return ()
    if gathering is None:  # FullyShardedDataParallel's default, which nobody wrote
        call = f"get_model_state_dict({state.model}, options={OPTIONS})"
        replaced = Edit(text.source.location(span_of(state.site.call, text.source)), call)
        return (*_imports(text, STATE, ("StateDictOptions", "get_model_state_dict")), replaced)
    options = gathering.options
    if options is not None:
        return _with_offload(options) if options.source == text.source else ()
    context = gathering.context
    if context is None or context.source != text.source or context.call.keywords or len(context.call.args) != 2:
        return ()
    config = "FullStateDictConfig(offload_to_cpu=True, rank0_only=True)"
    return (
        *_imports(text, "torch.distributed.fsdp", ("FullStateDictConfig",)),
        add_keyword(context.source, context.call, "state_dict_config", config),
    )


def _with_offload(options: Site) -> Edits:
    function = options.call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if options.call.args or any(keyword.arg is None for keyword in options.call.keywords):
        return ()
    if name == "StateDictOptions":
        return (add_keyword(options.source, options.call, "cpu_offload", "True"),)
    written = {keyword.arg for keyword in options.call.keywords}
    if "rank0_only" in written:
        edits = [add_keyword(options.source, options.call, "offload_to_cpu", "True")]
        return (*edits, add_keyword(options.source, options.call, "rank0_only", "True"))
    return (add_keyword(options.source, options.call, "offload_to_cpu", "True, rank0_only=True"),)


def _lonely_gather(state: StateDict, document: ScriptDocument) -> Mapping[str, Edits]:
    """A gather under a guard whose result is not seen being written: it is taken before the guard."""
    text = _text_of(state.site, document)
    if text is None or state.site is None or state.guard is None or state.model is None:
        return {}
    if state.taken_by == "Accelerator.get_state_dict":
        line, name = _call_text(state.site), "accelerator"
        imports: Edits = ()
    else:
        line, name = f"get_model_state_dict({state.model}, options={OPTIONS})", "gather"
        imports = _imports(text, STATE, ("StateDictOptions", "get_model_state_dict"))
    opening = _before_guard(state.guard, state.site, text, f"{text.name} = {line}")
    if opening is None:
        return {}
    used = Edit(text.source.location(span_of(state.site.call, text.source)), text.name)
    return {name: (*imports, opening, used)}


def _call_text(site: Site) -> str:
    return site.source.slice(span_of(site.call, site.source))


# Accelerate ---------------------------------------------------------------------------------------------------------


def _with_accelerator(event: Written, text: Text) -> Edits:
    """`accelerator.get_state_dict(model)` on every rank."""
    site, state, sharding = event.site, event.state, event.sharding
    owner = sharding.owner if sharding is not None else None
    if site is None or event.model is None or owner is None:
        return ()
    gather = f"{owner}.get_state_dict({event.model})"
    if event.guard is not None or (state is not None and state.guard is not None):
        return _repaired(event, text, gather, ())
    if state is not None:
        return (Edit(text.source.location(span_of(state.site.call, text.source)), gather),) if state.site else ()
    if event.by != "save_pretrained":
        return ()
    written = {keyword.arg for keyword in site.call.keywords}
    added = [f"state_dict={gather}"]
    if None in written:
        return ()
    if "is_main_process" not in written:
        added.append(f"is_main_process={owner}.is_main_process")
    if "save_function" not in written:
        added.append(f"save_function={owner}.save")
    first, rest = added[0].partition("="), added[1:]
    keyword = add_keyword(text.source, site.call, first[0], ", ".join((first[2], *rest)))
    return (keyword,)


# Trainer ------------------------------------------------------------------------------------------------------------


def _with_trainer(event: Written, damage: Damage, text: Text, project: Launches) -> tuple[Edits, str]:
    """The Trainer's own `save_model`, on every rank and under a type that writes weights."""
    site, sharding = event.site, event.sharding
    assert site is not None
    if damage.place is not None:
        return _to_full(damage.place, text, project), ""
    owner = sharding.owner if sharding is not None else None
    if owner is None or (event.state is not None and not damage.hangs):
        return (), ""
    if event.by in ("save_model", "push_to_hub"):
        call = _call_text(site)
        return _out_of_guard(event, text, call), call
    if event.by != "save_pretrained" or len(site.call.args) + len(site.call.keywords) != 1:
        return (), ""
    argument = site.call.args[0] if site.call.args else site.call.keywords[0].value
    call = f"{owner}.save_model({text.source.slice(span_of(argument, text.source))})"
    if event.guard is None:
        return (Edit(text.source.location(span_of(site.call, text.source)), call),), call
    return _out_of_guard(event, text, call), call


def _out_of_guard(event: Written, text: Text, call: str) -> Edits:
    """The call before the guard instead of inside; the guard goes where nothing else is left in it."""
    site, guard = event.site, event.guard
    if site is None or guard is None or site.statement is None or not isinstance(site.statement, ast.Expr):
        return ()
    source = text.source
    if not stands_alone(source, site.statement) or _before_guard(guard, site, text, call) is None:
        return ()
    body, start = guard.node.body, span_of(guard.node, source).start
    if body == [site.statement] and not guard.node.orelse:
        first, last = line_start(source.text, start), span_of(site.statement, source)
        between = source.text[source.text.find("\n", span_of(guard.node.test, source).end) + 1 : last.start]
        header = source.text[span_of(guard.node.test, source).end : source.text.find("\n", start)]
        if "#" in header:
            return ()
        indent = indent_at(source.text, first)
        kept = "".join(f"{indent}{line.strip()}\n" for line in between.splitlines() if line.strip())
        return (Edit(source.location(Span(first, last.end)), f"{kept}{indent}{call}"),)
    if site.statement not in body:
        return ()
    opening = insert_before(source, guard.node, call)
    span = span_of(site.statement, source)
    begin, end = line_start(source.text, span.start), source.text.find("\n", span.end) + 1
    if opening is None or end == 0 or "#" in source.text[span.end : end] or len(body) == 1:
        return ()
    return (opening, Edit(source.location(Span(begin, end)), ""))


def _to_full(place: Location, text: Text, project: Launches) -> Edits:
    """The setting that names the type, in whichever file it stands."""
    found = project.keys_at(place)
    if found is not None:
        document, key = found
        return tuple(set_value(document, key.path, StateType.FULL.value))
    if (place.path, place.cell) != (text.source.path, text.source.cell):
        return ()
    written = text.source.slice(place.span)
    changed = re.sub(r"(SHARDED|LOCAL)(_STATE_DICT)?", lambda match: "FULL" + (match[2] or ""), written)
    return (Edit(place, changed),) if changed != written else ()
