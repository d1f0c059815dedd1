"""Triple Pattern Fragments: all triples of a pattern, in pages, with their number and the form to ask for others.

They are read from the snapshot's file, so they cost no query. https://linkeddatafragments.org/specification/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask import Response
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from kg.metadata import dataset_iri
from kg.snapshot import Snapshot
from kg.vocabulary import RDF, VOID, XSD, Namespace
from kg.web.negotiation import Offer
from kg.web.responses import HTML, RDF_OFFERS, Link, Problem, content_type, respond
from kg.web.visits import Visit
from kg.writers import write

__all__ = ["Fragment", "fragments", "read_term"]

HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")

Term = NamedNode | BlankNode | Literal

#: The parts of a pattern, as parameters have them.
PARTS = ("subject", "predicate", "object")

_LITERAL = re.compile(r'"(?P<text>.*)"(?:@(?P<language>[A-Za-z0-9-]+)|\^\^(?P<datatype><?[^<>"]+>?))?', re.DOTALL)
# A page's address is said as it was asked, so that a client finds itself in it; this may stand in it as it is.
_SAFE = "%!$&'()*+,;=:@/?-._~"


def read_term(text: str) -> list[Term]:
    """Return the terms that a parameter may mean, the likeliest first; none for a variable. Raises ValueError.

    IRIs stand bare or in `<>`. A literal is written as Hydra has it, `"text"@en` or `"5"^^http://…#integer`,
    with its text as it is; one that was escaped as in N-Triples is understood too.
    """
    if not text or text.startswith("?"):
        return []
    if text.startswith("_:"):
        return [BlankNode(text[2:])]
    if not text.startswith('"'):
        return [NamedNode(text[1:-1] if text.startswith("<") and text.endswith(">") else text)]
    match = _LITERAL.fullmatch(text)
    if match is None:
        raise ValueError(text)
    language, datatype = match["language"], match["datatype"]

    def literal(value: str) -> Literal:
        if language:
            return Literal(value, language=language.lower())
        return Literal(value, datatype=NamedNode(datatype.strip("<>")) if datatype else XSD.string)

    found: list[Term] = [literal(match["text"])]
    if "\\" in match["text"]:
        try:
            (quad,) = parse(f'<urn:s> <urn:p> "{match["text"]}" .', format=RdfFormat.N_TRIPLES)
            found.append(literal(quad.object.value))
        except (SyntaxError, ValueError):
            pass  # it only looks escaped
    return found


@dataclass(frozen=True)
class Fragment:
    """One page of the triples of a pattern."""

    pattern: Sequence[Term | None]
    count: int
    triples: Sequence[Triple]
    page: int
    pages: int


def find(snapshot: Snapshot, pattern: Sequence[Sequence[Term]], page: int) -> Fragment:
    """Return one page of what fits a pattern; each part has the terms that it may mean, none for any."""

    def likeliest(part: Sequence[Term]) -> Term | None:
        return next((one for one in part if snapshot.id_of(one) is not None), part[0]) if part else None

    chosen = [likeliest(part) for part in pattern]
    length = snapshot.settings.page_length
    subject, predicate, value = chosen
    count, triples = snapshot.triples(subject, predicate, value, offset=(page - 1) * length, limit=length)
    return Fragment(chosen, count, triples, page, max(1, -(-count // length)))


def fragments(visit: Visit) -> Response:
    """Answer with the triples of a pattern, in any RDF format or as a page."""
    # Without a public address only formats that have relative addresses can say where the next page is.
    offers: Sequence[Offer] = [
        offer for offer in RDF_OFFERS if visit.addresses.public_url or offer.key not in ("nt", "nq")
    ]
    # TriG first: it keeps what is said about the page apart from the data.
    offers = sorted([*offers, HTML], key=lambda offer: offer.key != "trig")
    asked = {part: visit.arguments.get(part, "") for part in PARTS}

    def address(key: str) -> str:
        return visit.addresses.path("/fragments", **asked, format=key)

    offer = visit.choose(offers, address)
    page = visit.page_number()
    fragment = find(visit.snapshot, [_read(visit, part, text) for part, text in asked.items()], page)
    if page > fragment.pages:
        _ = visit.say
        first = visit.addresses.page("/fragments", **asked)
        raise Problem(
            404,
            _("There is no such page."),
            _("The last page is %(page)s.") % {"page": fragment.pages},
            [(_("First page"), first)],
        )
    around = {"first": 1, "prev": page - 1, "next": page + 1}
    links = [
        Link(visit.addresses.path("/fragments") + _query(visit, number), rel)
        for rel, number in around.items()
        if 1 <= number <= fragment.pages
    ]
    links += [Link(address(found.key), "alternate", found.media_type) for found in offers if found is not offer]
    if offer is HTML:
        return visit.html(
            "fragments.html",
            vary=("Accept",),
            links=links,
            fragment=fragment,
            asked=asked,
            rows=_rows(visit, fragment),
            around={link.rel: link.target for link in links},
        )
    return respond(_rdf(visit, fragment, offer), content_type(offer), vary=("Accept",), links=links)


def _read(visit: Visit, part: str, text: str) -> list[Term]:
    try:
        return read_term(text)
    except ValueError:
        _ = visit.say
        raise Problem(
            400,
            _("This is not a term."),
            _('Found %(found)s as %(part)s; expected an IRI, or a literal such as "text"@en.')
            % {"found": repr(text[:200]), "part": part},
        ) from None


def _query(visit: Visit, page: int | None) -> str:
    """Return the query of this address with another page (None: as it was sent), as the client wrote the rest."""
    sent = quote(visit.request.query_string, safe=_SAFE)
    if page is not None:
        kept = [part for part in sent.split("&") if part and not part.startswith("page=")]
        sent = "&".join([*kept, *([f"page={page}"] if page > 1 else [])])
    return f"?{sent}" if sent else ""


def _rows(visit: Visit, fragment: Fragment) -> list[list[object]]:
    visit.names.learn(term for triple in fragment.triples for term in triple if isinstance(term, NamedNode))
    show = visit.names.show
    return [[show(one.subject), show(one.predicate), show(one.object, one.predicate)] for one in fragment.triples]


def _rdf(visit: Visit, fragment: Fragment, offer: Offer) -> bytes:
    # The name of a snapshot depends on every text in it, so none of them has it.
    public = visit.addresses.public_url or f"http://{visit.snapshot.name[:60]}.invalid"
    body = write(_quads(visit, fragment, f"{public}/fragments"), offer.key, _prefixes(visit.snapshot))
    return body if visit.addresses.public_url else body.replace(f"{public}/".encode(), b"")


def _prefixes(snapshot: Snapshot) -> dict[str, str]:
    return {"hydra": HYDRA.iri, "void": VOID.iri, "rdf": RDF.iri, **snapshot.prefixes}


def _quads(visit: Visit, fragment: Fragment, address: str) -> list[Quad]:
    dataset = dataset_iri(visit.snapshot.settings)
    search = NamedNode(dataset.value + "#search")
    whole = NamedNode(address + _query(visit, 1))
    page = NamedNode(address + _query(visit, None))
    graph = NamedNode(page.value + "#metadata")
    count = Literal(str(fragment.count), datatype=XSD.integer)
    length = Literal(str(visit.snapshot.settings.page_length), datatype=XSD.integer)
    said: list[tuple[NamedNode, NamedNode, NamedNode | Literal]] = [
        (dataset, RDF.type, VOID.Dataset),
        (dataset, RDF.type, HYDRA.Collection),
        (dataset, VOID.subset, page),
        (dataset, HYDRA.search, search),
        (search, RDF.type, HYDRA.IriTemplate),
        (search, HYDRA.template, Literal(address + "{?subject,predicate,object}")),
        (search, HYDRA.variableRepresentation, HYDRA.ExplicitRepresentation),
    ]
    for part in PARTS:
        mapping = NamedNode(f"{dataset.value}#search-{part}")
        said += [
            (search, HYDRA.mapping, mapping),
            (mapping, RDF.type, HYDRA.IriTemplateMapping),
            (mapping, HYDRA.variable, Literal(part)),
            (mapping, HYDRA.property, RDF(part)),
        ]
    for node in dict.fromkeys((page, whole)):
        said += [(node, HYDRA.totalItems, count), (node, VOID.triples, count), (node, HYDRA.itemsPerPage, length)]
    said += [
        (page, RDF.type, HYDRA.PartialCollectionView),
        (whole, VOID.subset, page),
        (page, HYDRA.first, whole),
    ]
    for predicate, number in ((HYDRA.previous, fragment.page - 1), (HYDRA.next, fragment.page + 1)):
        if 1 <= number <= fragment.pages:
            said.append((page, predicate, NamedNode(address + _query(visit, number))))
    return [
        *(Quad(triple.subject, triple.predicate, triple.object) for triple in fragment.triples),
        *(Quad(*triple, graph) for triple in said),
    ]
