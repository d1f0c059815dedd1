"""Turtle in canonical form: the same graph, every comment, one order, and no change when done again."""

from __future__ import annotations

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse

from kg.canonical import Style, canonical
from kg.errors import TurtleError
from kg.turtle import tokens

BELLS = "https://bells.example/ontology#"
STYLE = Style(
    prefixes={
        "b": BELLS,
        "bell": "https://bells.example/id/bell/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    },
    order={BELLS + "mass": (2, 1, 1), BELLS + "cast": (2, 1, 2)},
)
HEAD = """\
@base <https://bells.example/graph/anna> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .

"""


def formatted(text, style=STYLE):
    found = canonical(text.encode(), "x.ttl", style)
    assert canonical(found.encode(), "x.ttl", style) == found
    return found


def graph(text):
    found = Dataset(parse(text.encode(), format=RdfFormat.TURTLE))
    found.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in found}


def comments(text):
    return sorted(token.text.rstrip() for token in tokens(text) if token.kind == "comment")


# --- one form --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("bell:anna\n a b:Bell.", "bell:anna a b:Bell ."),
        (
            'bell:anna b:cast 1702 ; b:mass 0800.50 , +1 ; a b:Bell ; b:bell "x" .',
            'bell:anna\n  a b:Bell ;\n  b:mass\n    +1 ,\n    0800.50 ;\n  b:cast 1702 ;\n  b:bell "x" .',
        ),
        (
            'bell:anna b:name \'Anna\'@EN-gb , "Änne"@de , """A\nB""" , bell:b , bell:a , _:n .',
            'bell:anna\n  b:name\n    bell:a ,\n    bell:b ,\n    """A\nB""" ,\n    "Änne"@de ,\n    \'Anna\'@EN-gb ,\n'
            "    _:n .",
        ),
        ("bell:anna b:b true ; b:b false , true .", "bell:anna\n  b:b\n    false ,\n    true ."),
        ("<https://bells.example/id/bell/anna> <https://bells.example/ontology#b> <#x> .", "bell:anna b:b <#x> ."),
        (
            "bell:anna b:b [ b:z 1 ; a b:C ] , ( 1 [ ] ( ) ) .",
            "bell:anna\n  b:b\n    [ a b:C ; b:z 1 ] ,\n    ( 1 [] () ) .",
        ),
        (
            f'bell:anna b:b [ b:z "{"z" * 110}" ; a b:C ] .',
            f'bell:anna\n  b:b [\n    a b:C ;\n    b:z "{"z" * 110}"\n  ] .',
        ),
        ("[] a b:Bell ; b:mass 1 .", "[]\n  a b:Bell ;\n  b:mass 1 ."),
        ("[ b:mass 1 ] .", "[ b:mass 1 ] ."),
        ("bell:anna b:mass 1 .\nbell:berta b:mass 2 .", "bell:anna b:mass 1 .\nbell:berta b:mass 2 ."),
        ("bell:anna b:mass 1 .\n\n\n\nbell:berta b:mass 2 .", "bell:anna b:mass 1 .\n\nbell:berta b:mass 2 ."),
        ("bell:anna b:a%20b b:a\\,b .", "bell:anna b:a%20b b:a\\,b ."),
    ],
)
def test_statements_have_one_form(written, expected):
    head = HEAD if "bell:" in expected else HEAD.replace("@prefix bell: <https://bells.example/id/bell/> .\n", "")
    assert formatted(HEAD + written) == f"{head}{expected}\n"


def test_prefixes_are_sorted_as_lines_and_only_those_that_are_used():
    text = (
        "PREFIX b-c: <http://b-c/>\nPREFIX b: <https://bells.example/ontology#>\n@prefix x: <http://x/> .\n"
        "BASE <http://g>\n<> a b:B, b-c:D, <https://bells.example/id/bell/anna> ."
    )
    assert formatted(text).split("\n\n")[0] == (
        "@base <http://g> .\n@prefix b-c: <http://b-c/> .\n@prefix b: <https://bells.example/ontology#> .\n"
        "@prefix bell: <https://bells.example/id/bell/> ."
    )


def test_a_prefix_of_the_files_own_becomes_that_of_the_table():
    text = (
        "@prefix o: <https://bells.example/ontology#> .\n@prefix mine: <http://mine/> .\nmine:a o:b o:c, mine:d.e .\n"
    )
    assert formatted(text) == (
        "@prefix b: <https://bells.example/ontology#> .\n@prefix mine: <http://mine/> .\n\n"
        "mine:a\n  b:b\n    b:c ,\n    mine:d.e .\n"
    )


