"""Members, places and sources beyond the paper: what a reader would miss if it went, and what must never be said."""

from __future__ import annotations

import functools
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse
from tests.building import ROOT, flagship, run_kg

TURTLE = ROOT / "data" / "turtle"
C = "https://w3id.org/citynet/id/"
CN = "https://w3id.org/citynet/ontology#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


@functools.cache
def read(path: str) -> frozenset[Quad]:
    """Return the statements of a file of the graph."""
    return frozenset(parse((TURTLE / path).read_bytes(), format=RdfFormat.TURTLE))


def values(path: str, subject: str, predicate: str) -> set[str]:
    return {q.object.value for q in read(path) if q.subject.value == C + subject and q.predicate.value == predicate}


def files(folder: str) -> Iterator[str]:
    return (path.relative_to(TURTLE).as_posix() for path in sorted((TURTLE / folder).rglob("*.ttl")))


def rows(query: str) -> list[tuple[str, ...]]:
    """Return the rows of a query over the built graph, IRIs without what they all begin with."""
    prefixes = flagship().project.prefixes
    text = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in prefixes.items()) + query
    found = flagship().snapshot.data().store.query(text)
    return [tuple(term.value.removeprefix(C) if term else "" for term in row) for row in found]


# --- what pages say --------------------------------------------------------------------------------------


def test_the_founders_page_of_anvita_dates_what_the_paper_only_names() -> None:
    path = "sources/anvita-qui-sommes-nous/members.ttl"
    founders = {q.object.value for q in read(path) if q.predicate.value == CN + "foundingMember"}
    assert founders == {C + f"city/{name}" for name in (
        "grande-synthe", "grenoble", "ivry-sur-seine", "montreuil-fr-93", "briancon", "nantes", "strasbourg",
        "saint-denis-fr-93",
    )} | {C + "borough/lyon-1er"}  # fmt: skip
    assert values(path, "membership/grenoble-in-anvita", CN + "start") == {"2018-09-26"}
    assert values(path, "list/anvita-qui-sommes-nous-founders", CN + "completeness") == {C + "completeness/closed"}


def test_the_executive_committees_of_eurocities_are_two_and_a_second_term_is_an_office_of_its_own() -> None:
    committees = {
        name: {q.object.value.removeprefix(C + "city/") for q in read(path) if q.predicate.value == CN + "holder"}
        for name, path in (
            ("2016", "sources/eurocities-structure/members.ttl"),
            ("2022", "sources/eurocities-governance/members.ttl"),
        )
    }
    assert "nantes" in committees["2016"] & committees["2022"]
    assert committees["2016"] - committees["2022"] == {"birmingham-gb", "milan", "turin"}
    assert {"florence", "braga-pt", "tallinn", "oslo"} <= committees["2022"] - committees["2016"]
    later = rows("SELECT ?city { office:ghent-board-member-of-eurocities-2 cn:holder ?city }")
    assert later == [("city/ghent",)]


def test_the_list_of_the_department_of_justice_makes_nobody_a_member() -> None:
    path = "sources/mil-osi-doj-sanctuary-list/members.ttl"
    designated = {q.object for q in read(path) if q.predicate.value == CN + "designated"}
    assert len(designated) == 35
    assert NamedNode(C + "region/california-us") in designated
    types = {q.object.value for q in read(path) if q.predicate.value == TYPE}
    assert CN + "Membership" not in types
    assert rows("SELECT ?who { ?membership cn:organization network:sanctuary-cities-us ; cn:member ?who }") == []
    assert rows("SELECT ?who { ?who cn:memberOf network:sanctuary-cities-us }") == []


def test_pilot_cities_do_not_found_the_programme_that_tries_itself_out_in_them() -> None:
    """Else reasoning would make the Intercultural Cities a network founded by cities."""
    found = rows("SELECT ?role { membership:lublin-in-intercultural-cities cn:member ?city ; cn:role ?role }")
    assert found == [("role/pilot",)]
    assert rows("SELECT ?city { network:intercultural-cities cn:foundedBy ?city . ?city a cn:City }") == []


def test_each_board_that_a_page_gives_whole_is_a_closed_list_with_a_name() -> None:
    found = rows("""
        SELECT DISTINCT ?list (COUNT(DISTINCT ?item) AS ?items) {
          ?list cn:completeness completeness:closed ; cn:listRole cn:holder ; cn:listItem ?item .
          FILTER EXISTS { ?list cn:listScope ?en FILTER (LANG(?en) = "en") }
          FILTER EXISTS { ?list cn:listScope ?fr FILTER (LANG(?fr) = "fr") }
        } GROUP BY ?list
    """)
    assert {
        ("list/eurocities-structure-executive-committee", "11"),
        ("list/eurocities-governance-executive-committee", "12"),
        ("list/global-taskforce-mmc-2019-board", "10"),
        ("list/mnewsafrica-gpm-executive-committee", "10"),
    } <= set(found)


