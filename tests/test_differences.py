"""What sources say differently: for each kind real ones, look-alikes, and what one line or one digit changes."""

from __future__ import annotations

import pytest
from pyoxigraph import NamedNode
from tests.conftest import World

from kg.build import build
from kg.checks import check
from kg.differences import Difference
from kg.pointers import pointers
from kg.snapshot import Snapshot

PREFIXES = """\
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix casting: <https://bells.example/id/casting/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .
@prefix foundry: <https://bells.example/id/foundry/> .
@prefix n: <https://bells.example/id/node/> .
@prefix source: <https://bells.example/id/source/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""

# Each annotation that the engine reads, on the properties of an invented domain.
ONTOLOGY = """
b:year kg:singleValued true ; kg:comparedBy ( b:firstCastingOf ) .
b:from a owl:DatatypeProperty ; kg:earliest b:earliestFrom ; kg:latest b:latestFrom ; kg:until b:to .
b:to a owl:DatatypeProperty ; kg:earliest b:earliestTo ; kg:latest b:latestTo .
b:earliestFrom a owl:DatatypeProperty .
b:latestFrom a owl:DatatypeProperty .
b:earliestTo a owl:DatatypeProperty .
b:latestTo a owl:DatatypeProperty .
b:firstCastingOf a owl:ObjectProperty .

b:hungIn a owl:ObjectProperty ; kg:singleValued true ; kg:comparedBy ( b:hung ) .
b:hung a owl:ObjectProperty .
b:standsIn a owl:ObjectProperty , owl:TransitiveProperty ; kg:within true .
b:mass kg:singleValued true .
b:cracked a owl:DatatypeProperty ; kg:singleValued b:Bell .
b:motto a owl:DatatypeProperty ; kg:singleValued true .
b:nickname a owl:DatatypeProperty .

b:number a owl:DatatypeProperty ; kg:singleValued true ; kg:changing true ; kg:comparedBy ( b:about b:unit ) ;
  kg:qualifiedBy b:how .
b:about a owl:ObjectProperty .
b:unit a owl:ObjectProperty .
b:how a owl:ObjectProperty .
b:over a b:Thing ; kg:atLeast 1 .
b:around a b:Thing ; kg:atLeast 0.9 ; kg:atMost 1.1 .
b:ringers a b:Thing ; kg:counts b:ringer .
b:clappers a b:Thing ; kg:changing false ; kg:counts b:part .

b:List a owl:Class ;
  kg:listItem b:item ; kg:listRole b:listed ; kg:listSubject b:of ; kg:listScope b:only ; kg:closedBy b:whole .
