"""Everything that can be wrong with a project's Turtle files, found before anything is built from them."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, Store
from rdflib import namespace

from kg.aside import Aside, without_search_for_garbage
from kg.curation import curate
from kg.differences import Difference, compare
from kg.differences import findings as differing
from kg.engine import engine_version
from kg.errors import DateError, QueryError, TurtleError
from kg.findings import CHECKED_LATER, Finding, Severity, in_order, translated, unreadable
from kg.lint import lint
from kg.memo import Memo, Shelf
from kg.messages import say
from kg.parsings import Parsings
from kg.project import PREFIX_TABLE, Project, Reading, Role, bytes_of
from kg.published import disappeared
from kg.queries import Data, Question, ask_each_within
from kg.rules import Clash, Closure, Rules, Triple, clashing, compile_rules, infer
from kg.stated import close_to, to_declare
from kg.turtle import Document, Lines, Statement, excerpt_of, place_of_predicate, text_of
from kg.views import View, read_view
from kg.vocabulary import KG, KG_TERMS, OWL, RDF, RDFS, SH, SKOS, XSD

__all__ = ["Checked", "brought", "check", "recheck"]

Term = NamedNode | BlankNode | Literal


@dataclass(frozen=True)
class Checked:
    """What the checks found, and what they worked out that a build needs too."""

    findings: Sequence[Finding]
    #: The ontology's axioms as rules, and what follows by them from ontology, register and all sources.
    rules: Rules
    closure: Closure
    #: What register and sources say differently of the same thing.
    differences: Sequence[Difference]

    @property
    def passed(self) -> bool:
        """True if nothing found keeps the graph from being built."""
        return all(finding.severity is not Severity.VIOLATION for finding in self.findings)


#: So many statements make it worth while to check shapes in a process of their own.
_WORTH_A_PROCESS = 5_000


def check(project: Project, reading: Reading, *, language: str, memo: Memo | None = None) -> Checked:
    """Return all findings of all checks, in order, with messages in the language.

    While a file cannot be read, or binds a prefix otherwise than all others, checks that need all files are put off:
    they would blame the others. So is what shapes find in the data while ontology or shapes are wrong themselves.
    With the memo of an earlier check, shapes look only at what has changed; the findings are the same, and the memo
    is saved.
    """
    whole = all(isinstance(error, DateError) for error in reading.errors) and not any(
        project.prefixes.get(declared.prefix, declared.namespace) != declared.namespace
        for document in reading.all()
        for declared in document.prefixes
    )

    def shaped() -> list[Finding]:
        from kg.shapes import validate  # heavy, and who checks beside it does without it

        found = validate(project, reading, language=language, memo=memo) if whole else []
        if memo:
            memo.save()
        return list(translated(found, language))

    statements = sum(len(document.statements) for document in reading.all())
    with Aside(shaped, alone=statements < _WORTH_A_PROCESS) as by_shapes:
        rules = compile_rules(Triple(*quad) for quad in _asserted(reading, Role.ONTOLOGY))
        closure = infer(rules.rules, _asserted(reading, *_STATED))
        differences = compare(reading, closure)
        findings = [
            *map(unreadable, reading.errors),
            *_prefixes(project, reading),
            *_graphs(project, reading),
            *_blank_nodes_and_identities(reading),
            *_registered_twice(reading),
            *_locators(project, reading),
            *_hierarchies(project, reading),
            *_axioms(rules, reading),
            *_views(project),
        ]
        if whole:
            findings += _terms(project, reading)
            findings += _links(project, reading)
            findings += lint(project, reading, standard=_standard_terms())
            findings += disappeared(project, reading)
            findings += curate(project, reading, standard=_standard_terms())
            findings += _clashes(project, reading, rules, closure)
            findings += differing(project, differences)
        findings += _unless_misled(findings, by_shapes.result(), reading)
    return Checked(in_order(translated(findings, language)), rules, closure, differences)


def _unless_misled(findings: Sequence[Finding], shaped: Sequence[Finding], reading: Reading) -> Iterator[Finding]:
    """Give what shapes found; only what is wrong with themselves while ontology or shapes name what is not there."""
    foundation = {document.path for document in _documents(reading, Role.ONTOLOGY, Role.SHAPES)}
    misled = any(finding.rule in ("term", "hierarchy") and finding.path in foundation for finding in findings)
    yield from (finding for finding in shaped if not (misled and finding.result))


@without_search_for_garbage()
def recheck(
    project: Project, shelf: Path, *, language: str, progress: Callable[[str], None] = lambda _: None
) -> list[Finding]:
    """Return the findings of `check`, using what earlier checks have left in a folder.

    Files that were checked before, by this engine and in this language, are not even read. Others are read, and their
    shapes run only where something changed.
    """
    inputs = project.inputs_digest()
    digest = hashlib.sha256(f"{engine_version()}\n{language}\n{inputs}".encode()).hexdigest()
    known = Shelf(shelf).take(digest)
    if known is not None:
        return known
    progress("reading files")
    reading = project.read(Parsings(shelf))
    progress("checking")
    rest = [engine_version(), language, project.settings.languages, project.settings.source, dict(project.prefixes)]
    rest += [[document.path, document.text] for document in reading.documents.get(Role.SHAPES, ())]
    memo = Memo(shelf / "memo.sqlite", hashlib.sha256(json.dumps(rest).encode()).hexdigest())
    findings = check(project, reading, language=language, memo=memo).findings
    if project.inputs_digest() == inputs:  # else an edit came while we read, and these may be the findings of neither
        Shelf(shelf).put(digest, findings)
    return list(findings)


def brought(now: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """Return the findings that were not there before, wherever in their file they stand now."""

    def what(finding: Finding) -> tuple[object, ...]:
        return finding.path, finding.rule, finding.severity, finding.message, finding.result

    left = Counter(map(what, before))
    found = []
    for finding in now:
        if left[what(finding)]:
            left[what(finding)] -= 1
        else:
            found.append(finding)
    return found


_STATED = (Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)
_DATA = (Role.REGISTER, Role.SOURCE)


def _documents(reading: Reading, *roles: Role) -> Iterator[Document]:
    for role in roles:
        yield from reading.documents.get(role, ())


def _asserted(reading: Reading, *roles: Role) -> Iterator[tuple[NamedNode | BlankNode, NamedNode, Term]]:
    return (statement[:3] for statement in reading.statements(*roles))


def _finding(
    document: Document,
    place: Statement | tuple[int, int],
    rule: str,
    message: str,
    advice: str = "",
    *,
    severity: Severity = Severity.VIOLATION,
) -> Finding:
    line, column = (place.line, place.column) if isinstance(place, Statement) else place
    return Finding(document.path, line, column, severity, rule, message, advice, excerpt_of(document.text, line))


# --- views ---------------------------------------------------------------------------------------------------


def _views(project: Project) -> Iterator[Finding]:
    """Find views that cannot be asked, and headers that speak of variables that the query does not give."""
    folder = project.settings.views_folder
    if not (project.root / folder).is_dir():
        return
    found: list[tuple[str, View, Question]] = []
    for path in project.files(folder, ".rq"):
        shown, text = project.shown(path), ""
        if fault := project.name_fault(path):
            yield Finding(shown, 1, 1, Severity.VIOLATION, "view", fault, say("Rename it."))
            continue
        try:
            text = text_of(bytes_of(path), shown)
            view = read_view(project, path)
            values = {parameter.name: parameter.term() for parameter in view.parameters}
            found.append((text, view, Question(view.query, values, shown)))
        except TurtleError as error:
            # What else is advised, kg format does for Turtle only.
            advice = say("Save it as a file in UTF-8.")
            yield Finding(shown, error.line, error.column, Severity.VIOLATION, "view", error.problem, advice)
        except OSError as error:
            message = say("this view cannot be read: %(error)s", error=error.strerror)
            yield Finding(shown, 1, 1, Severity.VIOLATION, "view", message, say("Save it as a file in UTF-8."))
        except QueryError as error:
            yield _wrong_view(shown, text, error)
    # In a process of its own: what is too deep for the parser ends the process.
    nothing = Data(Store(), project.prefixes, project.settings.base_iri)
    answers = ask_each_within(project.settings.view_seconds, nothing, [question for *_, question in found])
    for (text, view, question), answer in zip(found, answers, strict=True):
        shown = question.where
        if isinstance(answer, QueryError):
            yield _wrong_view(shown, text, answer)
            continue
        if not answer.variables:
            yield Finding(
                shown, 1, 1, Severity.VIOLATION, "view", say("a view is a SELECT query"), say("Ask with SELECT.")
            )
            continue
        named = {key: getattr(view, key) for key in ("rows", "columns", "cell") if getattr(view, key)}
        named |= {f"column {variable}": variable for variable in view.headings}
        for key, variable in named.items():
            if variable not in answer.variables:
                message = say(
                    "the header's %(key)s names ?%(variable)s, which the query does not give",
                    key=key,
                    variable=variable,
                )
                advice = say("It gives %(names)s.", names=", ".join("?" + name for name in answer.variables))
                place = re.search(rf"^#\+\s*{key.split()[0]}\s*:\s*(?={re.escape(variable)}\b)", text, re.MULTILINE)
                line, column = Lines(text).at(place.end()) if place else (1, 1)
                yield Finding(shown, line, column, Severity.VIOLATION, "view", message, advice, excerpt_of(text, line))


def _wrong_view(shown: str, text: str, error: QueryError) -> Finding:
    place = re.fullmatch(r".*?:(\d+):(\d+)", error.where)
    line, column = (int(place[1]), int(place[2])) if place else (1, 1)
    message = error.problem
    if error.found:
        message = say("%(problem)s; found %(found)s", problem=message, found=error.found)
    if error.expected:
        message = say("%(problem)s; expected %(expected)s", problem=message, expected=error.expected)
    return Finding(shown, line, column, Severity.VIOLATION, "view", message, error.advice, excerpt_of(text, line))


# --- files -----------------------------------------------------------------------------------------------


def _prefixes(project: Project, reading: Reading) -> Iterator[Finding]:
    table = f"{project.settings.ontology_folder}/{PREFIX_TABLE}"
    try:
        text = (project.root / table).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # gone since the project was opened
        text = ""
    prefix_of: dict[str, str] = {}
    seen: set[str] = set()
    for declared in project.prefix_lines:
        line, column = declared.line, declared.column
        if declared.prefix in seen:
            message, advice = (
                say("the prefix %(name)s: is declared twice", name=declared.prefix),
                say("Keep one of the lines."),
            )
        elif (other := prefix_of.setdefault(declared.namespace, declared.prefix)) != declared.prefix:
            message = say(
                "the prefixes %(other)s: and %(prefix)s: are bound to the same namespace",
                other=other,
                prefix=declared.prefix,
            )
            advice = say("Keep one of them, and use it in all files.")
        else:
            message = advice = ""
        seen.add(declared.prefix)
        if message:
            excerpt = excerpt_of(text, line)
            yield Finding(table, line, column, Severity.VIOLATION, "prefix", message, advice, excerpt)
    for document in reading.all():
        yield from _prefixes_of(document, project.prefixes, prefix_of, table)


def _prefixes_of(
    document: Document, bound: Mapping[str, str], prefix_of: Mapping[str, str], table: str
) -> Iterator[Finding]:
    seen: set[str] = set()
    for declared in document.prefixes:
        place = declared.line, declared.column
        name, iri = declared.prefix, declared.namespace
        if name in seen:
            yield _finding(
                document,
                place,
                "prefix",
                say("the prefix %(name)s: is declared twice", name=name),
                say("Keep one of the lines."),
            )
            continue
        seen.add(name)
        other = prefix_of.get(iri)
        if name not in bound:
            advice = (
                say("Use %(other)s: for it.", other=other)
                if other
                else say("Add @prefix %(name)s: <%(iri)s> . to %(table)s.", name=name, iri=iri, table=table)
            )
            yield _finding(
                document, place, "prefix", say("the prefix %(name)s: is not in the prefix table", name=name), advice
            )
        elif bound[name] != iri:
            advice = (
                say("Use %(other)s: for it.", other=other)
                if other
                else say("Use the line from %(table)s.", table=table)
            )
            yield _finding(
                document,
                place,
                "prefix",
                say(
                    "the prefix %(name)s: is bound to <%(iri)s>, but the project binds it to <%(bound)s>",
                    name=name,
                    iri=iri,
                    bound=bound[name],
                ),
                advice + " " + CHECKED_LATER,
            )
        elif name not in document.used_prefixes:
            yield _finding(
                document,
                place,
                "prefix",
                say("the prefix %(name)s: is declared but not used", name=name),
                say("Delete the line."),
                severity=Severity.WARNING,
            )


def _graphs(project: Project, reading: Reading) -> Iterator[Finding]:
    for document in reading.all():
        first = reading.by_graph[document.graph]
        if first is not document:
            yield _finding(
                document,
                document.graph_place,
                "graph",
                say(
                    "this file names the same graph as %(path)s: <%(iri)s>",
                    path=first.path,
                    iri=document.graph.value,
                ),
                say("Give each file a graph of its own in @base."),
            )
    graphs = f"{project.settings.base_iri}graph/"
    source = project.expand(project.settings.source)
    for document in _documents(reading, *_DATA):
        if not document.graph.value.startswith(graphs):
            yield _finding(
                document,
                document.graph_place,
                "graph",
                say(
                    "the graph of a data file begins with <%(graphs)s>, this one is <%(iri)s>",
                    graphs=graphs,
                    iri=document.graph.value,
                ),
                say("Change the IRI in @base."),
            )
        header = [statement for statement in document.statements if statement.subject == document.graph]
        named = f"<> {project.settings.source} <IRI of the source> ."
        if not header:
            yield _finding(
                document,
                document.graph_place,
                "graph",
                say("this file has no header"),
                say("Describe the file: %(named)s", named=named),
            )
        elif not any(s.predicate == source and isinstance(s.object, NamedNode) for s in header):
            yield _finding(
                document,
                document.place_of(document.graph),
                "graph",
                say("the header of this file names no source"),
                say("Add %(named)s", named=named),
            )


def _registered_twice(reading: Reading) -> Iterator[Finding]:
    first: dict[NamedNode, Document] = {}
    for document in _documents(reading, Role.REGISTER):
        for subject in dict.fromkeys(statement.subject for statement in document.statements):
            if not isinstance(subject, NamedNode) or subject == document.graph:
                continue
            other = first.setdefault(subject, document)
            if other is not document:
                yield _finding(
                    document,
                    document.place_of(subject),
                    "link",
                    say("<%(iri)s> is described in %(path)s already", iri=subject.value, path=other.path),
                    say("Describe a thing in one register file."),
                    severity=Severity.WARNING,
                )


# --- names -----------------------------------------------------------------------------------------------


@functools.cache
def _standard_terms() -> Mapping[str, Collection[str]]:
    """Return the terms of the vocabularies that rdflib ships, by namespace."""
    closed = namespace.DefinedNamespace
    found: dict[str, set[str]] = {}
    for name in namespace.__all__:
        vocabulary = getattr(namespace, name)
        if isinstance(vocabulary, type(closed)) and vocabulary is not closed:
            iri = str(vocabulary._NS)
            terms = {str(term) for term in dir(vocabulary)} | {iri + extra for extra in vocabulary._extras}
            found.setdefault(iri, set()).update(terms)
    return found


def _terms(project: Project, reading: Reading) -> Iterator[Finding]:
    """Find predicates, classes and own terms that nothing defines, at their first use in each file."""
    declared = {s.value for s, p, _ in _asserted(reading, Role.ONTOLOGY) if p == RDF.type and isinstance(s, NamedNode)}
    declared |= {term.value for term in KG_TERMS}
    standard = _standard_terms()
    defined = declared.union(*standard.values())
    # What else may stand as a value, such as a datatype: of these vocabularies, everything is known.
    own = (f"{project.settings.ontology_iri}#", KG.iri, SH.iri, XSD.iri)
    used = {term for term in reading.terms if isinstance(term, NamedNode) and term.value.startswith(own)}
    used |= {
        term.datatype for term in reading.terms if isinstance(term, Literal) and term.datatype.value.startswith(own)
    }
    for document in reading.all():
        used.update(statement.predicate for statement in document.statements)
        used.update(
            s.object for s in document.statements if s.predicate == RDF.type and isinstance(s.object, NamedNode)
        )
    undefined = {term.value for term in used} - defined
    if not undefined:
        return
    known = {project.compact(iri) for iri in declared}
    for document in reading.all():
        seen: set[str] = set()
        for statement in document.statements:
            value = statement.object
            uses: list[tuple[NamedNode, str]] = [(statement.predicate, say("property"))]
            if statement.predicate == RDF.type and isinstance(value, NamedNode):
                uses.append((value, say("class")))
            for term in (statement.subject, value.datatype if isinstance(value, Literal) else value):
                if isinstance(term, NamedNode) and term.value.startswith(own):
                    uses.append((term, say("term")))
            for term, kind in uses:
                if term.value not in undefined or term.value in seen:
                    continue
                seen.add(term.value)
                name = project.compact(term.value)
                near = known | {
                    project.compact(t) for iri, ts in standard.items() if term.value.startswith(iri) for t in ts
                }
                yield _finding(
                    document,
                    _place_of(term, document, statement),
                    "term",
                    say("nothing defines the %(kind)s %(name)s", kind=kind, name=name),
                    to_declare(name, near, project.settings.ontology_folder),
                )


def _place_of(term: NamedNode, document: Document, statement: Statement) -> tuple[int, int]:
    """Return where a term of a statement is written."""
    if term == statement.subject:
        return document.place_of(term)
    if term == statement.predicate:
        return place_of_predicate(document, statement)
    return statement.line, statement.column


def _links(project: Project, reading: Reading) -> Iterator[Finding]:
    """Find entities that are used but nowhere said to be anything, at their first use in each file."""
    typed = {s.value for s, p, _ in _asserted(reading, *_STATED) if p == RDF.type and isinstance(s, NamedNode)}
    base = project.settings.entity_base
    untyped = {
        term.value for term in reading.terms if isinstance(term, NamedNode) and term.value.startswith(base)
    } - typed
    if not untyped:
        return
    entities = {project.compact(iri) for iri in typed if iri.startswith(base)}
    for document in reading.all():
        seen: set[str] = set()
        for statement in document.statements:
            for term in (statement.subject, statement.object):
                if not isinstance(term, NamedNode) or term.value not in untyped or term.value in seen:
                    continue
                seen.add(term.value)
                name = project.compact(term.value)
                close = close_to(name, entities)
                yield _finding(
                    document,
                    _place_of(term, document, statement),
                    "link",
                    say("nothing says what %(name)s is", name=name),
                    say(
                        "Did you mean %(name)s? If not, give it a type in a file of the register or of a source.",
                        name=close,
                    )
                    if close
                    else say("Give it a type in a file of the register or of a source."),
                )


def _blank_nodes_and_identities(reading: Reading) -> Iterator[Finding]:
    for document in _documents(reading, *_DATA):
        seen: set[Term] = set()
        statements = document.statements
        # A node stands where it is an object; only one that never is stands at its first statement.
        for node, statement in [*((s.object, s) for s in statements), *((s.subject, s) for s in statements)]:
            if not isinstance(node, BlankNode) or node in seen:
                continue
            seen.add(node)
            # The cells of a list after its first are not told again.
            if statement.predicate != RDF.rest:
                yield _finding(
                    document, statement, "link", say("a node without a name in a data file"), say("Give it an IRI.")
                )
        for statement in statements:
            if statement.predicate == OWL.sameAs:
                yield _finding(
                    document,
                    statement,
                    "link",
                    say("owl:sameAs in a data file would merge what only resembles"),
                    say("Write skos:exactMatch."),
                )


def _locators(project: Project, reading: Reading) -> Iterator[Finding]:
    passages = {project.expand(name) for name in project.settings.passages}
    if not passages:
        return
    *first, last = project.settings.passages
    asked_for = say("%(names)s or %(last)s", names=", ".join(first), last=last) if first else last
    for document in _documents(reading, Role.SOURCE):
        located = {statement.subject for statement in document.statements if statement.predicate in passages}
        if document.graph in located:
            continue
        for subject in dict.fromkeys(statement.subject for statement in document.statements):
            if isinstance(subject, NamedNode) and subject != document.graph and subject not in located:
                yield _finding(
                    document,
                    document.place_of(subject),
                    "locator",
                    say(
                        "nothing says where the source states this about %(name)s", name=project.compact(subject.value)
                    ),
                    say(
                        "Add %(asked_for)s to it, or to the header if the whole file is about one passage.",
                        asked_for=asked_for,
                    ),
                )


# --- the ontology ----------------------------------------------------------------------------------------


def _hierarchies(project: Project, reading: Reading) -> Iterator[Finding]:
    advice = say(
        "Delete one of these statements; what is the same is written owl:equivalentClass or owl:equivalentProperty."
    )
    for predicate in (RDFS.subClassOf, RDFS.subPropertyOf, SKOS.broader):
        above: dict[str, dict[str, tuple[Document, Statement]]] = {}
        for document in _documents(reading, Role.ONTOLOGY):
            for statement in document.statements:
                lower, upper = statement.subject, statement.object
                if statement.predicate == predicate and isinstance(lower, NamedNode) and isinstance(upper, NamedNode):
                    above.setdefault(lower.value, {}).setdefault(upper.value, (document, statement))
        told: set[str] = set()
        for start in sorted(above):
            circle = [] if start in told else _circle(start, above)
            if not circle:
                continue
            told.update(circle)
            document, statement = above[circle[0]][circle[1]]
            names = " → ".join(project.compact(iri) for iri in circle)
            name = project.compact(predicate.value)
            yield _finding(
                document,
                statement,
                "hierarchy",
                say("%(name)s runs in a circle: %(names)s", name=name, names=names),
                advice if predicate != SKOS.broader else say("Delete one of these statements."),
            )


def _circle(start: str, above: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the shortest way from a node up to itself, both ends included; nothing if there is none."""
    came_from: dict[str, str] = {}
    border = [start]
    while border:
        fresh: list[str] = []
        for node in border:
            for upper in sorted(above.get(node, ())):
                if upper == start:
                    way = [start]
                    while node != start:
                        way.append(node)
                        node = came_from[node]
                    return [start, *reversed(way)]
                if upper not in came_from:
                    came_from[upper] = node
                    fresh.append(upper)
        border = fresh
    return []