def test_a_prefix_that_the_file_binds_otherwise_keeps_its_meaning():
    text = "@prefix b: <http://other/> .\n\nb:a b:b <https://bells.example/ontology#c> .\n"
    assert formatted(text) == text


def test_the_type_is_written_as_a_and_needs_no_prefix():
    text = "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n<http://a> rdf:type <http://b> .\n"
    assert formatted(text) == "<http://a> a <http://b> .\n"


def test_a_prefix_table_keeps_what_it_does_not_use():
    text = "# The table.\n\n@prefix b: <http://b/> .\n@prefix a: <http://a/> .\n"
    assert formatted(text) == "# The table.\n\n@prefix a: <http://a/> .\n@prefix b: <http://b/> .\n"


def test_values_keep_their_order_where_people_choose_it():
    text = f"{HEAD}bell:anna b:b b:z, b:a .\n"
    assert "    b:z ,\n    b:a ." in formatted(text, Style(STYLE.prefixes, sorts_values=False))


def test_line_ends_and_a_byte_order_mark_are_mended_but_not_inside_of_literals():
    data = b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b'bell:anna # c\r\n  b:b """x\r\ny""" .\r\n'
    text = canonical(data, "x.ttl", STYLE)
    assert text == f'{HEAD}bell:anna\n  # c\n  b:b """x\r\ny""" .\n'


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "\n\n# a\n\n# b"])
def test_a_file_without_statements_keeps_its_comments(text):
    assert formatted(text) == (f"{text.strip()}\n" if text else "")


# --- comments --------------------------------------------------------------------------------------------

COMMENTED = """\
# Licence

# The graph
@base <https://bells.example/graph/anna> .
@prefix b: <https://bells.example/ontology#> .  # ours
@prefix bell: <https://bells.example/id/bell/> .

# Part one

# Anna
bell:anna
  # whose type
  a b:Bell ;  # a bell
  b:mass
    1 ,
    # more or less
    2 ;  # two
  b:cast [
    # in the year
    b:year 1702 ;
    # b:month 3 ;
  ] ;
  b:tones (
    "c"  # low
    "e"
    # no more
  ) ;
  # b:weight 3 ;
  .
# about Anna

bell:berta b:mass 2 .  # two

# The end
"""


def test_comments_stay_with_what_they_are_about():
    assert formatted(COMMENTED) == COMMENTED


def test_a_comment_goes_with_its_statement():
    text = f"{HEAD}bell:anna b:cast 1 ; # cast\n  # mass\n  b:mass 2 . # heavy\n"
    assert formatted(text) == f"{HEAD}bell:anna\n  # mass\n  b:mass 2 ;  # heavy\n  b:cast 1 .  # cast\n"


def test_the_comment_of_a_prefix_that_goes_stays():
    text = f"# old\n@prefix x: <http://x/> . # unused\n{HEAD}bell:anna a b:Bell .\n"
    assert formatted(text).startswith("# old\n@base")
    assert "\n\n# unused\n\nbell:anna a b:Bell .\n" in formatted(text)


# --- doubts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("<http://a> <http://b> .", 1, ""),
        ("@base <http://a/> .\n<x> <y> <z> .\n@base <http://b/> .\n<x> <y> <z> .", 3, "the file has two bases"),
        ("@prefix a: <http://a/> .\na:x a:y 1 .\n@prefix a: <http://b/> .\na:x a:y 2 .", 3, "the prefix a: is bound"),
        ("@prefix a: <b/> .\n@base <http://a/> .\na:x a:y 1 .", 1, ""),
        (f"<http://a> <http://b> {'[ <http://b> ' * 3000}1{' ]' * 3000} .", 1, ""),
        ("<http://a> <http://b> \x00 .", 1, ""),
    ],
)
def test_what_is_not_surely_understood_is_refused_with_its_place(text, line, problem):
    with pytest.raises(TurtleError) as error:
        canonical(text.encode(), "x.ttl", STYLE)
    assert (error.value.path, error.value.line) == ("x.ttl", line)
    assert error.value.problem.startswith(problem)
    assert error.value.problem


