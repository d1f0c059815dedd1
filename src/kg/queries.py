"""Questions in SPARQL: what may be asked, asking it of a store within limits, here or of an endpoint elsewhere."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, TypedDict

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    NamedNode,
    Quad,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    parse,
)

from kg.confinement import CRASHED, OUT_OF_MEMORY, confine, cover, deadline, exit_kind
from kg.errors import QueryError, Refused
from kg.literals import Term, Written
from kg.messages import packed, say, unpacked
from kg.results import Answer, from_json, to_json
from kg.settings import Settings

__all__ = [
    "Data",
    "Question",
    "ask",
    "ask_each_within",
    "ask_endpoint",
    "ask_within",
    "form_of",
    "guard",
    "parts_of",
    "rows_of",
    "run",
    "triples_of",
    "values_from",
]


@dataclass(frozen=True)
class Data:
    """What can be asked: a store with all graphs merged in its default graph, and how to read and show its terms."""

    store: Store
    prefixes: Mapping[str, str] = field(default_factory=dict)
    base_iri: str | None = None
    written: Written = field(default_factory=Written)


# --- what may be asked -----------------------------------------------------------------------------------

# What a keyword or a bracket may stand in without being one. The store reads an IRI up to its ">" and takes a "<"
# for a comparison elsewhere; which of the two it is, is certain for absolute IRIs only.
_OPAQUE = re.compile(
    r"""(?P<comment>\#[^\r\n]*)
      | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*'{3}
          |\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*')
      | (?P<iri><[A-Za-z][A-Za-z0-9+.-]*://(?:[^<>\"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*>)
      | (?P<unclear><(?:[^<>\"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*>)""",
    re.VERBOSE | re.DOTALL,
)
_CODEPOINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
# Names that may have the word in them: a variable, the local part of a prefixed name, a prefix. The store wants no
# space after a keyword ("SERVICEx:y {" is a call), so a prefix counts only where no group follows its name.
_IN_NAME_BEFORE = re.compile(r"(?:[?$]\w*|:(?:[\w%][\w.:%·-]*)?)\Z")
_IN_PREFIX_AFTER = re.compile(r"[\w.·-]*:[\w.:%\\·-]*+[ \t\r\n]*+(?![{#])")


def guard(query: str, settings: Settings) -> None:
    """Raise QueryError for a query that is too long or too deep, or that reaches out of the store (SERVICE).

    It reads the query as characters only, because parsing what is too deep ends the process. Where a text could be
    read in two ways it is refused. It is read as it stands, as the store does, and with its codepoint escapes
    undone, as SPARQL 1.1 (section 19.2) says.
    """
    if len(query) > settings.query_length:
        raise QueryError(
            say("the query has %(number)s characters", number=len(query)),
            expected=say("at most %(most)s", most=f"{settings.query_length} (limits.query_length)"),
        )

    def unescape(match: re.Match[str]) -> str:
        number = int(match[1] or match[2], 16)
        return chr(number) if number < 0x110000 else match[0]

    _guard(query, settings)
    if (unescaped := _CODEPOINT.sub(unescape, query)) != query:
        _guard(unescaped, settings)


def _guard(query: str, settings: Settings) -> None:
    def without(match: re.Match[str]) -> str:
        if match["comment"]:
            return "#"
        if match["unclear"]:
            if re.search("[#']", match[0]):
                raise QueryError(
                    say("this may be an IRI or a comparison"),
                    found=match[0],
                    expected=say("a full IRI with ://, a prefixed name, or a space after <"),
                )
            return match[0]
        return '""' if match["string"] else "<>"

    bare = _OPAQUE.sub(without, query)
    depth = 0
    for bracket in re.findall(r"[({\[)}\]]", bare):
        depth = depth + 1 if bracket in "({[" else max(0, depth - 1)
        if depth > settings.query_nesting:
            raise QueryError(
                say("the query has brackets too deep inside each other"),
                expected=say("at most %(most)s", most=f"{settings.query_nesting} (limits.query_nesting)"),
            )
    for found in re.finditer("SERVICE", bare, re.IGNORECASE):
        before = bare[max(0, found.start() - 1000) : found.start()]
        if not _IN_NAME_BEFORE.search(before) and not _IN_PREFIX_AFTER.match(bare, found.end()):
            raise Refused(say("SERVICE is not allowed"), advice=say("This graph answers from its own data only."))


def with_values(query: str, values: Mapping[str, Term]) -> str:
    """Return a SELECT or ASK query with variables bound: a VALUES block on the line where its first group opens.

    (The store's own substitutions work only for variables that are projected.)
    """
    if values:
        for match in re.finditer(f"{_OPAQUE.pattern}|(?P<group>{{)", query, _OPAQUE.flags):
            if match["group"]:
                bound = " ".join(f"VALUES ?{name} {{ {value} }}" for name, value in sorted(values.items()))
                return f"{query[: match.end()]} {bound} {query[match.end() :]}"
    return query


def values_from(texts: Mapping[str, str]) -> dict[str, Term]:
    """Return values for `run` from terms as N-Triples has them. Raises QueryError for what is none."""
    found: dict[str, Term] = {}
    for name, text in texts.items():
        if not re.fullmatch(r"\w+", name):
            expected = say("letters and digits")
            raise QueryError(say("this is not the name of a variable"), found=name, expected=expected)
        try:
            (quad,) = parse(f"<urn:a> <urn:b> {text} .", format=RdfFormat.N_TRIPLES)
        except (SyntaxError, ValueError):
            problem, expected = say("the value of %(name)s is not a term", name=name), say("one as in N-Triples")
            raise QueryError(problem, found=text, expected=expected) from None
        found[name] = quad.object
    return found


# --- reading a query as words ----------------------------------------------------------------------------

_TOKEN = re.compile(
    _OPAQUE.pattern
    + r"""|(?P<variable>[?$]\w+)
      | (?P<name>[\w.·-]*:(?:[\w.:·-]|%[0-9A-Fa-f]{2}|\\.)*)
      | (?P<word>\w+)
      | (?P<sign>\S)""",
    _OPAQUE.flags,
)
_UPDATES = {"insert", "delete", "load", "clear", "create", "drop", "copy", "move", "add", "with"}


def _tokens(query: str) -> Iterator[re.Match[str]]:
    """Give the tokens of a query without its comments; where they may be read in two ways, in one of them."""
    return (match for match in _TOKEN.finditer(query) if not match["comment"])


def form_of(query: str) -> str:
    """Return the form of a query: select, ask, construct or describe; or what else stands there."""
    word = _first_word(query)
    return word["word"].lower() if word else ""


def _first_word(query: str) -> re.Match[str] | None:
    """Return the word after the prologue."""
    for token in _tokens(query):
        if token["word"] and token["word"].lower() not in ("prefix", "base", "version"):
            return token
    return None


def _computed(query: str) -> set[str]:
    """Return the variables that a query may bind to something else than a term of the data: after AS, in VALUES."""
    found: set[str] = set()
    before, inside = "", False
    for token in _tokens(query):
        word = (token["word"] or token["name"] or "").upper()
        if token["variable"]:
            if before.endswith(("AS", "VALUES")) or inside:
                found.add(token["variable"][1:])
        elif before.endswith("VALUES") and token["sign"] == "(":
            inside = True
        elif token["sign"] == ")":
            inside = False
        before = word
    return found


def _selects_all(query: str) -> bool:
    """Tell whether a query is `SELECT *`, which the store answers with its columns sorted by name."""
    form = _first_word(query)
    if form is None or not form["word"].upper().startswith("SELECT"):
        return False
    after = (token for token in _TOKEN.finditer(query, form.end()) if not token["comment"] and not token["word"])
    return (first := next(after, None)) is not None and first["sign"] == "*"


def _in_order(query: str, names: Sequence[str]) -> list[str]:
    """Return the names of variables in the order in which a query has them first; after these, any others."""
    place: dict[str, int] = {}
    for number, token in enumerate(_tokens(query)):
        if token["variable"]:
            place.setdefault(token["variable"][1:], number)
    return sorted(names, key=lambda name: place.get(name, len(query)))


def _graphs_named(query: str) -> tuple[list[str], list[str]]:
    """Return what stands after FROM and after FROM NAMED in a query, as it stands there."""
    default: list[str] = []
    named: list[str] = []
    waiting: list[str] | None = None
    for token in _tokens(query):
        word = (token["word"] or "").upper()
        if word.endswith("FROM"):
            waiting = default
        elif word == "NAMED" and waiting is default:
            waiting = named
        elif waiting is not None:
            if token["iri"] or token["unclear"] or token["name"]:
                waiting.append(token[0])
            waiting = None
    return default, named


# --- asking ----------------------------------------------------------------------------------------------

# How many characters of a line are shown on either side of a mistake.
_SHOWN = 200

_POSITION = re.compile(r"error at (\d+):(\d+): (?:expected )?(?:one of )?(.*)", re.DOTALL)
_UNKNOWN_FUNCTION = re.compile(r"The custom function <(.*)> is not supported", re.DOTALL)


def run(
    data: Data,
    query: str,
    *,
    values: Mapping[str, Term] | None = None,
    default_graphs: Sequence[str] | None = None,
    named_graphs: Sequence[str] | None = None,
    where: str = "query",
) -> QuerySolutions | QueryBoolean | QueryTriples:
    """Return what the store gives for a query; rows and triples are worked out as they are taken.

    The dataset is that of the protocol (`default_graphs` and `named_graphs`) if it names one, else that of FROM and
    FROM NAMED, else the union of all graphs and each of them. A function that nobody knows gives no value. `values`
    binds variables of the query's outermost group. Raises QueryError with line and column for a query that is not
    SPARQL 1.1.
    """
    query = query.removeprefix("\N{BYTE ORDER MARK}")
    text = with_values(query, values or {})
    store, dataset = data.store, _Dataset()
    try:
        if default_graphs is not None or named_graphs is not None:
            store, dataset = _dataset(store, _iris(default_graphs or ()), _iris(named_graphs or ()))
        else:
            default, named = _graphs_named(query)
            if len(default) > 1:
                found = _resolved(data, query, default, named)
                store, dataset = _dataset(store, found[: len(default)], found[len(default) :])
        unknown: dict[NamedNode, object] = {}
        while True:
            try:
                return store.query(
                    text,
                    base_iri=data.base_iri,
                    prefixes=dict(data.prefixes),
                    custom_functions=unknown,  # type: ignore[arg-type]
                    **dataset,
                )
            except RuntimeError as error:
                if (match := _UNKNOWN_FUNCTION.search(str(error))) is None or NamedNode(match[1]) in unknown:
                    raise QueryError(
                        say("the query cannot be answered: %(error)s", error=str(error)), where=where
                    ) from None
                unknown[NamedNode(match[1])] = _no_value
    except SyntaxError as error:
        raise _syntax_error(data, query, str(error.msg), where) from None
    except UnicodeEncodeError:
        raise QueryError(say("the query has half a character (a lone surrogate)"), where=where) from None
    except OSError as error:
        raise QueryError(say("the query cannot be answered: %(error)s", error=str(error)), where=where) from None


def _no_value(*_: Term) -> None:
    """Stand in for a function that nobody knows: its call is an error, so what it should bind stays unbound."""


def _iris(texts: Sequence[str]) -> list[NamedNode]:
    try:
        return [NamedNode(text) for text in dict.fromkeys(texts)]
    except ValueError as error:
        raise QueryError(
            say("the name of a graph is not an IRI"), found=", ".join(texts), expected=str(error)
        ) from None


def _resolved(data: Data, query: str, default: Sequence[str], named: Sequence[str]) -> list[NamedNode]:
    """Return the IRIs that names in a query stand for: the store tells, asked with the same prologue."""
    form = _first_word(query)
    prologue = query[: form.start()] if form else ""
    asked = f"{prologue} SELECT * {{ VALUES ?g {{ {' '.join([*default, *named])} }} }}"
    found = data.store.query(asked, base_iri=data.base_iri, prefixes=dict(data.prefixes))
    assert isinstance(found, QuerySolutions)
    return [solution["g"] for solution in found]


class _Dataset(TypedDict, total=False):
    """What of a store a query sees, as the store takes it; all of it if nothing is said."""

    default_graph: list[NamedNode | BlankNode | DefaultGraph]
    named_graphs: list[NamedNode | BlankNode]


def _dataset(store: Store, default: Sequence[NamedNode], named: Sequence[NamedNode]) -> tuple[Store, _Dataset]:
    """Return a store, and what of it a query sees, for a dataset.

    The store would count a triple that several graphs have several times, so these are put together in a store made
    for the question.
    """
    default, named = list(dict.fromkeys(default)), list(dict.fromkeys(named))
    if len(default) < 2:
        return store, _Dataset(default_graph=[*default], named_graphs=[*named])
    merged = Store()  # filled by `extend`, because `bulk_extend` starts threads, which want much memory
    for graph in default:
        found = store.quads_for_pattern(None, None, None, graph)
        merged.extend(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in found)
    for graph in named:
        merged.extend(store.quads_for_pattern(None, None, None, graph))
    return merged, _Dataset(default_graph=[DefaultGraph()], named_graphs=[*named])


def _syntax_error(data: Data, query: str, message: str, where: str) -> QueryError:
    """Return an error that says where a query is not SPARQL, what stands there, and what could."""
    if form_of(query) in _UPDATES:
        problem = say("this is an update, and the graph is only read")
        return Refused(problem, expected="SELECT, ASK, CONSTRUCT, DESCRIBE")
    position = _POSITION.search(message)
    if position is None:
        return QueryError(say("this is not SPARQL: %(problem)s", problem=message), where=where)
    lines = query.split("\n")
    line, column, items = int(position[1]), int(position[2]), _ITEM.findall(position[3])
    said = [item.strip() for item in items if re.fullmatch(r"[^\"\[].* .*", item.strip())]
    if said and "Prefix not found" not in said:  # about the query as a whole
        problem = "; ".join(said)
    else:
        token, items = _first_wrong(data, query)
        undeclared = _undeclared(data, query)
        if undeclared is not None and (token is None or undeclared.start() <= token.start()):
            token = undeclared
        start = token.start() if token else len(query.rstrip())
        line, column = query.count("\n", 0, start) + 1, start - query.rfind("\n", 0, start)
        problem = say("%(token)s cannot stand here", token=_shortened(token[0])) if token else say("it ends too early")
        if token is not None and token is undeclared:
            problem = say("the prefix %(name)s: is not declared", name=token["name"].partition(":")[0])
        elif expected := _expected(items):
            problem = say("%(problem)s; expected %(expected)s", problem=problem, expected=expected)
    there = lines[line - 1] if line <= len(lines) else ""
    begin = max(0, min(column - 1, len(there)) - _SHOWN)  # of a long line, what is around the place
    there = there[begin : column - 1 + _SHOWN]
    return QueryError(
        say("this is not SPARQL: %(problem)s", problem=problem),
        where=f"{where}:{line}:{column}",
        marked=f"\n  {there}\n  {' ' * (column - 1 - begin)}^",
    )


def _undeclared(data: Data, query: str) -> re.Match[str] | None:
    """Return the first name in a query whose prefix nobody has declared."""
    declared = {"_", *data.prefixes}
    before = ""
    for token in _tokens(query):
        if token["name"]:
            prefix = token["name"].partition(":")[0]
            if before == "PREFIX":
                declared.add(prefix)
            elif prefix not in declared:
                return token
        before = (token["word"] or "").upper()
    return None


# Ends a query in a way that no query can go on from, far enough from what stands before.
_NO_END = " " * 30 + "\x01"


def _first_wrong(data: Data, query: str) -> tuple[re.Match[str] | None, list[str]]:
    """Return the first token after which a query cannot become right any more, and what could stand in its place.

    There is none if the query could go on where it ends. The store's parser tells how far it came, but, as it
    compares keywords blindly, up to a keyword's length too far. So it is asked how far it comes in the beginnings
    of the query.
    """
    tokens = list(_tokens(query))
    empty = Store()

    def tried(number: int) -> tuple[bool, list[str]]:
        beginning = query[: tokens[number - 1].end()] if number else ""
        try:
            empty.query(beginning + _NO_END, base_iri=data.base_iri, prefixes=dict(data.prefixes))
        except SyntaxError as error:
            if position := _POSITION.search(str(error.msg)):
                line, column = int(position[1]), int(position[2])
                before = sum(len(text) + 1 for text in beginning.split("\n")[: line - 1])
                return before + column > len(beginning) + 25, _ITEM.findall(position[3])
        return True, []

    right, wrong = 0, len(tokens) + 1  # so many tokens make a good beginning, so many none
    while wrong - right > 1:
        middle = (right + wrong) // 2
        if tried(middle)[0]:
            right = middle
        else:
            wrong = middle
    return (tokens[wrong - 1] if wrong <= len(tokens) else None), (tried(right)[1] if right else _FORMS)


_ITEM = re.compile(r'"(?:\\.|[^"\\])*"|\[[^\]]*\](?:\s*\|\s*\[[^\]]*\])*|[^",\[\s][^,\[]*')
_FORMS = ["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]
_MEANT = {
    say("a variable"): ('"?"', '"$"'),
    say("an IRI"): ('"<"', '":"', "['A'"),
    say("a text"): ('"\'"', '"\\""', "\"'''\"", '"\\"\\"\\""'),
    say("a number"): ("['0'", '"+"', '"-"', '"."'),
}


def _expected(items: Sequence[str]) -> str:
    """Return what a parser's list of expected tokens says to a person; nothing if it leaves out keywords."""
    if "[_]" in items:
        return ""
    found = dict.fromkeys(
        next((name for name, marks in _MEANT.items() if item.startswith(marks)), item.strip()) for item in items
    )
    first, *more = found or [""]
    if not more:
        return first
    for name in more[:-1]:
        first = say("%(names)s, %(name)s", names=first, name=name)
    return say("%(names)s or %(last)s", names=first, last=more[-1])


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def rows_of(
    data: Data, query: str, values: Mapping[str, Term], found: QuerySolutions
) -> tuple[list[str], Iterator[Sequence[Term | None]]]:
    """Return the names of the columns of a SELECT query, and its rows, which are worked out as they are taken.

    Those of `SELECT *` stand in the order in which the query names them first. Literals are as written where that is
    certain: a variable that is never after AS, in BIND or VALUES holds a term of the data. A query with codepoint
    escapes may hide these words, so there no variable counts as such.
    """
    given = [variable.value for variable in found.variables]
    names = _in_order(query, given) if _selects_all(query) else given
    computed = set(names) if _CODEPOINT.search(query) else _computed(query) | set(values)
    back = [number for number, name in enumerate(names) if name not in computed] if data.written.forms else []
    rows: Iterator[Sequence[Term | None]] = map(tuple, found)
    if names != given:
        place = {name: number for number, name in enumerate(given)}
        order = [place[name] for name in names]
        rows = ([row[number] for number in order] for row in rows)
    if not back:
        return names, rows
    term = data.written.term

    def row(cells: Sequence[Term | None]) -> Sequence[Term | None]:
        row = list(cells)
        for number in back:
            row[number] = term(row[number])
        return row

    return names, map(row, rows)


def triples_of(data: Data, found: QueryTriples) -> Iterator[Triple]:
    """Give the triples of a CONSTRUCT or DESCRIBE query, those of the data with literals as written."""
    return data.written.all_forms(found)


def ask(data: Data, query: str, *, values: Mapping[str, Term] | None = None, where: str = "query") -> Answer:
    """Return the answer to a query over the union of all graphs; see `run`."""
    result = run(data, query, values=values, where=where)
    if isinstance(result, QueryBoolean):
        return Answer(boolean=bool(result))
    if isinstance(result, QueryTriples):
        return Answer(triples=sorted(triples_of(data, result), key=str))
    names, rows = rows_of(data, query, values or {}, result)
    return Answer(tuple(names), [list(row) for row in rows])


class Question(NamedTuple):
    """A query to be asked, the values of some of its variables, and where it stands."""

    query: str
    values: Mapping[str, Term]
    where: str


def ask_within(
    seconds: float | None,
    data: Data,
    query: str,
    *,
    values: Mapping[str, Term] | None = None,
    where: str,
    memory: int | None = 2 << 30,
) -> Answer:
    """Return the answer to a query, asked in a process of its own that ends at a deadline, if there is one.

    `memory` is what that process may allocate beyond what it starts with, in bytes. Raises QueryError for a query
    that is wrong, too deep for the parser, takes too long or needs too much memory.
    """
    answer = next(ask_each_within(seconds, data, [Question(query, values or {}, where)], memory=memory))
    if isinstance(answer, QueryError):
        raise answer
    return answer


def ask_each_within(
    seconds: float | None, data: Data, questions: Sequence[Question], *, memory: int | None = 2 << 30
) -> Iterator[Answer | QueryError]:
    """Give the answer to each query, or what `ask_within` would raise, at little more than the cost of asking one.

    They share a process; one that ends it after others were asked there is asked again in a process of its own, as
    the others may have used up what it needs. The deadline is each query's.
    """
    left = list(questions)
    while left:
        asked = 0
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover (measured in the parent)
            os.close(reading)
            _answer_each(seconds, data, left, memory, writing)
        os.close(writing)
        try:
            with os.fdopen(reading, "rb") as pipe:
                while (size := pipe.read(8)) and len(reply := pipe.read(int.from_bytes(size))) == int.from_bytes(size):
                    asked += 1
                    yield _from_text(reply.decode())
        except BaseException:  # nobody takes the other answers
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            _, status = os.waitpid(child, 0)
        left = left[asked:]
        if left and not asked:
            yield _ended(exit_kind(status), seconds, left.pop(0).where)


def _answer_each(
    seconds: float | None, data: Data, questions: Sequence[Question], memory: int | None, writing: int
) -> NoReturn:  # pragma: no cover (measured in the parent)
    """Write the answers, each after its size in eight bytes, and end this process; its status says why."""
    code = CRASHED
    try:
        confine(memory)
        cover()
        with os.fdopen(writing, "wb") as pipe:
            for question in questions:
                deadline(seconds or 0)
                try:
                    reply = _as_text(ask(data, question.query, values=question.values, where=question.where))
                except QueryError as error:
                    reply = "E" + json.dumps(parts_of(error))
                deadline(0)
                written = reply.encode()
                pipe.write(len(written).to_bytes(8) + written)
                pipe.flush()
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    finally:
        os._exit(code)


def _ended(how: str, seconds: float | None, where: str) -> QueryError:
    match how:
        case "time":
            return QueryError(
                say("the query took longer than %(seconds)s seconds", seconds=f"{seconds:g}"),
                where=where,
                advice=say("Make it ask for less, or raise limits.view_seconds."),
            )
        case "memory":
            problem, advice = say("the query needs too much memory"), say("Make it ask for less.")
            return QueryError(problem, where=where, advice=advice)
        case "crash":
            return QueryError(
                say("the query ended its process, as one that is too deep for the parser does"),
                where=where,
                advice=say("Make it shorter, or less deep."),
            )
    return QueryError(say("the process of the query was killed"), where=where, advice=say("Ask again."))


def _as_text(answer: Answer) -> str:
    if answer.triples is None:
        return "A" + to_json(answer)
    return "T" + "".join(f"{triple} .\n" for triple in answer.triples)


def _from_text(reply: str) -> Answer | QueryError:
    match reply[0]:
        case "A":
            return from_json(reply[1:])
        case "T":
            found = parse(reply[1:].encode(), format=RdfFormat.N_TRIPLES)
            return Answer(triples=[Triple(q.subject, q.predicate, q.object) for q in found])
    return QueryError(**{name: unpacked(part) for name, part in json.loads(reply[1:]).items()})


def parts_of(error: QueryError) -> dict[str, object]:
    """Return the parts of an error by name, packed, so that another process can tell it in any language."""
    names = ("problem", "where", "found", "expected", "advice", "marked")
    return {name: packed(getattr(error, name)) for name in names}


def ask_endpoint(
    address: str, query: str, *, prefixes: Mapping[str, str], values: Mapping[str, Term] | None = None
) -> Answer:
    """Return the answer of a SPARQL endpoint somewhere else, which gets the prefixes in front of the query.

    `values` binds variables as in `ask`. Raises QueryError for an endpoint that cannot be reached or does not
    answer with a result.
    """
    from urllib.error import URLError

    from SPARQLWrapper import JSON, N3, SPARQLWrapper
    from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

    declared = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in prefixes.items())
    wrapper = SPARQLWrapper(address)
    wrapper.setQuery(declared + with_values(query, values or {}))
    tabular = wrapper.queryType in ("SELECT", "ASK")
    wrapper.setReturnFormat(JSON if tabular else N3)
    try:
        response = wrapper.query().response.read()
        if tabular:
            return from_json(response.decode("utf-8"))
        found = parse(response, format=RdfFormat.TURTLE, base_iri=address)
        return Answer(triples=sorted((Triple(q.subject, q.predicate, q.object) for q in found), key=str))
    except (SPARQLWrapperException, URLError, OSError, ValueError, LookupError, TypeError, SyntaxError) as error:
        raise QueryError("the endpoint did not answer", where=address, found=str(error)) from None