def _axioms(rules: Rules, reading: Reading) -> Iterator[Finding]:
    stated = _index(_documents(reading, Role.ONTOLOGY))
    for axiom, what in rules.unsupported:
        yield _finding(
            *stated[axiom],
            "axiom",
            say("this axiom has no rule: %(what)s", what=what),
            say("It would silently do nothing. Write it within OWL 2 RL, or as a shape."),
        )


# --- contradictions --------------------------------------------------------------------------------------


def _index(documents: Iterable[Document]) -> dict[Triple, tuple[Document, Statement]]:
    """Return where each triple is stated first."""
    found: dict[Triple, tuple[Document, Statement]] = {}
    for document in documents:
        for statement in document.statements:
            found.setdefault(Triple(*statement[:3]), (document, statement))
    return found


def _clashes(project: Project, reading: Reading, rules: Rules, closure: Closure) -> Iterator[Finding]:
    """Find contradictions: inside ontology and register or one source they stop, across sources they do not."""
    if not closure.clashes:
        return
    known = _index(_documents(reading, Role.ONTOLOGY, Role.REGISTER))
    sources = reading.sources(project.expand(project.settings.source))
    seen: set[tuple[Triple, frozenset[Triple]]] = set()
    runs: list[tuple[str, Mapping[Triple, tuple[Document, Statement]]]] = [("inconsistent", {})]
    stated = {name: _index(documents) for name, documents in sources.items()}
    runs += [("inconsistent", stated[name]) for name in clashing(rules.rules, known, stated)]
    runs += [("disagreement", _index(_documents(reading, Role.SOURCE)))]
    for rule, own in runs:
        found = closure if rule == "disagreement" else infer(rules.rules, [*known, *own])
        for clash in found.clashes:
            # An asymmetric property clashes both ways round: one contradiction all the same.
            key = clash.rule.axiom, frozenset(clash.premises)
            if key not in seen:
                seen.add(key)
                yield _clash(project, clash, found, rule, own, known)