# --- any file --------------------------------------------------------------------------------------------

IRIS = st.sampled_from(
    ["<>", "<#a>", "<http://x/y>", "b:a", "b:b", "b:mass", "bell:anna", "bell:a-b", "x:y", "x:a.b", f"<{BELLS}c>", ":e"]
)
LITERALS = st.sampled_from(
    ['"a"', "'a'", '"a"@en', '"b"@EN-gb', '"""a\n#not-this"""', "1", "01", "1.50", "-2e3", "true", '"1" ^^ b:t',
     '"#not-this"', '"a\\"b"', "'''it's'''@fr"]
)  # fmt: skip


def node(inner):
    pairs = st.lists(st.tuples(st.sampled_from(["a", "b:a", "b:mass", "x:y"]), st.lists(inner, min_size=1, max_size=2)))
    return pairs.map(lambda found: ["[", *properties(found[:3]), "]"])


def properties(pairs):
    found = []
    for place, (verb, values) in enumerate(pairs):
        found += [";"] if place else []
        found.append(verb)
        for number, value in enumerate(values):
            found += [",", *value] if number else value
    return found


ATOMS = st.one_of(
    IRIS.map(lambda x: [x]), LITERALS.map(lambda x: x.split(" ")), st.sampled_from(["_:n", "_:m"]).map(lambda x: [x])
)
OBJECTS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        node(inner), st.lists(inner, max_size=3).map(lambda items: ["(", *[t for item in items for t in item], ")"])
    ),
    max_leaves=5,
)
BLOCKS = st.tuples(
    st.one_of(IRIS.map(lambda x: [x]), st.just(["_:n"]), st.just(["[", "]"])),
    st.lists(
        st.tuples(st.sampled_from(["a", "b:a", "b:mass", "x:y", ":e"]), st.lists(OBJECTS, min_size=1, max_size=3)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([["."], [";", "."], [";", ";", "."]]),
).map(lambda block: [*block[0], *properties(block[1]), *block[2]])
GAPS = st.sampled_from(
    [" "] * 6 + ["\n", "\n\n", "\r\n", "\t", " # c\n", "\n# d\n", "\n\n# e\n\n# f\n", " #\r\n#g\n  \n"]
)


@seed(8)
@settings(max_examples=400, deadline=None, database=None)
@given(st.lists(BLOCKS, max_size=4), st.data())
def test_any_file_keeps_its_graph_and_its_comments_and_is_not_changed_again(blocks, data):
    head = ["@base", "<http://x/>", ".", "@prefix", "x:", "<http://x/y>", ".", "@prefix", ":", "<http://e/>", "."]
    head += ["PREFIX", "b:", f"<{BELLS}>", "@prefix", "bell:", "<https://bells.example/id/bell/>", "."]
    parts = [*head, *(token for block in blocks for token in block)]
    gaps = data.draw(st.lists(GAPS, min_size=len(parts) + 1, max_size=len(parts) + 1))
    text = gaps[0] + "".join(part + gap for part, gap in zip(parts, gaps[1:], strict=True))
    found = formatted(text)
    assert graph(found) == graph(text)
    assert comments(found) == comments(text)
    assert not [line for line in found.split("\n") if line != line.rstrip(" ")]


@pytest.mark.parametrize(
    "text",
    [
        "@base <https://x.example/g> .  # ours\n@prefix a: <https://a.example/> .\na:a b:b c:c .\n",
        "# head\n\n@base <https://x.example/g> .\na:a b:b c:c .",
        "BASE <https://x.example/g>\na:a b:b c:c .",
        "a:a b:b c:c .",
    ],
)
def test_prefixes_of_the_table_that_a_file_uses_get_declared(text):
    style = Style({name: f"https://{name}.example/" for name in "abcd"})
    after = canonical(text.encode(), "x.ttl", style)
    assert [line for line in after.split("\n") if line.startswith("@prefix")] == [
        f"@prefix {name}: <https://{name}.example/> ." for name in "abc"
    ]
    assert canonical(after.encode(), "x.ttl", style) == after


def test_a_prefix_that_is_nowhere_is_refused_where_it_stands():
    with pytest.raises(TurtleError, match=r"x.ttl:2:5.*The prefix z: has not been declared"):
        canonical(b"@base <https://x.example/g> .\na:a z:b a:c .\n", "x.ttl", Style({"a": "https://a.example/"}))
