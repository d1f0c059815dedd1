"""A world small enough to hold in the head: two bells, the foundry that cast them, and a chronicle that says so."""

from __future__ import annotations

import gc
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from tests.building import SHARED

from kg.checks import Checked, check
from kg.findings import Finding
from kg.project import Project, Reading, open_project

# --- the run itself: what its workers share, and how long each folder took -------------------------------


def pytest_configure(config: pytest.Config) -> None:
    # Graphs are millions of things that stay: Python would search them for garbage again and again.
    gc.set_threshold(100_000, 20, 20)
    if not hasattr(config, "workerinput") and SHARED not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="kg-tests-")
        os.environ[SHARED] = folder.name
        config.add_cleanup(lambda: os.environ.pop(SHARED, None))
        config.add_cleanup(folder.cleanup)


_SECONDS: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _SECONDS[report.nodeid.partition("::")[0].rpartition("/")[0] or "."] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if len(_SECONDS) > 1:
        terminalreporter.section("time per folder, of all cores together")
        for folder, seconds in _SECONDS.most_common():
            terminalreporter.write_line(f"{seconds:8.1f} s  {folder}")


FILES = {
    "kg.toml": """\
base_iri = "https://bells.example/"
title = { en = "Bells", de = "Glocken" }
languages = ["en", "de"]

[provenance]
source = "dcterms:source"
passages = ["b:page"]
locators = ["b:page"]
""",
    "ontology/prefixes.ttl": """\
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix casting: <https://bells.example/id/casting/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .
@prefix foundry: <https://bells.example/id/foundry/> .
@prefix kg: <https://w3id.org/kg-engine#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix s: <https://bells.example/shapes#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix source: <https://bells.example/id/source/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
""",
    "ontology/bells.ttl": """\
@base <https://bells.example/ontology> .
@prefix b: <https://bells.example/ontology#> .
@prefix kg: <https://w3id.org/kg-engine#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .

<> a owl:Ontology .

b:Bell
  a owl:Class ;
  owl:disjointWith b:Foundry .

b:Foundry a owl:Class .
b:Source a owl:Class .

b:Casting
  a owl:Class ;
  rdfs:subClassOf kg:Relation .

b:cast a owl:ObjectProperty .

b:caster
  a owl:ObjectProperty ;
  rdfs:range b:Foundry .

b:castBy
  a owl:ObjectProperty ;
  owl:propertyChainAxiom ( [ owl:inverseOf b:cast ] b:caster ) .

b:year
  a owl:DatatypeProperty ;
  kg:earliest b:earliestYear ;
  kg:latest b:latestYear .

b:earliestYear a owl:DatatypeProperty .
b:latestYear a owl:DatatypeProperty .
b:mass a owl:DatatypeProperty .
b:page a owl:DatatypeProperty .
""",
    "data/turtle/register/bell/anna.ttl": """\
@base <https://bells.example/graph/register/bell/anna> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

bell:anna
  a b:Bell ;
  rdfs:label "Anna"@en .
""",
    "data/turtle/register/bell/berta.ttl": """\
@base <https://bells.example/graph/register/bell/berta> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

bell:berta
  a b:Bell ;
  rdfs:label "Berta"@en .
""",
    "data/turtle/register/foundry/grimm.ttl": """\
@base <https://bells.example/graph/register/foundry/grimm> .
@prefix b: <https://bells.example/ontology#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix foundry: <https://bells.example/id/foundry/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

foundry:grimm
  a b:Foundry ;
  rdfs:label "Grimm & Sons"@en .
""",
    "data/turtle/register/source/sources.ttl": """\
@base <https://bells.example/graph/register/source/sources> .
@prefix b: <https://bells.example/ontology#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

source:register
  a b:Source ;
  rdfs:label "The register"@en .

source:chronicle
  a b:Source ;
  rdfs:label "The town chronicle"@en .

source:ledger
  a b:Source ;
  rdfs:label "The ledger of the foundry"@en .
""",
    "data/turtle/sources/chronicle/castings.ttl": """\
@base <https://bells.example/graph/chronicle/castings> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix casting: <https://bells.example/id/casting/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .
@prefix foundry: <https://bells.example/id/foundry/> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:chronicle .

casting:anna
  a b:Casting ;
  b:cast bell:anna ;
  b:caster foundry:grimm ;
  b:year "1702"^^edtf:EDTF ;
  b:page "12" .
""",
    "data/turtle/sources/ledger.ttl": """\
@base <https://bells.example/graph/ledger/all> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix casting: <https://bells.example/id/casting/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .
@prefix foundry: <https://bells.example/id/foundry/> .
@prefix source: <https://bells.example/id/source/> .

<>
  dcterms:source source:ledger ;
  b:page "3" .

casting:berta
  a b:Casting ;
  b:cast bell:berta ;
  b:caster foundry:grimm ;
  b:year "1710~"^^edtf:EDTF .

bell:berta b:mass 800 .
""",
    "shapes/bells.ttl": """\
@base <https://bells.example/shapes> .
@prefix b: <https://bells.example/ontology#> .
@prefix kg: <https://w3id.org/kg-engine#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix s: <https://bells.example/shapes#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

<> a owl:Ontology .

s:Naming
  a sh:PropertyGroup ;
  rdfs:label "Names"@en , "Namen"@de ;
  sh:order 1 .

s:Bell
  a sh:NodeShape ;
  sh:targetClass b:Bell ;
  sh:property s:Bell-label , s:Bell-mass .

s:Bell-label
  a sh:PropertyShape ;
  sh:path rdfs:label ;
  sh:minCount 1 ;
  sh:group s:Naming ;
  sh:order 1 ;
  sh:name "name"@en , "Name"@de ;
  sh:message "A bell needs a name."@en , "Eine Glocke braucht einen Namen."@de .

s:Bell-mass
  a sh:PropertyShape ;
  sh:path b:mass ;
  sh:datatype xsd:integer ;
  sh:maxCount 1 ;
  sh:severity sh:Warning .

s:Casting
  a sh:NodeShape ;
  sh:targetClass b:Casting ;
  sh:property s:Casting-cast , s:Casting-caster .

s:Casting-cast
  a sh:PropertyShape ;
  sh:path b:cast ;
  sh:class b:Bell ;
  sh:minCount 1 ;
  sh:order 2 ;
  sh:message "A casting casts a bell of the register."@en , "Ein Guss gilt einer Glocke."@de .

s:Casting-caster
  a sh:PropertyShape ;
  sh:path b:caster ;
  sh:class b:Foundry ;
  sh:order 1 .

s:Casting-order
  a sh:NodeShape ;
  sh:targetClass b:Casting ;
  sh:severity sh:Info ;
  kg:wholeGraph true ;
  sh:sparql [
    sh:message "{$this} may be later than {?other}."@en , "{$this} ist vielleicht nach {?other}."@de ;
    sh:select \"\"\"
      SELECT $this ?other WHERE {
        $this b:earliestYear ?mine ; b:cast ?bell .
        ?other b:latestYear ?theirs ; b:cast ?bell .
        FILTER(?theirs < ?mine)
      }\"\"\" ] .
""",
    "views/bells.rq": """\
#+ title: Which bells are there?
SELECT ?bell WHERE { ?bell a b:Bell }
""",
}


class World:
    """A project in a folder that a test may change, one file at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    def append(self, name: str, text: str) -> None:
        self.write(name, self.read(name) + text)

    def delete(self, name: str) -> None:
        (self.root / name).unlink()

    def project(self) -> Project:
        return open_project(self.root)

    def reading(self) -> Reading:
        return self.project().read()

    def check(self, language: str = "en") -> Checked:
        project = self.project()
        return check(project, project.read(), language=language)

    def findings(self, language: str = "en") -> list[tuple[str, int, int, str, str, str]]:
        """Return what the checks find, without advice and excerpts."""
        return [self.short(finding) for finding in self.check(language).findings]

    @staticmethod
    def short(finding: Finding) -> tuple[str, int, int, str, str, str]:
        return (finding.path, finding.line, finding.column, finding.severity.value, finding.rule, finding.message)


@pytest.fixture
def bells(tmp_path: Path) -> World:
    """The bells, as they are: no check finds anything."""
    return World(tmp_path / "bells")