b:item a owl:ObjectProperty .
b:listed a owl:ObjectProperty .
b:of a owl:ObjectProperty .
b:only a owl:DatatypeProperty .
b:ends a owl:ObjectProperty .
b:ringer a owl:ObjectProperty ; kg:changing true .
b:chiefRinger a owl:ObjectProperty ; rdfs:subPropertyOf b:ringer .
b:part a owl:ObjectProperty ; kg:comparedBy ( b:in b:use ) .
b:in a owl:ObjectProperty .
b:use a owl:ObjectProperty .
b:denies a owl:ObjectProperty ; kg:denies true .
b:Thing a owl:Class .
b:whole a b:Thing .
b:open a b:Thing .
"""


def stated(world: World, *texts: str, sources: tuple[str, ...] = ("chronicle", "ledger", "chronicle")) -> None:
    """Let each text be what one file states, and nothing else be stated of what it speaks of."""
    for path in (world.root / "data/turtle/sources/test").glob("*.ttl"):
        path.unlink()
    for number, (text, source) in enumerate(zip(texts, sources, strict=False)):
        header = f"@base <https://bells.example/graph/test/{number}> .\n{PREFIXES}"
        world.write(
            f"data/turtle/sources/test/{number}.ttl",
            f'{header}\n<> dcterms:source source:{source} ; b:page "1" .\n\n{text}\n',
        )


def found(world: World) -> list[Difference]:
    reading = world.reading()
    assert not reading.errors, reading.errors[0]
    checked = check(world.project(), reading, language="en")
    return list(checked.differences)


def told(world: World) -> list[str]:
    """Return differences as short sentences."""

    def name(term: object) -> str:
        text = str(getattr(term, "value", term))
        return text.rpartition("/")[2].rpartition("#")[2] if isinstance(term, NamedNode) else text

    return [
        f"{one.kind} of {name(one.about[0])} {name((one.respects or [one.property])[0])}: "
        f"{name(one.one.value)}, {name(one.other.value)}"
        for one in found(world)
    ]


@pytest.fixture
def world(bells: World) -> World:
    bells.append("ontology/bells.ttl", ONTOLOGY)
    bells.append("ontology/prefixes.ttl", "@prefix n: <https://bells.example/id/node/> .\n")
    return bells


def casting(date: str, node: str = "x", more: str = "") -> str:
    return f'n:{node} a b:Thing ; b:year "{date}"^^edtf:EDTF {more}.'


def hung(place: str, node: str = "x", more: str = "") -> str:
    return f"n:{node} a b:Thing ; b:hung bell:anna {more}; b:hungIn n:{place} ."


def count(number: str, node: str = "x", unit: str = "clappers", more: str = "") -> str:
    return f"n:{node} a b:Thing ; b:about bell:anna ; b:unit b:{unit} {more}; b:number {number} ."


def on(date: str) -> str:
    return f'; b:year "{date}"^^edtf:EDTF '


IN_TOWN = "n:tower b:standsIn n:town . n:town b:standsIn n:shire ."


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Dates without a day in common, in any order and precision.
        (casting("1702"), casting("1703"), "disagreement of x year: 1702, 1703"),
        (casting("1703-05"), casting("1702-05-31"), "disagreement of x year: 1702-05-31, 1703-05"),
        (casting("170X"), casting("1699/1699-12"), "disagreement of x year: 1699/1699-12, 170X"),
        (casting("1702~"), casting("1705"), "disagreement of x year: 1702~, 1705"),
        (casting("-0044"), casting("0044"), "disagreement of x year: -0044, 0044"),
        (casting("1702/.."), casting("1701"), "disagreement of x year: 1701, 1702/.."),
        # Different nodes for the first casting of one bell.
        (
            casting("1702", more="; b:firstCastingOf bell:anna"),
            casting("1703", "y", "; b:firstCastingOf bell:anna"),
            "disagreement of anna year: 1702, 1703",
        ),
        # Different things.
        (hung("tower"), hung("church"), "disagreement of anna hungIn: church, tower"),
        (hung("tower"), hung("church", "y"), "disagreement of anna hungIn: church, tower"),
        (hung("tower"), hung("n2") + IN_TOWN, "disagreement of anna hungIn: n2, tower"),
        # Other literals.
        ("bell:anna b:motto 'Ave'@la .", "bell:anna b:motto 'Salve'@la .", "disagreement of anna motto: Ave, Salve"),
        ("bell:anna b:cracked true .", "bell:anna b:cracked false .", "disagreement of anna cracked: false, true"),
        ("bell:anna b:mass 800 .", "bell:anna b:mass 810.5 .", "disagreement of anna mass: 800, 810.5"),
        # Unequal numbers.
        (count("6"), count("7", "y"), "disagreement of anna clappers: 6, 7"),
        (count("6"), count("7.0"), "disagreement of anna clappers: 6, 7.0"),
        (count("500", more="; b:how b:over "), count("499", "y"), "disagreement of anna clappers: 499, 500"),
        (count("500", more="; b:how b:around "), count("600", "y"), "disagreement of anna clappers: 500, 600"),
        (
            count("6", unit="ringers", more=on("1702")),
            count("7", "y", "ringers", on("1702-05")),
            "disagreement of anna ringers: 6, 7",
        ),
    ],
)  # fmt: skip
def test_values_that_cannot_both_hold_are_a_disagreement(world: World, one: str, other: str, expected: str) -> None:
    stated(world, one, other)
    assert told(world) == [expected]
    # Without the line of one, it goes.
    stated(world, one, "n:else a b:Thing .")
    assert told(world) == []
    # Two files of one source may disagree as well.
    stated(world, one, other, sources=("ledger", "ledger"))
    assert told(world) == [expected]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (casting("1702"), casting("1702-05"), "refinement of x year: 1702, 1702-05"),
        (casting("1702-05-06"), casting("170X"), "refinement of x year: 170X, 1702-05-06"),
        (casting("1702~"), casting("1703"), "refinement of x year: 1702~, 1703"),
        (casting("1700/1710"), casting("1702"), "refinement of x year: 1700/1710, 1702"),
        (casting("1702/.."), casting("1702"), "refinement of x year: 1702/.., 1702"),
        (hung("tower"), hung("town", "y") + IN_TOWN, "refinement of anna hungIn: town, tower"),
        (hung("shire"), hung("tower") + IN_TOWN, "refinement of anna hungIn: shire, tower"),
        (count("500", more="; b:how b:over "), count("564", "y"), "refinement of anna clappers: 500, 564"),
        (count("500", more="; b:how b:around "), count("510", "y"), "refinement of anna clappers: 500, 510"),
    ],
)  # fmt: skip
def test_a_finer_value_inside_a_coarser_one_is_a_refinement(world: World, one: str, other: str, expected: str) -> None:
    stated(world, one, other)
    assert told(world) == [expected]
    stated(world, other, one)
    assert told(world) == [expected]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # The same said twice, or said in another way.
        (casting("1702"), casting("1702")),
        (casting("1702"), casting("1702-01/1702-12")),
        ("bell:anna b:mass 800 .", "bell:anna b:mass 800.0 ."),
        ("bell:anna b:cracked true .", "bell:anna b:cracked 1 ."),
        ("bell:anna b:cracked true .", "bell:anna b:cracked '1'^^xsd:boolean ."),
        # Dates that have days in common, and neither is the finer.
        (casting("1700/1705"), casting("1703/1710")),
        # Other things, or another spell of the same.
        (casting("1702"), casting("1703", "x-2")),
        ("n:x a b:Thing ; b:cracked true .", "n:x a b:Thing ; b:cracked false ."),
        (casting("1702", more="; b:firstCastingOf bell:anna"), casting("1703", "y", "; b:firstCastingOf bell:berta")),
        (hung("tower", more='; b:from "1700"^^edtf:EDTF ; b:to "1710"^^edtf:EDTF '),
         hung("church", "x-2", '; b:from "1711"^^edtf:EDTF ')),
        (hung("tower", more='; b:to "1710"^^edtf:EDTF '), hung("church", "x-2", on("1720"))),
        # A file that gives several at once does not contradict one that gives one of them.
        (hung("tower") + hung("church", "y"), hung("church", "z")),
        (hung("tower") + hung("church", "y"), "n:else a b:Thing ."),
        # Several names, and the same word in two languages.
        ("bell:anna b:nickname 'Big Anna'@en .", "bell:anna b:nickname 'Old Anna'@en ."),
        ("bell:anna b:motto 'Ave'@la .", "bell:anna b:motto 'Hail'@en ."),
        # Numbers of different times, units or things; of an unknown time where they change; "over".
        (count("6", unit="ringers", more=on("1702")), count("7", "y", "ringers", on("1703"))),
        (count("6", unit="ringers"), count("7", "y", "ringers", on("1703"))),
        (count("6", unit="ringers"), count("7", "y", "ringers")),
        (count("6"), count("7", "y", "ringers")),
        (count("6"), "n:y a b:Thing ; b:about bell:berta ; b:unit b:clappers ; b:number 7 ."),
        (count("6"), "n:y a b:Thing ; b:about bell:anna , bell:berta ; b:unit b:clappers ; b:number 7 ."),
        (count("500", more="; b:how b:over "), count("400", "y", more="; b:how b:over ")),
        (count("500", more="; b:how b:around "), count("540", "y", more="; b:how b:around ")),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_none(world: World, one: str, other: str) -> None:
    stated(world, one, other)
    assert told(world) == []


def test_one_digit_makes_the_difference(world: World) -> None:
    stated(world, count("6", unit="ringers", more=on("1702")), count("7", "y", "ringers", on("1703")))
    assert told(world) == []
    world.replace("data/turtle/sources/test/1.ttl", '"1703"', '"1702"')
    assert told(world) == ["disagreement of anna ringers: 6, 7"]
    world.replace("data/turtle/sources/test/1.ttl", "b:number 7", "b:number 6")
    assert told(world) == []


def test_nothing_is_compared_that_the_ontology_does_not_mark(world: World) -> None:
    stated(world, casting("1702"), casting("1703"))
    world.replace("ontology/bells.ttl", "b:year kg:singleValued true ;", "b:year kg:singleValued false ;")
    assert told(world) == []


def test_three_values_stand_together_for_a_reader_and_in_pairs_in_the_graph(world: World) -> None:
    stated(world, casting("1702-05-06"), casting("1702"), casting("1704"))
    assert told(world) == [
        "disagreement of x year: 1702, 1704",
        "disagreement of x year: 1702-05-06, 1704",
        "refinement of x year: 1702, 1702-05-06",
    ]
    snapshot = built(world)
    together = snapshot.differences("https://bells.example/id/node/x")
    assert [(one.kind, [value.value for value, _ in one.values]) for one in together] == [
        ("disagreement", ["1702", "1702-05-06", "1704"]),
        ("refinement", ["1702", "1702-05-06"]),
    ]
    files = [fact.file.path for _, facts in together[0].values for fact in facts if fact.file]
    assert files == [f"data/turtle/sources/test/{number}.ttl" for number in (1, 0, 2)]


# --- lists -------------------------------------------------------------------------------------------------


def a_list(*items: str, end: str = "whole", role: str = "part", more: str = "") -> str:
    nodes = " , ".join(f"n:has-{item}" for item in items)
    text = f"n:list a b:List ; b:of bell:anna ; b:listed b:{role} ; b:ends b:{end} ; b:item {nodes} {more}."
    return text + "".join(has(item, role) for item in items)


def has(item: str, role: str = "part", more: str = "") -> str:
    return f"\nn:has-{item} a b:Thing ; b:in bell:anna ; b:{role} n:{item} {more}."


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (a_list("crown", "lip"), has("tongue"), ["disagreement of anna part: list, tongue"]),
        (a_list("crown"), has("crown") + has("tongue"), ["disagreement of anna part: list, tongue"]),
        (a_list("crown", role="ringer", more=on("1702")), has("tom", "ringer", on("1702-05")),
         ["disagreement of anna ringer: list, tom"]),
        (a_list("crown", role="ringer", more=on("1702")), has("tom", "chiefRinger", on("1702-05")),
         ["disagreement of anna ringer: list, tom"]),
        # What lies in something that the list has is finer.
        (a_list("town"), has("tower") + IN_TOWN, ["refinement of anna part: town, tower"]),
        # A number that the list does not bear out.
        (a_list("crown", "lip"), count("3"), ["disagreement of anna clappers: 2, 3"]),
        (a_list("crown", "lip"), count("1"), ["disagreement of anna clappers: 1, 2"]),
        (a_list("crown", "lip") + count("3"), "n:else a b:Thing .", ["disagreement of anna clappers: 2, 3"]),
        (a_list("crown", role="ringer", more=on("1702")), count("2", unit="ringers", more=on("1702")),
         ["disagreement of anna ringers: 1, 2"]),
        # Look-alikes.
        (a_list("crown", "lip"), has("lip"), []),
        (a_list("crown", "lip"), has("lip").replace("has-lip", "has-lip-2"), []),
        (a_list("crown", "lip", end="open"), has("tongue"), []),
        (a_list("crown", "lip", end="open"), count("3"), []),
        (a_list("crown", "lip", more='; b:only "iron" '), has("tongue"), []),
        (a_list("crown", "lip"), has("tongue").replace("bell:anna", "bell:berta"), []),
        (a_list("crown", "lip"), has("tongue").replace("b:in", "b:about"), []),
        (a_list("crown", "lip"), has("tongue", more="; b:use n:spare "), []),
        (a_list("crown", "lip"), has("tom", "ringer"), []),
        (a_list("crown", role="ringer", more=on("1702")), has("tom", "ringer"), []),
        (a_list("crown", role="ringer", more=on("1702")), has("tom", "ringer", on("1703")), []),
        (a_list("crown", role="ringer"), has("tom", "ringer", on("1703")), []),
        (a_list("crown", "lip"), count("2"), []),
        (a_list("crown", "lip"), count("1", more="; b:how b:over "), []),
        (a_list("crown", "lip"), count("3", unit="ringers"), []),
        (a_list("crown", role="ringer", more=on("1702")), count("2", unit="ringers"), []),
    ],
)  # fmt: skip
def test_what_a_closed_list_leaves_out_contradicts_it(world: World, one: str, other: str, expected: list[str]) -> None:
    stated(world, one, other)
    assert told(world) == expected


def test_a_list_that_is_closed_no_more_contradicts_nothing(world: World) -> None:
    stated(world, a_list("crown", "lip"), has("tongue"))
    assert told(world)
    world.replace("data/turtle/sources/test/0.ttl", "b:ends b:whole ;", "")
    assert told(world) == []


# --- denials -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (has("crown"), "n:no a b:Thing ; b:denies n:has-crown .", ["disagreement of has-crown denies: has-crown, no"]),
        (casting("1702"), "n:no a b:Thing ; b:denies n:x .", ["disagreement of x denies: x, no"]),
        ("n:no a b:Thing ; b:denies bell:anna .", "n:else a b:Thing .", ["disagreement of anna denies: anna, no"]),
        # Look-alikes: another node, the same node only named, a property that denies nothing.
        (has("crown"), "n:no a b:Thing ; b:denies n:has-lip . n:has-lip a b:Thing .", []),
        ("n:no a b:Thing ; b:denies n:has-crown . n:has-crown a b:Thing .", "n:else b:about n:has-crown .", []),
        (has("crown"), "n:no a b:Thing ; b:about n:has-crown .", []),
    ],
)  # fmt: skip
def test_what_one_source_denies_and_another_states(world: World, one: str, other: str, expected: list[str]) -> None:
    stated(world, one, other)
    assert told(world) == expected


# --- in the graph ------------------------------------------------------------------------------------------


def built(world: World) -> Snapshot:
    world.replace("kg.toml", 'passages = ["b:page"]', "passages = []")
    for node in ("tower", "church", "town", "shire"):
        path = f"data/turtle/register/{node}.ttl"
        if node in "".join(path.read_text() for path in (world.root / "data/turtle/sources/test").iterdir()):
            header = f"@base <https://bells.example/graph/register/{node}> .\n{PREFIXES}"
            world.write(path, f"{header}<> dcterms:source source:register .\nn:{node} a b:Thing .\n")
    return build(world.project()).snapshot


def test_a_difference_is_a_node_that_names_both_values_and_their_sources(world: World) -> None:
    stated(world, casting("1702"), casting("1703"))
    snapshot = built(world)
    answer = snapshot.data().store.query(
        """PREFIX kg: <https://w3id.org/kg-engine#>
        SELECT ?kind ?about ?property ?one ?source ?other ?other_source {
          GRAPH <https://bells.example/graph/differences> {
            ?it a ?kind ; kg:about ?about ; kg:property ?property ; kg:one ?a ; kg:other ?b .
            ?a kg:value ?one ; kg:source ?source ; kg:node ?about .
            ?b kg:value ?other ; kg:source ?other_source } }"""
    )
    rows = [[term.value.rpartition("/")[2].rpartition("#")[2] for term in row] for row in answer]  # type: ignore[union-attr]
    assert rows == [["Disagreement", "x", "year", "1702", "chronicle", "1703", "ledger"]]


def test_a_difference_says_why_it_is_one(world: World) -> None:
    stated(world, hung("tower"), hung("church", "y"))
    snapshot = built(world)
    (kind,) = [fact for fact in snapshot.facts() if fact.kind == 3 and "Disagreement" in str(fact.object)]
    (why,) = snapshot.why(kind)
    assert why.rule == "disagreement"
    assert why.axiom[0].predicate.value.endswith("#comparedBy")
    assert [fact.file.path[-5:] for premise in why.premises for fact in premise if fact.file] == ["1.ttl", "0.ttl"]


def test_all_that_is_said_of_a_difference_rests_on_statements_of_files(world: World) -> None:
    stated(world, casting("1702") + hung("tower"), casting("1703") + hung("church", "y"))
    snapshot = built(world)
    facts = [fact for fact in snapshot.facts() if fact.kind == 3]
    assert len(facts) > 20
    for fact in facts:
        (why,) = snapshot.why(fact)
        assert why.axiom[0].file, fact
        assert why.premises, fact
        assert all(one.file for premise in why.premises for one in premise), fact


def test_what_points_to_a_thing_leaves_differences_out(world: World) -> None:
    stated(world, casting("1702", more="; b:about bell:berta"), casting("1703"))
    snapshot = built(world)
    assert snapshot.differences("https://bells.example/id/node/x")
    assert list(pointers(snapshot, "https://bells.example/id/node/x").numbers) == []


def test_the_name_of_a_difference_stays_while_other_sources_come(world: World) -> None:
    stated(world, casting("1702"), casting("1703"))
    before = nodes(built(world))
    assert len(before) == 3
    stated(world, casting("1702"), casting("1703"), casting("1703", "y") + casting("1702", "z"))
    after = nodes(build(world.project()).snapshot)
    assert before == after
    stated(world, casting("1702"), casting("1704"), "n:y a b:Thing .")
    assert not before & nodes(build(world.project()).snapshot)


def nodes(snapshot: Snapshot) -> set[str]:
    return {str(fact.subject) for fact in snapshot.facts() if fact.kind == 3}


def test_the_order_of_files_changes_nothing(world: World) -> None:
    stated(world, casting("1702") + hung("tower"), casting("1703") + hung("church", "y"))
    here = told(world)
    stated(world, casting("1703") + hung("church", "y"), casting("1702") + hung("tower"))
    assert told(world) == here


def test_a_check_tells_a_disagreement_as_an_info_with_all_its_places(world: World) -> None:
    stated(world, casting("1702"), casting("1703"))
    (finding,) = [one for one in world.check().findings if one.rule == "disagreement"]
    assert finding.severity == "info"
    assert finding.message == ("n:x, b:year: 1702 and 1703 cannot both hold")
    assert finding.path == "data/turtle/sources/test/1.ttl"
    assert [place.rpartition(":")[0] for place in finding.also] == ["data/turtle/sources/test/0.ttl:14"]


def test_a_date_that_cannot_be_read_is_told_once_and_compared_with_nothing(world: World) -> None:
    stated(world, casting("1702"), casting("17 of May"))
    findings = world.check().findings
    assert [one.rule for one in findings if one.rule in ("date", "disagreement")] == ["date"]


def test_annotations_that_make_no_sense_do_no_harm(world: World) -> None:
    world.append(
        "ontology/bells.ttl",
        "b:cast kg:comparedBy ( ) ; kg:singleValued 'perhaps' ; kg:until 7 ; kg:qualifiedBy b:cast .\n"
        "b:over kg:atLeast 'many' . b:caster kg:singleValued true ; kg:comparedBy b:caster , ( 1 2 ) .\n"
        "b:Bell kg:listItem 1 ; kg:closedBy 'x' . b:round kg:comparedBy _:a . _:a rdfs:label 'no list' .\n",
    )
    stated(world, casting("1702"), casting("1703"), count("1e9999999") + count("'NaN'^^xsd:double", "y"))
    assert told(world) == ["disagreement of x year: 1702, 1703"]
