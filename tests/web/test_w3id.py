"""The redirect rules lead every kind of IRI of the graph to an address that answers, and the reference has them all."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode
from tests.building import ROOT, flagship

from kg.web import create_app

RULES = ROOT / "docs" / "w3id" / ".htaccess"
SITE = "https://citynet.example.org"


@pytest.fixture(scope="module")
def site() -> FlaskClient:
    return create_app(flagship().root / ".kg", public_url=SITE).test_client()


def redirected(path: str) -> str:
    """Follow the rules as Apache's mod_rewrite would."""
    for line in RULES.read_text(encoding="utf-8").splitlines():
        rule = re.fullmatch(r"RewriteRule (\S+) (\S+) \[(.*)\]", line)
        if rule and (match := re.search(rule[1], path)):
            return rule[2].replace("$1", match[1])
    raise AssertionError(path)


PATHS = """
    id/network/anvita doc/network/anvita.ttl ontology ontology/{version} ontology/typology ontology/typology/{version}
    dataset graph/metadata graph/register/network/anvita id/typology/co-opted
"""


@pytest.mark.parametrize("path", ["", *PATHS.split()])
def test_every_kind_of_iri_leads_to_an_answer(site: FlaskClient, path: str) -> None:
    snapshot = flagship().snapshot
    version_iri = NamedNode("http://www.w3.org/2002/07/owl#versionIRI")
    vocabulary = snapshot.settings.ontology_iri.removesuffix("ontology") + path.partition("/{")[0]
    versions = snapshot.facts(NamedNode(vocabulary), version_iri) if "{version}" in path else []
    version = versions[0].object.value.rpartition("/")[2] if versions else ""
    target = redirected(path.format(version=version))
    assert target.startswith(SITE)
    response = site.get(target.removeprefix(SITE), headers={"Accept": "text/html"})
    assert response.status_code in (200, 303), (path, target)


def test_every_address_of_the_site_is_in_the_reference(site: FlaskClient) -> None:
    reference = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    for path in (
        "/dataset",
        "/dcat",
        "/fragments",
        "/feed.atom",
        "/linkset.json",
        "/robots.txt",
        "/llms.txt",
        "/snapshot",
    ):
        assert f"`{path}" in reference