def test_no_node_of_a_web_page_has_lines_but_every_one_has_its_place_and_certainty() -> None:
    for path in files("sources"):
        if path.startswith("sources/lacroix-panorama/"):
            continue
        predicates: dict[object, set[str]] = {}
        for quad in read(path):
            predicates.setdefault(quad.subject, set()).add(quad.predicate.value)
        for subject, said in predicates.items():
            assert CN + "lines" not in said, (path, subject)
            if CN + "statedness" in said:
                assert {CN + "passage", CN + "certainty"} <= said, (path, subject)


# --- one thing, one IRI ----------------------------------------------------------------------------------


def test_a_place_that_only_bears_the_name_is_identified_with_nothing() -> None:
    """GeoNames has a town of Göttingen, and the town is not the district around it."""
    for slug in ("landkreis-gottingen", "london-camden", "sunshine-coast-au", "whanganui", "tenerife"):
        path = f"register/place/{slug}.ttl"
        assert values(path, f"place/{slug}", SKOS + "exactMatch") == set()
        assert values(path, f"place/{slug}", SKOS + "editorialNote")
        assert not rows(f"SELECT ?lat {{ <{C}place/{slug}> geo:lat ?lat }}")
    assert values("register/place/gottingen.ttl", "place/gottingen", SKOS + "exactMatch") == {
        "https://sws.geonames.org/2918632/"
    }


def test_no_two_entries_are_one_record_of_geonames_and_every_identity_has_its_match() -> None:
    identities: dict[str, str] = {}
    for path in files("register/place"):
        statements = read(path)
        for quad in statements:
            if quad.predicate.value != SKOS + "exactMatch":
                continue
            assert quad.object.value not in identities, (path, identities[quad.object.value])
            identities[quad.object.value] = path
            matched = {q.subject for q in statements if q.predicate.value == CN + "matched"}
            assert {q.object.value for q in statements if q.subject in matched} >= {quad.object.value}, path
    assert len(identities) > 450


def test_every_member_that_is_a_local_authority_lies_in_one_country() -> None:
    found = rows("""
        SELECT ?member (COUNT(DISTINCT ?country) AS ?countries) {
          ?membership cn:member|cn:foundingMember ?member .
          ?member cn:territory ?place .
          OPTIONAL { ?place cn:locatedIn ?country . ?country a cn:Country }
        } GROUP BY ?member HAVING (COUNT(DISTINCT ?country) != 1)
    """)
    assert found == []


# --- sources ---------------------------------------------------------------------------------------------


def test_every_source_that_says_something_is_registered_and_a_page_has_its_address() -> None:
    for folder in sorted((TURTLE / "sources").iterdir()):
        path = f"register/source/{folder.name}.ttl"
        assert (TURTLE / path).is_file(), f"{folder} speaks for no source of the register"
        kinds = values(path, f"source/{folder.name}", TYPE)
        if kinds & {CN + "WebPage", CN + "MirrorPage", CN + "Dataset"}:
            assert len(values(path, f"source/{folder.name}", "https://schema.org/url")) == 1, path


def test_two_sources_have_no_address_in_common() -> None:
    known: dict[str, str] = {}
    for path in files("register/source"):
        for quad in read(path):
            if quad.predicate.value == "https://schema.org/url":
                address = quad.object.value.split("://", 1)[1].removeprefix("www.").rstrip("/")
                assert address not in known, (path, known[address])
                known[address] = path


def test_geonames_is_credited_in_the_metadata_and_in_the_dump() -> None:
    sentence = "Data © GeoNames (geonames.org), CC BY 4.0"
    rights = "http://purl.org/dc/terms/rights"
    dataset = f"{flagship().project.settings.base_iri}dataset"
    said = list(flagship().snapshot.data().store.quads_for_pattern(NamedNode(dataset), NamedNode(rights), None))
    assert Literal(sentence) in {quad.object for quad in said}
    dumps = [path for path in flagship().snapshot.path.rglob("*.nq.gz")]
    assert dumps
    for dump in dumps:
        assert sentence in gzip.decompress(dump.read_bytes()).decode("utf-8")


def test_the_papers_own_files_are_as_they_were() -> None:
    """Public pages stand beside the paper; they never change what it says."""
    whole = hashlib.sha256()
    for path in files("sources/lacroix-panorama"):
        whole.update(Path(path).name.encode() + b"\0" + (TURTLE / path).read_bytes())
    assert whole.hexdigest() == "2ca1c65b3beb87f60084eabfd1c2f1dda8f9c012c85a59a130afd8cbce3d21f3"


# --- tables ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapping", sorted(path.name for path in (ROOT / "data" / "tables").glob("*.toml")))
def test_a_table_that_was_imported_has_nothing_new_to_say(mapping: str) -> None:
    done = run_kg("import", f"data/tables/{mapping}", "--dry-run", cwd=ROOT, check=0)
    assert "0 refused" in done.stdout
    assert "nodes: 0 new, 0 extended" in done.stdout
