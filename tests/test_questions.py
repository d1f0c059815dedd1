"""Questions that the flagship graph must answer, and those to which its right answer is silence.

Each is a query in tests/questions, `NNN_slug.rq`, beside its answer, `NNN_slug.csv`. The first forty are about the
paper and are asked of it alone, whatever other sources add: their answers were written by someone who had read
nothing else; names and descriptions were then replaced by the IRIs that stand for them. A table without rows says
that the paper does not tell. The others are asked of the whole graph; their third line says what they rest on.
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, Store
from tests.building import ROOT, flagship, paper

from kg.project import open_project
from kg.queries import Data, ask
from kg.results import to_csv

QUESTIONS = sorted((Path(__file__).parent / "questions").glob("*.rq"))


def expected(question: Path) -> str:
    """Return the expected answer to a question, with its line ends as they are."""
    return question.with_suffix(".csv").read_bytes().decode("utf-8")


def numbered(number: int) -> Path:
    """Return the question with a number."""
    return next(question for question in QUESTIONS if question.name.startswith(f"{number:03d}_"))


OF_PAPER = [question for question in QUESTIONS if question.name < "041_"]
SILENT = [question for question in OF_PAPER if len(expected(question).splitlines()) == 1]


@pytest.fixture(scope="module")
def prefixes() -> Mapping[str, str]:
    return open_project(ROOT).prefixes


def store_of(question: Path) -> Store:
    """Return what a question is asked of: what is so of the paper alone, or the whole graph. No test may change it."""
    return _whole_paper() if question in OF_PAPER else _whole_graph()


_whole_paper = functools.cache(paper)
_whole_graph = functools.cache(lambda: flagship().snapshot.data().store)


def answer(store: Store, question: Path, prefixes: Mapping[str, str]) -> str:
    query = question.read_text(encoding="utf-8")
    return to_csv(ask(Data(store, prefixes), query, where=question.name))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.stem)
def test_graph_gives_the_expected_answer(question: Path, prefixes: Mapping[str, str]) -> None:
    assert answer(store_of(question), question, prefixes) == expected(question)


def test_forty_questions_are_about_the_paper_and_ten_are_silent() -> None:
    assert [question.name[:4] for question in QUESTIONS] == [
        f"{number:03d}_" for number in range(1, len(QUESTIONS) + 1)
    ]
    assert len(OF_PAPER) == 40
    assert len(SILENT) == 10


def test_every_answer_belongs_to_a_question() -> None:
    files = (Path(__file__).parent / "questions").iterdir()
    assert {file.name for file in files} == {
        question.with_suffix(ending).name for question in QUESTIONS for ending in (".rq", ".csv")
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.stem)
def test_question_is_asked_in_two_languages_and_says_what_answers_it(question: Path) -> None:
    english, french, lines = question.read_text(encoding="utf-8").split("\n")[:3]
    assert english.startswith("# ")
    assert english.endswith("?")
    assert french.startswith("# ")
    assert french.endswith("\N{NO-BREAK SPACE}?") or french.endswith(" ?")
    of_paper = question in OF_PAPER
    assert lines.startswith("# Expected by someone who read only the paper: lines " if of_paper else "# Expected from ")


# --- an answer rests on the node that states it ----------------------------------------------------------

# A question, a node, and the value in the one row that rests on it.
RESTS_ON = [
    (9, "event:uk-localism-act-adoption", "policy:uk-localism-act"),
    (12, "engagement:vienna-diversity-policies", "city:vienna"),
    (22, "classification:recosol-by-lacroix", "network:recosol"),
    (26, "membership:grenoble-in-anvita", "city:grenoble"),
    (32, "federation:mercociudades-in-uclg", "network:mercociudades"),
    (34, "support:unesco-for-iccar", "body:unesco"),
]


def iri(name: str, prefixes: Mapping[str, str]) -> NamedNode:
    prefix, local = name.split(":")
    return NamedNode(prefixes[prefix] + local)


@pytest.mark.parametrize(("number", "node", "value"), RESTS_ON, ids=lambda value: str(value))
def test_without_the_node_exactly_its_row_is_lost(
    number: int, node: str, value: str, prefixes: Mapping[str, str]
) -> None:
    question = numbered(number)
    store = paper()
    removed = list(store.quads_for_pattern(iri(node, prefixes), None, None, None))
    assert removed
    for quad in removed:
        store.remove(quad)
    rows = expected(question).splitlines(keepends=True)
    kept = [row for row in rows if iri(value, prefixes).value not in next(csv.reader(io.StringIO(row)))]
    assert len(kept) == len(rows) - 1
    assert answer(store, question, prefixes) == "".join(kept)


# --- a silent question would find the fact if it were there ----------------------------------------------

# What the paper does not say, invented, as the graph would say it.
INVENTED = {
    1: """event:publication cn:outcome source:lacroix-panorama ; cn:date "1900"^^edtf:EDTF .
          participation:nowhere cn:event event:publication ; cn:role role:publisher ; cn:participant media:nowhere .""",
    7: """event:eurocities-founding cn:foundingOf network:eurocities ; cn:date "1900"^^edtf:EDTF .""",
    13: """country:nowhere a cn:Country ; cn:locatedIn place:north-africa .
           claim:nowhere cn:about country:nowhere , context:third-wave-of-decentralisation .""",
    19: "office:nowhere cn:heldIn network:c-mise ; cn:holder body:nowhere .",
    21: """place:nowhere cn:locatedIn country:uganda .
           location:nowhere cn:place place:nowhere ; cn:operating programme:empowering-refugee-hosting-districts .""",
    25: "location:nowhere cn:operating body:nowhere ; cn:place camp:grande-synthe .",
    29: "city:nowhere a cn:LocalAuthority ; cn:memberOf network:recosol .",
    31: "participation:nowhere cn:event event:pact-of-amsterdam-adoption ; cn:participant body:nowhere .",
    35: "city:nowhere a cn:City ; cn:memberOf network:icorn .",
    37: """source:geneva-conference-report dcterms:title "Nowhere" .""",
}


def test_every_silent_question_has_an_invented_fact() -> None:
    assert [numbered(number) for number in INVENTED] == SILENT


@pytest.mark.parametrize("number", INVENTED, ids=lambda number: numbered(number).stem)
def test_silent_question_would_find_the_fact(number: int, prefixes: Mapping[str, str]) -> None:
    store = paper()
    declared = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in prefixes.items())
    store.load((declared + INVENTED[number]).encode(), format=RdfFormat.TURTLE)
    assert len(answer(store, numbered(number), prefixes).splitlines()) == 2
