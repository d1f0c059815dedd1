"""New files and nodes, begun as the shapes and the files beside them ask, for people to complete."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyoxigraph import Literal, NamedNode

from kg.canonical import Style, canonical, property_order
from kg.curation import is_ill_typed
from kg.dates import EDTF, bounds
from kg.errors import KGError
from kg.findings import Severity
from kg.formatting import Formatted
from kg.knowledge import Knowledge, Term
from kg.labels import choose
from kg.mappings import is_slug, slug
from kg.messages import translator
from kg.presentation import presentation
from kg.project import Project, Reading, Role
from kg.settings import is_language
from kg.shapes import validate
from kg.turtle import Document, read_document
from kg.vocabulary import LABELS, OWL, RDF, RDFS, SH, XSD
from kg.writers import Names

__all__ = ["SOURCE_FILE", "Request", "Skeleton", "skeleton"]

#: The kind that is no thing but a file of a source.
SOURCE_FILE = "source-file"


@dataclass(frozen=True)
class Request:
    """What is to be new: a kind and a slug, and what is known already."""

    kind: str
    slug: str
    title: str = ""
    #: Property=value, as typed.
    values: Sequence[str] = ()
    class_name: str = ""
    #: The source's file that a node goes to: its path, or source/part.
    into: str = ""
    language: str = "en"


@dataclass(frozen=True)
class Skeleton:
    """A file with something new in it, and the lines that people must complete, each with what it asks for."""

    formatted: Formatted
    name: str
    to_complete: Sequence[tuple[int, str]]
    #: What was chosen where there was a choice.
    remark: str = ""


def skeleton(project: Project, reading: Reading, request: Request) -> Skeleton:
    """Return a file with a new thing, node or header in it. Raises KGError that says what would do."""
    return _Maker(project, reading, request).made()


def _close(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"Did you mean {close[0]}?" if close else ""


class _Maker:
    """Makes one skeleton."""

    def __init__(self, project: Project, reading: Reading, request: Request) -> None:
        self.project, self.reading, self.request = project, reading, request
        self.known = Knowledge(project, reading)
        self.data = project.settings.data_folder
        self.register = f"{self.data}/{project.settings.register}/"
        self.source = project.expand(project.settings.source)
        self.style = Style(project.prefixes, property_order(presentation(reading)))
        self.shapes: dict[Any, dict[Any, list[Any]]] = {}
        for document in reading.documents.get(Role.SHAPES, ()):
            for statement in document.statements:
                about = self.shapes.setdefault(statement.subject, {})
                about.setdefault(statement.predicate, []).append(statement.object)

    # --- what is asked for -------------------------------------------------------------------------------

    def made(self) -> Skeleton:
        if self.request.kind == SOURCE_FILE and SOURCE_FILE not in self.kinds():
            return self._source_file()
        namespace = self._namespace()
        self._check_slug(self.request.slug)
        iri = namespace + self.request.slug
        siblings = [one for one in self.known.statements if one.startswith(namespace)]
        class_, remark = self._class(siblings)
        given = [(RDF.type, class_), *self._names(siblings), *self._values(siblings, [class_.value])]
        if self.request.into:
            return self._in_file(iri, given, remark)
        return self._registered(iri, siblings, given, remark)

    def kinds(self) -> Mapping[str, str]:
        """Return the kinds of things, each with its namespace."""
        base = self.project.settings.entity_base
        found = {iri[len(base) :].rstrip("/"): iri for iri in self.project.prefixes.values() if iri.startswith(base)}
        return {kind: iri for kind, iri in found.items() if kind and "/" not in kind and iri.endswith("/")}

    def _namespace(self) -> str:
        kinds, kind = self.kinds(), self.request.kind
        if kind in kinds:
            return kinds[kind]
        raise KGError(
            f"there is no kind {kind}",
            expected=f"one of {', '.join(sorted([*kinds, SOURCE_FILE]))}",
            advice=_close(kind, [*kinds, SOURCE_FILE])
            or f"A new kind needs a prefix for {self.project.settings.entity_base}{slug(kind) or 'kind'}/.",
        )

    def _check_slug(self, text: str) -> None:
        if not is_slug(text):
            raise KGError(
                "this is no slug",
                found=text,
                expected="a-z, 0-9 and single hyphens between them",
                advice=f"Write {slug(text)}" if slug(text) else "Romanise the name.",
            )

    def _class(self, siblings: Sequence[str]) -> tuple[NamedNode, str]:
        """Return the class that a thing gets: the one asked for, that of its siblings, or that of the kind's name."""
        wanted = self.request.class_name
        if wanted:
            prefix, colon, local = wanted.partition(":")
            iri = self.project.prefixes.get(prefix, "") + local
            if not colon or iri not in self.known.terms:
                names = {self.known.short(term) for term in self.known.terms}
                raise KGError(f"the ontology has no class {wanted}", advice=_close(wanted, names))
            return NamedNode(iri), ""
        kinds = Counter(
            value.value
            for one in siblings
            for predicate, value in self.known.statements[one]
            if predicate == RDF.type.value and isinstance(value, NamedNode) and not value.value.startswith(OWL.iri)
        )
        if kinds:
            ranked = sorted(kinds, key=lambda iri: (-kinds[iri], iri))
            others = [self.known.short(iri) for iri in ranked[1:]]
            remark = f"{self.known.short(ranked[0])} is what most of its kind are; with --class: {', '.join(others)}"
            return NamedNode(ranked[0]), remark if others else ""
        named = re.sub(r"[^a-z0-9]", "", self.request.kind)
        for term in sorted(self.known.terms):
            is_class = (RDF.type.value, OWL.Class) in self.known.statements[term]
            if is_class and re.split(r"[/#]", term)[-1].lower() == named:
                return NamedNode(term), ""
        raise KGError(f"nothing of the kind {self.request.kind} is there yet", advice="Name its class with --class.")

    # --- where it goes -----------------------------------------------------------------------------------

    def _registered(
        self, iri: str, siblings: Sequence[str], given: list[tuple[NamedNode, Term]], remark: str
    ) -> Skeleton:
        known, kind = self.known, self.request.kind
        if iri in known.statements:
            raise KGError(f"{known.short(iri)} is there already", where=known.places[iri], advice="Take another slug.")
        places = Counter(
            "register" if one in known.registered else "ontology" if one in known.terms else "source"
            for one in siblings
        )
        relation = "https://w3id.org/kg-engine#Relation" in known.classes_above(value.value for _, value in given[:1])
        where = (
            max(places, key=lambda place: (places[place], place)) if places else "source" if relation else "register"
        )
        if where == "ontology":
            place = Counter(known.places[one] for one in siblings).most_common(1)[0][0]
            raise KGError(
                f"terms of the kind {kind} stand in the ontology", where=place, advice="Add it there by hand."
            )
        if where == "source":
            raise KGError(
                f"a {kind} is what a source says, and has no file of its own",
                advice=f"Name the source's file: kg new {kind} {self.request.slug} --in SOURCE/PART",
            )
        inside = f"{self.project.settings.register}/{kind}/{self.request.slug}.ttl"
        beside = [
            document
            for document in self.reading.documents.get(Role.REGISTER, ())
            if document.path.startswith(f"{self.register}{kind}/")
        ]
        header = self._common_header(beside or self.reading.documents.get(Role.REGISTER, ()))
        return self._new_file(inside, header, iri, given, Role.REGISTER, remark)

    def _source_file(self) -> Skeleton:
        parts = self.request.slug.split("/")
        if len(parts) != 2:
            raise KGError(
                "this names no file of a source",
                found=self.request.slug,
                expected="the slug of a source and a name of the file, such as chronicle/chapter-1",
            )
        for part in parts:
            self._check_slug(part)
        if self.request.title or self.request.into or self.request.class_name:
            raise KGError("a source's file takes --set only")
        documents = self.reading.documents.get(Role.SOURCE, ())
        sources = {value for document in documents for value in self._headed(document).get(self.source, ())}
        sources |= {
            value
            for document in self.reading.documents.get(Role.REGISTER, ())
            for value in self._headed(document).get(self.source, ())
        }
        spaces = Counter(value.value.rpartition("/")[0] + "/" for value in sources if isinstance(value, NamedNode))
        if not spaces:
            raise KGError("no file names its source yet", advice=f"Write {self.project.settings.source} into one.")
        iri = spaces.most_common(1)[0][0] + parts[0]
        if iri not in self.known.registered:
            advice = self.known.close_to(iri) or f"Register it first: kg new source {parts[0]}"
            raise KGError(f"{self.known.short(iri)} is not in the register", advice=advice.strip())
        folder = Counter(document.path[len(self.data) + 1 :].partition("/")[0] for document in documents)
        top = folder.most_common(1)[0][0] if folder else "sources"
        kinds = [(predicate, value) for predicate, value in self._common_header(documents) if predicate == RDF.type]
        header = [*kinds, (self.source, NamedNode(iri))]
        classes = [value.value for predicate, value in header if predicate == RDF.type]
        graphs = [document.graph.value for document in documents]
        header += self._values(graphs, classes)
        usual = Counter(predicate for document in documents for predicate in self._headed(document))
        more = [predicate for predicate, number in usual.items() if 2 * number > len(documents)]
        return self._new_file(f"{top}/{parts[0]}/{parts[1]}.ttl", header, "", [], Role.SOURCE, "", more)

    def _in_file(self, iri: str, given: list[tuple[NamedNode, Term]], remark: str) -> Skeleton:
        into = self.request.into
        documents = {document.path: document for document in self.reading.documents.get(Role.SOURCE, ())}
        names = [into, f"{self.data}/{into}", f"{self.data}/{into}.ttl", f"{self.data}/sources/{into}.ttl"]
        path = next((name for name in names if name in documents), None)
        if path is None:
            known = {path.removeprefix(f"{self.data}/sources/").removesuffix(".ttl") for path in documents}
            advice = _close(into, known) or f"Make it first: kg new {SOURCE_FILE} SOURCE/PART"
            raise KGError("no file of a source has this name", found=into, advice=advice)
        document = read_document(documents[path].text.encode(), path)
        if NamedNode(iri) in document.subjects:
            line = document.place_of(NamedNode(iri))[0]
            raise KGError(
                f"{self.known.short(iri)} is there already", where=f"{path}:{line}", advice="Add to it by hand."
            )
        base = f"@base <{document.graph.value}> .\n"
        asked = self._asked(base + self._block(iri, given, []), document.graph.value, Role.SOURCE, given)
        blank = "" if document.text.endswith("\n\n") else "\n"
        text = document.text + blank + self._block(iri, given, asked[iri], self._more(given, asked[iri]))
        before = document.text.encode()
        return self._finished(path, before, text, [*asked[iri]], iri, remark)

    def _new_file(
        self,
        inside: str,
        header: list[tuple[NamedNode, Term]],
        iri: str,
        given: list[tuple[NamedNode, Term]],
        role: Role,
        remark: str,
        more: Sequence[NamedNode] = (),
    ) -> Skeleton:
        path = f"{self.data}/{inside}"
        graph = f"{self.project.settings.base_iri}graph/{self.project.graph_name(inside)}"
        other = self.reading.by_graph.get(NamedNode(graph))
        if other is not None or (self.project.root / path).exists():
            raise KGError(
                "this file is there already", where=other.path if other else path, advice="Add to it by hand."
            )
        base = f"@base <{graph}> .\n\n"
        bare = base + self._block("", header, []) + (self._block(iri, given, []) if iri else "")
        asked = self._asked(bare, graph, role, [*header, *given])
        said = {predicate for predicate, _ in header}
        usual = [_Asked(self.style.rank(one.value), "", self._line(one)) for one in more if one not in said]
        of_header = [one for one in asked[graph] if not any(one.line == two.line for two in usual)] + usual
        text = base + self._block("", header, of_header)
        if iri:
            text += "\n" + self._block(iri, given, asked[iri], self._more(given, asked[iri]))
        return self._finished(path, b"", text, [*of_header, *asked.get(iri, ())], iri or graph, remark)

    def _finished(
        self, path: str, before: bytes, text: str, asked: Sequence[_Asked], iri: str, remark: str
    ) -> Skeleton:
        after = canonical(text.encode(), path, self.style)
        lines = [line.strip() for line in after.split("\n")]
        name = self.known.short(iri)
        start = next((at for at, line in enumerate(lines) if before and line.partition(" ")[0] == name), 0)
        told = []
        for one in asked:
            wanted = f"# {one.line or one.message}"
            at = next((n for n, line in enumerate(lines) if n >= start and line == wanted), None)
            if at is not None and one.message:
                told.append((at + 1, one.message))
        formatted = Formatted(self.project.root / path, path, before, after.encode())
        return Skeleton(formatted, self.known.short(iri), sorted(told), remark)

    # --- headers -----------------------------------------------------------------------------------------

    def _headed(self, document: Document) -> Mapping[NamedNode, list[Term]]:
        found: dict[NamedNode, list[Term]] = {}
        for statement in document.statements:
            if statement.subject == document.graph and not statement.derived:
                found.setdefault(statement.predicate, []).append(statement.object)  # type: ignore[arg-type]
        return found

    def _common_header(self, documents: Sequence[Document]) -> list[tuple[NamedNode, Term]]:
        """Return what the headers of all files say alike."""
        shared: set[tuple[NamedNode, Term]] | None = None
        for document in documents:
            said = {(predicate, value) for predicate, values in self._headed(document).items() for value in values}
            shared = said if shared is None else shared & said
        return sorted(shared or (), key=str)

    # --- values ------------------------------------------------------------------------------------------

    def _names(self, siblings: Sequence[str]) -> Iterator[tuple[NamedNode, Term]]:
        """Give the title as the name, in the languages in which most of its kind have one."""
        if not self.request.title:
            return
        used: Counter[tuple[str, str]] = Counter()
        for one in siblings:
            used.update({(p, v.language or "") for p, v in self.known.statements[one] if isinstance(v, Literal)})
        naming = {predicate.value for predicate in LABELS}
        usual = [key for key in used if key[0] in naming and 2 * used[key] > len(siblings)]
        if siblings and not usual:
            raise KGError(f"a {self.request.kind} has no name of its own", advice="Leave --title out, or use --set.")
        for predicate, language in usual or [(RDFS.label.value, self.project.settings.default_language)]:
            literal = Literal(self.request.title, language=language) if language else Literal(self.request.title)
            yield NamedNode(predicate), literal

    def _values(self, siblings: Sequence[str], classes: Sequence[str]) -> Iterator[tuple[NamedNode, Term]]:
        for told in self.request.values:
            name, equals, text = told.partition("=")
            prefix, colon, local = name.strip().partition(":")
            if not equals or not colon or prefix not in self.project.prefixes or not text.strip():
                raise KGError("this sets nothing", found=told, expected="property=value, such as rdfs:label=Anna")
            predicate = NamedNode(self.project.prefixes[prefix] + local)
            own = predicate.value.startswith(self.project.settings.base_iri)
            if own and predicate.value not in self.known.terms:
                raise KGError(f"the ontology has no {name}", advice=self.known.close_to(predicate.value).strip())
            yield predicate, self._value(predicate, text.strip(), classes)

    def _value(self, predicate: NamedNode, text: str, classes: Sequence[str]) -> Term:
        """Return what a text means as the value of a property: as its shapes ask, or else as the files use it."""
        kind, datatype = self._usual(predicate, classes)
        prefix, colon, local = text.partition(":")
        if kind == "iri":
            if re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", text):
                return NamedNode(text)
            if not colon or prefix not in self.project.prefixes:
                advice = _close(f"{prefix}:{local}", map(self.known.short, self.known.statements)) if colon else ""
                raise KGError(f"{self.known.short(predicate.value)} needs a thing", found=text, advice=advice)
            iri = self.project.prefixes[prefix] + local
            if iri.startswith(self.project.settings.base_iri) and iri not in self.known.statements:
                raise KGError(
                    f"nothing is called {text}", advice=self.known.close_to(iri).strip() or "Register it first."
                )
            return NamedNode(iri)
        words, at, tag = text.rpartition("@")
        if kind == "language":
            if not (at and is_language(tag)):
                words, tag = text, self.project.settings.default_language
            return Literal(words, language=tag)
        literal = Literal(text, datatype=NamedNode(datatype)) if datatype else Literal(text)
        wrong = is_ill_typed(literal)
        if datatype == EDTF:
            try:
                bounds(text)
            except ValueError as fault:
                raise KGError(
                    f"{self.known.short(predicate.value)} will not do", found=text, expected=str(fault.args[0])
                ) from None
        if wrong:
            expected = f"a value of {self.known.short(datatype)}"
            raise KGError(f"{self.known.short(predicate.value)} will not do", found=text, expected=expected)
        return literal

    def _usual(self, predicate: NamedNode, classes: Sequence[str] = ()) -> tuple[str, str]:
        """Return what the values of a property are: "iri", "language" (texts with one), or "" and a datatype."""
        for told in self.shapes.values():
            if told.get(SH.path) != [predicate]:
                continue
            if SH("class") in told:
                return "iri", ""
            for datatype in told.get(SH.datatype, ()):
                return ("language", "") if datatype == RDF.langString else ("", datatype.value)
        seen: Counter[tuple[str, str]] = Counter()
        for statements in self.known.statements.values():
            for name, value in statements:
                if name != predicate.value:
                    continue
                if isinstance(value, NamedNode):
                    seen["iri", ""] += 1
                elif isinstance(value, Literal):
                    plain = "" if value.datatype == XSD.string else value.datatype.value
                    seen[("language", "") if value.language else ("", plain)] += 1
        return seen.most_common(1)[0][0] if seen else ("", "")

    # --- what shapes ask for -----------------------------------------------------------------------------

    def _asked(
        self, text: str, graph: str, role: Role, given: Iterable[tuple[NamedNode, Term]]
    ) -> dict[str, list[_Asked]]:
        """Return what the shapes miss in a file, by the IRI of what misses it; what it names is looked at too."""
        document = read_document(text.encode(), "new.ttl")
        named = {self.known.places.get(value.value, "") for _, value in given if isinstance(value, NamedNode)}
        beside = [one for one in self.reading.documents.get(Role.REGISTER, ()) if one.path in named]
        documents: dict[Role, Sequence[Document]] = {
            Role.ONTOLOGY: self.reading.documents.get(Role.ONTOLOGY, ()),
            Role.SHAPES: self.reading.documents.get(Role.SHAPES, ()),
            Role.REGISTER: beside,
        }
        documents[role] = [*documents.get(role, ()), document]
        found: dict[str, list[_Asked]] = {graph: []}
        for subject in document.subjects:
            if isinstance(subject, NamedNode):
                found.setdefault(subject.value, [])
        for finding in validate(self.project, Reading(documents, ()), language=self.request.language):
            if finding.path != "new.ttl" or finding.result is None or finding.severity is Severity.INFO:
                continue
            focus = finding.result.focus.strip("<>")
            component = finding.result.component.rpartition("#")[2]
            if focus not in found or (finding.result.path and "MinCount" not in component):
                continue
            shape = NamedNode(finding.result.shape[1:-1]) if finding.result.shape.startswith("<") else None
            message = " ".join(finding.message.split())
            told = self.shapes.get(shape, {})
            predicate = self._predicate(told)
            rank = self.style.rank(predicate.value) if predicate is not None else (float("inf"),)
            line = self._line(predicate, told) if predicate is not None else ""
            if finding.severity is not Severity.VIOLATION and not line:
                continue
            found[focus].append(_Asked(rank, message, line))
        return {
            iri: sorted(set(asked), key=lambda one: (one.rank, one.line, one.message)) for iri, asked in found.items()
        }

    def _predicate(self, told: Mapping[Any, list[Any]]) -> NamedNode | None:
        """Return the property of a property shape; of several that would do, the first."""
        for path in told.get(SH.path, ()):
            if isinstance(path, NamedNode):
                return path
            for choice in self.shapes.get(path, {}).get(SH.alternativePath, ()):
                first = self.shapes.get(choice, {}).get(RDF.first, [None])[0]
                if isinstance(first, NamedNode):
                    return first
        return None

    def _line(self, predicate: NamedNode, told: Mapping[Any, list[Any]] | None = None) -> str:
        """Return a line that only needs its value: cn:organization … ;"""
        told = told or {}
        name = self.known.short(predicate.value)
        for value in told.get(SH.hasValue, ()):
            return f"{name} {self.known.names.turtle(value)} ;"
        for allowed in told.get(SH("in"), ()):
            first = self.shapes.get(allowed, {}).get(RDF.first, [None])[0]
            if first is not None:
                return f"{name} {self.known.names.turtle(first)} ;"
        for inner in told.get(SH.qualifiedValueShape, ()):
            for languages in self.shapes.get(inner, {}).get(SH.languageIn, ()):
                first = self.shapes.get(languages, {}).get(RDF.first, [None])[0]
                if isinstance(first, Literal):
                    return f'{name} "…"@{first.value} ;'
        if SH("class") in told:
            return f"{name} … ;"
        kind, datatype = self._usual(predicate)
        if kind == "iri":
            return f"{name} … ;"
        if kind == "language":
            return f'{name} "…"@{self.project.settings.default_language} ;'
        return (
            f'{name} "…"^^{self.known.short(datatype)} ;'
            if datatype and datatype != XSD.string.value
            else f'{name} "…" ;'
        )

    def _more(self, given: Sequence[tuple[NamedNode, Term]], asked: Sequence[_Asked]) -> str:
        """Return a remark that names the other properties that the shapes know for these classes."""
        shown = presentation(self.reading)["classes"]
        said = {predicate.value for predicate, _ in given} | self._never_written()
        lines = {one.line.partition(" ")[0] for one in asked}
        found: dict[str, dict[str, str]] = {}
        for kind in self.known.classes_above(value.value for predicate, value in given if predicate == RDF.type):
            for iri, told in shown.get(kind, {}).items():
                found.setdefault(iri, told["names"])
        languages = [self.request.language, *self.project.settings.languages]
        more = [
            f"{self.known.short(iri)} ({choose(names, languages)[0]})" if names else self.known.short(iri)
            for iri, names in sorted(found.items(), key=lambda item: (self.style.rank(item[0]), item[0]))
            if iri not in said and self.known.short(iri) not in lines
        ]
        _ = translator(self.request.language)
        return _("Also possible: %(names)s") % {"names": ", ".join(more)} if more else ""

    def _never_written(self) -> set[str]:
        """Return the properties that a shape forbids, as those that follow by reasoning."""
        zero = (told for told in self.shapes.values() if any(most.value == "0" for most in told.get(SH.maxCount, ())))
        return {path.value for told in zero for path in told.get(SH.path, ()) if isinstance(path, NamedNode)}

    # --- text --------------------------------------------------------------------------------------------

    def _block(self, iri: str, given: Sequence[tuple[NamedNode, Term]], asked: Sequence[_Asked], more: str = "") -> str:
        """Return a block of Turtle with what is given, and in comments what is asked for."""
        if not given:
            return ""
        full = Names({})
        lines: list[tuple[Any, int, list[str]]] = [
            (self.style.rank(predicate.value), 1, [f"  {full.turtle(predicate)} {full.turtle(value)} ;"])
            for predicate, value in given
        ]
        for one in asked:
            comments = [f"  # {text}" for text in dict.fromkeys((one.message, one.line)) if text]
            lines.append((one.rank, 0, comments))
        lines.sort(key=lambda line: line[:2])
        body = [text for _, _, texts in lines for text in texts]
        body += [f"  # {line}" for line in textwrap.wrap(more, 116, break_long_words=False)]
        return "\n".join([f"<{iri}>", *body, "  .", ""])


@dataclass(frozen=True)
class _Asked:
    """What a shape misses: its message, and the line that only needs a value ("" where there is none)."""

    rank: tuple[float, ...]
    message: str
    line: str
