"""Questions in SPARQL: what may be asked, asking it of a store within limits, and the answer as a table."""

from __future__ import annotations

import csv
import faulthandler
import io
import json
import os
import re
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    parse,
)

from kg.errors import QueryError
from kg.settings import Settings

__all__ = ["Answer", "ask", "ask_endpoint", "ask_within", "from_json", "guard", "to_csv", "to_json"]

Term = NamedNode | BlankNode | Literal


@dataclass(frozen=True)
class Answer:
    """What a query gave: rows under variables, one boolean, or triples."""

    variables: tuple[str, ...] = ()
    rows: Sequence[Sequence[Term | None]] = ()
    boolean: bool | None = None
    triples: Sequence[Triple] | None = None


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
            f"the query has {len(query)} characters",
            expected=f"at most {settings.query_length} (limits.query_length)",
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
                    "this may be an IRI or a comparison",
                    found=match[0],
                    expected="a full IRI with ://, a prefixed name, or a space after <",
                )
            return match[0]
        return '""' if match["string"] else "<>"

    bare = _OPAQUE.sub(without, query)
    depth = 0
    for bracket in re.findall(r"[({\[)}\]]", bare):
        depth = depth + 1 if bracket in "({[" else max(0, depth - 1)
        if depth > settings.query_nesting:
            raise QueryError(
                "the query has brackets too deep inside each other",
                expected=f"at most {settings.query_nesting} (limits.query_nesting)",
            )
    for found in re.finditer("SERVICE", bare, re.IGNORECASE):
        before = bare[max(0, found.start() - 1000) : found.start()]
        if not _IN_NAME_BEFORE.search(before) and not _IN_PREFIX_AFTER.match(bare, found.end()):
            raise QueryError("SERVICE is not allowed", advice="This graph answers from its own data only.")


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


_POSITION = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


def ask(
    store: Store,
    query: str,
    *,
    prefixes: Mapping[str, str],
    values: Mapping[str, Term] | None = None,
    where: str = "query",
) -> Answer:
    """Return the answer to a query over the union of all graphs.

    `values` binds variables of the query's outermost group. Raises QueryError with line and column for a query that is
    not SPARQL 1.1.
    """
    try:
        result = store.query(with_values(query, values or {}), prefixes=dict(prefixes))
        if isinstance(result, QueryBoolean):
            return Answer(boolean=bool(result))
        if isinstance(result, QueryTriples):
            return Answer(triples=sorted(result, key=str))
        assert isinstance(result, QuerySolutions)
        variables = tuple(variable.value for variable in result.variables)
        return Answer(variables, [[solution[name] for name in variables] for solution in result])
    except SyntaxError as error:
        message = str(error.msg)
        if position := _POSITION.search(message):
            line, column = int(position[1]), int(position[2])
            lines = query.split("\n")
            there = lines[line - 1] if line <= len(lines) else ""
            raise QueryError(
                f"this is not SPARQL: {position[3].strip()}\n  {there}\n  {' ' * (column - 1)}^",
                where=f"{where}:{line}:{column}",
            ) from None
        raise QueryError(f"this is not SPARQL: {message}", where=where) from None


def ask_within(
    seconds: float,
    store: Store,
    query: str,
    *,
    prefixes: Mapping[str, str],
    values: Mapping[str, Term] | None = None,
    where: str,
    memory: int = 2 << 30,
) -> Answer:
    """Return the answer to a SELECT or ASK query, asked in a process of its own that ends at a deadline.

    Nothing else stops a query once it runs: the child's alarm has its default action, so the kernel ends it
    wherever it is. `memory` is what the child may allocate beyond what it starts with, in bytes. Raises
    QueryError for a query that is wrong, takes too long or needs too much memory.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover (measured in the parent)
        try:
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            with open("/proc/self/statm", encoding="ascii") as statm:
                size = int(statm.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # Rust says on standard error that memory has run out, a fault handler where; the parent says it better.
            faulthandler.disable()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            # Nothing more can be opened: whatever gets past the guard finds no socket.
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
            try:
                answer = ask(store, query, prefixes=prefixes, values=values, where=where)
                if answer.triples is not None:
                    raise QueryError("a view is a SELECT query", where=where)
                reply = "A" + to_json(answer)
            except QueryError as error:
                reply = "E" + json.dumps([error.problem, error.where])
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                pipe.write(reply)
            os._exit(0)
        except BaseException:
            os._exit(70)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        reply = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        raise QueryError(
            f"the query took longer than {seconds:g} seconds",
            where=where,
            advice="Make it ask for less, or raise limits.view_seconds.",
        )
    if status != 0:
        raise QueryError(
            "the query ended its process, as one that needs too much memory does",
            where=where,
            advice="Make it ask for less.",
        )
    if reply[0] == "E":
        problem, place = json.loads(reply[1:])
        raise QueryError(problem, where=place)
    return from_json(reply[1:])


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


# --- the answer as a table -------------------------------------------------------------------------------


def _term_to_json(term: Term) -> dict[str, str]:
    if isinstance(term, NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    found = {"type": "literal", "value": term.value}
    if term.language:
        found["xml:lang"] = term.language
    elif term.datatype.value != "http://www.w3.org/2001/XMLSchema#string":
        found["datatype"] = term.datatype.value
    return found


def _term_from_json(found: Mapping[str, Any]) -> Term:
    if found["type"] == "uri":
        return NamedNode(found["value"])
    if found["type"] == "bnode":
        return BlankNode(found["value"])
    if "xml:lang" in found:
        return Literal(found["value"], language=found["xml:lang"])
    if "datatype" in found:
        return Literal(found["value"], datatype=NamedNode(found["datatype"]))
    return Literal(found["value"])


def to_json(answer: Answer) -> str:
    """Return rows or a boolean in the SPARQL 1.1 Query Results JSON Format."""
    if answer.triples is not None:
        raise QueryError("triples are not a table", advice="Ask a SELECT or ASK query.")
    if answer.boolean is not None:
        return json.dumps({"head": {}, "boolean": answer.boolean})
    bindings = [
        {name: _term_to_json(term) for name, term in zip(answer.variables, row, strict=True) if term is not None}
        for row in answer.rows
    ]
    return json.dumps({"head": {"vars": answer.variables}, "results": {"bindings": bindings}}, ensure_ascii=False)


def from_json(text: str) -> Answer:
    """Return the answer that `to_json` wrote."""
    found = json.loads(text)
    if "boolean" in found:
        return Answer(boolean=found["boolean"])
    variables = tuple(found["head"]["vars"])
    rows = [
        [_term_from_json(binding[name]) if name in binding else None for name in variables]
        for binding in found["results"]["bindings"]
    ]
    return Answer(variables, rows)


def to_csv(answer: Answer) -> str:
    """Return rows in the SPARQL 1.1 Query Results CSV Format: values without type, lines that end in CRLF."""
    if answer.triples is not None:
        raise QueryError("triples are not a table", advice="Ask a SELECT or ASK query.")
    out = io.StringIO()
    writer = csv.writer(out)
    if answer.boolean is not None:
        writer.writerow(["true" if answer.boolean else "false"])
        return out.getvalue()
    writer.writerow(answer.variables)
    writer.writerows(_csv_row(row) for row in answer.rows)
    return out.getvalue()


def _csv_row(row: Sequence[Term | None]) -> Iterator[str]:
    for term in row:
        yield "" if term is None else str(term) if isinstance(term, BlankNode) else term.value