def _clash(
    project: Project,
    clash: Clash,
    closure: Closure,
    rule: str,
    own: Mapping[Triple, tuple[Document, Statement]],
    known: Mapping[Triple, tuple[Document, Statement]],
) -> Finding:
    reasons = {inference.triple: inference.reasons[0] for inference in closure.inferences}

    def grounds(triple: Triple) -> Iterator[Triple]:
        if triple not in reasons:
            yield triple
        else:
            for premise in reasons[triple].premises:
                yield from grounds(premise)

    def written(triple: Triple) -> str:
        document, statement = own.get(triple) or known[triple]
        return f"{document.path}:{statement.line}"

    told: dict[str, None] = {}
    rests_on: dict[Triple, None] = {}
    for premise in clash.premises:
        stated = dict.fromkeys(grounds(premise))
        rests_on |= stated
        told[f"{_said(project, premise)} ({', '.join(dict.fromkeys(map(written, stated)))})"] = None
    # What the source itself says comes first: register and ontology are the same for all sources.
    places = [own[triple] for triple in rests_on if triple in own] or [known[triple] for triple in rests_on]
    place = min(places, key=lambda place: (place[0].path, place[1].line, place[1].column))
    axiom = f"{_said(project, clash.rule.axiom)} ({written(clash.rule.axiom)})"
    if len(told) == 2:
        one, other = told
        message = say("%(one)s and %(other)s cannot both hold: %(axiom)s", one=one, other=other, axiom=axiom)
    else:
        message = say("this cannot hold: %(statements)s. The axiom: %(axiom)s", statements=", ".join(told), axiom=axiom)
    if rule == "inconsistent":
        return _finding(*place, rule, message, say("Correct one of these statements, or the axiom."))
    advice = say("Sources may differ; look whether one of these files says what its source does not.")
    return _finding(
        *place, rule, say("sources disagree: %(message)s", message=message), advice, severity=Severity.WARNING
    )


def _said(project: Project, triple: Triple) -> str:
    def name(term: Term) -> str:
        if isinstance(term, NamedNode):
            return "a" if term == RDF.type else project.compact(term.value)
        return "[…]" if isinstance(term, BlankNode) else f'"{term.value}"'

    return " ".join(name(term) for term in triple)
