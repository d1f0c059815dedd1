"""What the graph says about itself: VoID, DCAT and PROV, from its settings, its counts and its repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad

from kg.history import ask_git
from kg.settings import Settings
from kg.vocabulary import DCTERMS, FOAF, RDF, RDFS, VOID, XSD, Namespace

__all__ = [
    "ORIGIN", "Origin", "creator_iri", "dataset_iri", "describe", "describe_counted", "describe_origin",
    "differences_graph", "inferred_graph", "metadata_graph", "origin_of", "read_origin",
]  # fmt: skip

DCAT = Namespace("http://www.w3.org/ns/dcat#")
PROV = Namespace("http://www.w3.org/ns/prov#")

Said = tuple[NamedNode, NamedNode | Literal]

#: The file beside a snapshot's own that says which commit it stands for now.
ORIGIN = "origin.json"


def dataset_iri(settings: Settings) -> NamedNode:
    """Return the IRI of the graph as a dataset."""
    return NamedNode(settings.base_iri + "dataset")


def creator_iri(settings: Settings) -> NamedNode | None:
    """Return the IRI of who answers for the graph, one of the graph's own if none is set; None for nobody."""
    if settings.creator_url:
        return NamedNode(settings.creator_url)
    return NamedNode(dataset_iri(settings).value + "#creator") if settings.creator else None


def metadata_graph(settings: Settings) -> NamedNode:
    """Return the named graph of the metadata."""
    return NamedNode(settings.base_iri + "graph/metadata")


def inferred_graph(settings: Settings) -> NamedNode:
    """Return the named graph of the inferred statements."""
    return NamedNode(settings.base_iri + "graph/inferred")


def differences_graph(settings: Settings) -> NamedNode:
    """Return the named graph of what sources say differently of the same thing."""
    return NamedNode(settings.base_iri + "graph/differences")


def describe(settings: Settings, quads: Iterable[Quad]) -> Iterator[Quad]:
    """Give the VoID and DCAT description of a dataset made of quads; `void:triples` counts distinct triples.

    It depends on the content alone: no address, no commit and no clock enters it.
    """
    dataset = dataset_iri(settings)
    said = [
        *_said(settings),
        (VOID.uriSpace, Literal(settings.entity_base)),
        (VOID.vocabulary, NamedNode(settings.ontology_iri)),
    ]
    # The metadata counts itself too, so that each number is what a query over the published graph gives.
    triples = {(quad.subject, quad.predicate, quad.object) for quad in quads}
    triples |= {(dataset, predicate, value) for predicate, value in said}
    triples |= set(_creator(settings))
    typed = {(s, o) for s, p, o in triples if p == RDF.type}
    entities = {s for s, _ in typed if isinstance(s, NamedNode) and s.value.startswith(settings.entity_base)}
    numbers = (
        len(triples) + len(_COUNTED),
        len(entities),
        len({o for _, o in typed}),
        len({p for _, p, _ in triples} | set(_COUNTED)),
    )
    yield from _quads(settings, [*said, *_counts(numbers)])


def describe_counted(settings: Settings, numbers: Sequence[int]) -> Iterator[Quad]:
    """Give the description of a dataset that does not hold its own metadata: triples, things, classes, properties."""
    yield from _quads(settings, [*_said(settings), *_counts(numbers)])


_COUNTED = (VOID.triples, VOID.entities, VOID.classes, VOID.properties)


def _quads(settings: Settings, said: Iterable[Said]) -> Iterator[Quad]:
    dataset, graph = dataset_iri(settings), metadata_graph(settings)
    for predicate, value in said:
        yield Quad(dataset, predicate, value, graph)
    for triple in _creator(settings):
        yield Quad(*triple, graph)


def _counts(numbers: Sequence[int]) -> Iterator[Said]:
    for predicate, number in zip(_COUNTED, numbers, strict=True):
        yield predicate, Literal(str(number), datatype=XSD.integer)


def _said(settings: Settings) -> list[Said]:
    said: list[Said] = [(RDF.type, VOID.Dataset), (RDF.type, DCAT.Dataset)]
    said += [(DCTERMS.title, Literal(text, language=tag)) for tag, text in settings.title.items()]
    said += [(DCTERMS.description, Literal(text, language=tag)) for tag, text in settings.description.items()]
    said += [(DCTERMS.rights, Literal(sentence)) for sentence in settings.attributions]
    if settings.licence:
        said.append((DCTERMS.license, NamedNode(settings.licence)))
    if creator := creator_iri(settings):
        said.append((DCTERMS.creator, creator))
    return said


def _creator(settings: Settings) -> list[tuple[NamedNode, NamedNode, NamedNode | Literal]]:
    """Return what is said of who answers for the graph."""
    creator = creator_iri(settings)
    if creator is None:
        return []
    named = [(creator, FOAF.name, Literal(name)) for name in [settings.creator] if name]
    return [(creator, RDF.type, FOAF.Agent), *named]


@dataclass(frozen=True)
class Origin:
    """Where a snapshot's files came from: a commit, and whether that is the whole truth."""

    #: The commit's name, empty without git.
    commit: str = ""
    #: When it was committed, as an xsd:dateTime text.
    date: str = ""
    #: Files that a build reads differ from the commit.
    dirty: bool = False
    #: The history is cut off (a shallow clone).
    shallow: bool = False


def origin_of(root: Path) -> Origin:
    """Return the commit that a folder stands at; an empty one where there is no git or no commit."""
    git = partial(ask_git, root, seconds=20)
    found = re.fullmatch(r"([0-9a-f]{40,64}) (\S+)", git("log", "-1", "--format=%H %cI").strip())
    if found is None:
        return Origin()
    return Origin(
        found[1],
        found[2],
        dirty=bool(git("status", "--porcelain", "--", ".").strip()),
        shallow=git("rev-parse", "--is-shallow-repository").strip() == "true",
    )


def read_origin(path: Path) -> Origin:
    """Return the commit that the snapshot in a folder was last built from, as far as it is known."""
    try:
        return Origin(**json.loads((path / ORIGIN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Origin()


def describe_origin(settings: Settings, origin: Origin) -> Iterator[Quad]:
    """Give the PROV statements about the commit that a snapshot was built from, or that there is none known."""
    dataset, graph = dataset_iri(settings), metadata_graph(settings)
    if not origin.commit:
        note = "Built from files that are not under version control."
        yield Quad(dataset, RDFS.comment, Literal(note, language="en"), graph)
        return
    # The SWHID of a revision (ISO/IEC 18670) is its git commit's name.
    commit = NamedNode(f"swh:1:rev:{origin.commit}")
    yield Quad(dataset, PROV.wasDerivedFrom, commit, graph)
    yield Quad(commit, RDF.type, PROV.Entity, graph)
    yield Quad(commit, PROV.generatedAtTime, Literal(origin.date, datatype=XSD.dateTime), graph)
    yield Quad(commit, FOAF.name, Literal(origin.commit[:12]), graph)
    if origin.dirty:
        note = "Built from a working tree with changes that are not in this commit."
        yield Quad(dataset, RDFS.comment, Literal(note, language="en"), graph)
    if origin.shallow:
        note = "Built from a shallow clone: earlier history was not at hand."
        yield Quad(dataset, RDFS.comment, Literal(note, language="en"), graph)
