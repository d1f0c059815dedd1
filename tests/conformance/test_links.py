"""The `Link` header, as strictly as RFC 8288 has it."""

from __future__ import annotations

import pytest

from kg.conformance.links import LinkError, parse_links

BASE = "https://a.example/x/y"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("<b>; rel=next", [("https://a.example/x/b", {"next"}, "")]),
        ('</b>;rel="Next  PREV"', [("https://a.example/b", {"next", "prev"}, "")]),
        ('<b>; rel=next, <c>; rel=prev; type="text/turtle;charset=utf-8"', [
            ("https://a.example/x/b", {"next"}, ""), ("https://a.example/x/c", {"prev"}, "text/turtle"),
        ]),
        ('<>;rel=self;title="a, b; <c>"', [(BASE, {"self"}, "")]),
        ('<?a=1,2>; rel="x"; rel=y', [("https://a.example/x/y?a=1,2", {"x"}, "")]),
        ('<b> ; rel = "next" ; , ,<c>;rel=z', [
            ("https://a.example/x/b", {"next"}, ""), ("https://a.example/x/c", {"z"}, ""),
        ]),
    ],
)  # fmt: skip
def test_links_that_are_well_formed(header: str, expected: list[tuple[str, set[str], str]]) -> None:
    assert [(link.target, set(link.rels), link.type) for link in parse_links(header, BASE)] == expected


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("b; rel=next", "angle brackets"),
        ("<b; rel=next", "angle brackets"),
        ("<b c>; rel=next", "angle brackets"),
        ("<b%zz>; rel=next", "angle brackets"),
        ("<é>; rel=next", "angle brackets"),
        ("<b>", "has no rel"),
        ('<b>; rel=""', "has no rel"),
        ("<b>; rel=next prev", "a comma or the end"),
        ("<b>; rel=text/turtle", "a comma or the end"),
        ('<b>; rel="next', "quotation marks"),
        ("<b>; rel=", "quotation marks"),
        ("<b>; =next", "name of a parameter"),
        ("<b>; rel=y <c>; rel=x", "a comma or the end"),
        ("<http://[>; rel=x", "not an address"),
    ],
)
def test_links_that_are_not(header: str, told: str) -> None:
    with pytest.raises(LinkError, match=told):
        parse_links(header, BASE)


def test_an_anchor_and_an_escaped_text_are_read() -> None:
    [link] = parse_links(r'<b>; rel=x; anchor="/z"; title="a \"b\" c"', BASE)
    assert link.anchor == "https://a.example/z"
    assert link.parameters["title"] == 'a "b" c'
