"""What a snapshot has, in numbers."""

from __future__ import annotations

import pytest
from tests import building
from tests.building import WORLDS

from kg.statistics import class_sizes, fill_rates, source_sizes, totals

B = "https://bells.example/cloch/"
CLOCH = B + "geirfa#"


def test_totals_of_the_bells() -> None:
    found = totals(building.bells().snapshot)
    assert found["files"] == 18
    assert found["views"] == 3
    assert found["inferred statements"] == 30
    assert found["bounds of dates"] == 15


@pytest.mark.parametrize("world", WORLDS)
def test_totals_are_the_numbers_of_facts(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    kinds = [fact.kind for fact in snapshot.facts()]
    found = totals(snapshot)
    names = ("statements in files", "bounds of dates", "inferred statements")
    assert [found[name] for name in names] == [kinds.count(number) for number in range(3)]
    assert found["entities"] == sum(number for _, number in snapshot.kinds())


def test_classes_are_counted_by_their_most_specific_members() -> None:
    sizes = dict(class_sizes(building.bells().snapshot))
    assert sizes[CLOCH + "Bell"] == 4
    assert sizes[CLOCH + "Casting"] == 4
    assert CLOCH + "Maker" not in sizes  # a foundry and a founder, both more than that


def test_fill_rates_count_entities_not_statements() -> None:
    rates = {(c, p): (filled, of) for c, p, filled, of in fill_rates(building.bells().snapshot)}
    assert rates[CLOCH + "Casting", CLOCH + "caster"] == (3, 4)
    assert rates[CLOCH + "Casting", CLOCH + "weight"] == (1, 4)
    assert rates[CLOCH + "Casting", CLOCH + "castDate"] == (4, 4)


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_is_fuller_than_full(world: str) -> None:
    assert all(0 <= filled <= of and of > 0 for _, _, filled, of in fill_rates(WORLDS[world]().snapshot))


def test_sources_are_counted_with_their_files() -> None:
    sizes = [(iri.rsplit("/", 1)[1], files) for iri, files, _ in source_sizes(building.bells().snapshot)]
    assert sizes == [("cofrestr", 12), ("glockenbuch", 2), ("cronicl-llanwyn", 1)]


@pytest.mark.parametrize("world", WORLDS)
def test_every_statement_of_data_belongs_to_one_source(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    roles = [fact.file.role for fact in snapshot.facts() if fact.kind == 0 and fact.file]
    counted = sum(statements for *_, statements in source_sizes(snapshot))
    assert counted == sum(role in ("register", "source") for role in roles)
