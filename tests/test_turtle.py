"""Turtle is read with the place of every statement, names for blank nodes that last, and errors that point."""

import random

import pytest
from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, Literal, NamedNode, Quad, RdfFormat, parse

from kg.dates import EDTF
from kg.errors import DateError, TurtleError
from kg.turtle import excerpt_of, read_document, with_bounds

HEAD = "@base <http://x/> . @prefix : <http://x/#> .\n"


def read(text, path="x.ttl"):
    return read_document(text.encode(), path)


def places(text):
    return [(statement.line, statement.column) for statement in read(text).statements]


# --- places ---


def test_a_statement_has_the_place_of_its_object():
    assert places(HEAD + ":a :b :c ;\n  :d :e , :f .\n") == [(2, 7), (3, 6), (3, 11)]


def test_columns_count_characters_not_bytes():
    assert places(HEAD + ':a :é "日本" , :c .') == [(2, 7), (2, 14)]


def test_a_text_over_several_lines_stands_where_it_begins():
    assert places(HEAD + ':a :b """one\ntwo # no comment\n""" ; :c :d .') == [(2, 7), (4, 10)]


def test_line_ends_of_windows_count_as_one():
    text = (HEAD + ":a :b :c ;\n  :d :e .\n").replace("\n", "\r\n")
    assert places(text) == [(2, 7), (3, 6)]
    assert excerpt_of(text, 2) == ":a :b :c ;"


def test_comments_between_tokens_do_not_move_anything():
    assert places(HEAD + ":a # <x> .\n :b # ;\n :c . # :d\n") == [(4, 2)]


def random_object(chance, depth=0):
    kind = chance.random()
    if depth > 3 or kind < 0.3:
        return chance.choice(
            [
                ":a",
                "<b>",
                '"x"',
                '"y"@en',
                '"1"^^:dt',
                "3",
                "4.5",
                "-1e6",
                "true",
                '"""m\n"q" """',
                "'s'",
                ":a.b",
                ":x\\,y",
            ]
        )
    if kind < 0.6:
        return f"[ {random_predicates(chance, depth + 1)} ]" if chance.random() < 0.8 else "[]"
    return f"( {' '.join(random_object(chance, depth + 1) for _ in range(chance.randrange(4)))} )"


def random_predicates(chance, depth=0):
    return " ; ".join(
        f":p{i} " + " , ".join(random_object(chance, depth) for _ in range(1 + chance.randrange(2)))
        for i in range(1 + chance.randrange(3))
    )


def random_statements(chance):
    subjects = [":s", "_:b1", "( 1 :c )", "[ :i :j ]", "[]", "()"]
    return [f"{chance.choice(subjects)} {random_predicates(chance)} ." for _ in range(3)]


@pytest.mark.parametrize("part", range(6))
def test_each_object_of_a_random_document_stands_at_its_place(part):
    for seed in range(part * 100, part * 100 + 100):
        text = HEAD + "\n".join(random_statements(random.Random(seed)))
        document = read(text)
        lines = text.split("\n")
        parsed = list(parse(text.encode(), format=RdfFormat.TURTLE))
        assert len(parsed) == len(document.statements)
        for statement, quad in zip(document.statements, parsed, strict=True):
            here = lines[statement.line - 1][statement.column - 1 :]
            value, predicate = statement.object, statement.predicate.value
            assert predicate == quad.predicate.value
            if isinstance(value, BlankNode):
                assert isinstance(quad.object, BlankNode)
                assert here[0] in "[(" or here.startswith("_:b1") or predicate.endswith("rest"), (seed, here)
            elif isinstance(value, NamedNode):
                assert value == quad.object
                assert here[0] in ("()" if value.value.endswith("#nil") else ":<"), (seed, here)
            else:
                assert value == quad.object
                assert here[0] in "\"'" or here.startswith(value.value), (seed, here)
                assert value.value != "x" or here.startswith('"x"')


# --- blank nodes ---


def quads(document):
    return {(statement.subject, statement.predicate, statement.object) for statement in document.statements}


def canonical(text):
    dataset = Dataset(parse(text.encode(), format=RdfFormat.TURTLE))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in dataset}


@pytest.mark.parametrize("seed", range(60))
def test_blank_nodes_have_names_that_do_not_depend_on_order_or_whitespace(seed):
    chance = random.Random(seed)
    statements = random_statements(chance)
    # ":b1" joins what separate statements say of it; the others stand alone.
    one = read(HEAD + "\n".join(statements))
    chance.shuffle(statements)
    other = read(HEAD + "# moved\n" + "\n\n  ".join(statements).replace(" ; ", "\n ;\t").replace(" , ", ",\n"))
    assert quads(one) == quads(other)


@pytest.mark.parametrize("seed", range(60))
def test_naming_blank_nodes_changes_nothing_else(seed):
    text = HEAD + "\n".join(random_statements(random.Random(seed)))
    named = Dataset(Quad(*statement[:3]) for statement in read(text).statements)
    named.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    assert {str(quad) for quad in named} == canonical(text)


def test_blank_nodes_that_look_alike_stay_apart():
    document = read(HEAD + ":a :b [ ] , [ ] . _:x :next _:y . _:y :next _:z . _:z :next _:x .")
    nodes = {node for s in document.statements for node in s[:3] if isinstance(node, BlankNode)}
    assert len(document.statements) == 5
    assert len(nodes) == 5


def test_the_same_blank_node_in_another_graph_has_another_name():
    one = read("@base <http://x/1> . <a> <b> [ <c> 1 ] .")
    other = read("@base <http://x/2> . <a> <b> [ <c> 1 ] .")
    assert one.statements[0].subject != other.statements[1].subject
    names = [{t for s in d.statements for t in s[:3] if isinstance(t, BlankNode)} for d in (one, other)]
    assert not names[0] & names[1]


# --- terms ---


def test_literals_keep_their_text():
    (statement,) = read(HEAD + ":a :b 007 .").statements
    assert statement.object == Literal("007", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))


def test_the_graph_is_the_first_base():
    assert read("BASE <http://x/g>\n<> <p> <q> .").graph == NamedNode("http://x/g")
    document = read("# @base <http://no/> .\n@base <http://x/g> . <> <p> <q> . @base <http://y/> . <> <p> <q> .")
    assert document.graph == NamedNode("http://x/g")


def test_used_prefixes_are_those_in_names_and_datatypes():
    document = read(
        "@base <http://x/> . @prefix a: <http://a/> . @prefix b: <http://b/> . @prefix c: <http://c/> .\n"
        '@prefix d: <http://d/> . # d:no\na:x a:y "b:no"^^c:t , "d:no" .'
    )
    assert document.used_prefixes == {"a", "c"}


def test_prefix_declarations_have_their_namespace_and_place():
    (declared,) = read("@base <http://x/> .\n  PREFIX p: <rel#>\np:a p:b p:c .").prefixes
    assert declared == ("p", "http://x/rel#", 2, 3)


# --- what is not Turtle ---


@pytest.mark.parametrize("text", ["@base <http://x/> .", "@base <http://x/> .\n# nothing yet\n"])
def test_a_file_may_state_nothing(text):
    assert read(text).statements == []


@pytest.mark.parametrize(
    ("data", "line", "column", "problem"),
    [
        (b"", 1, 1, "the file does not name its graph"),
        (b"# only a comment\n", 1, 1, "the file does not name its graph"),
        (b"\xef\xbb\xbf@base <http://x/> .", 1, 1, "the file starts with a byte order mark"),
        (b'@base <http://x/> .\n<a> <b> "\xc3\xa9\xff" .', 2, 11, "byte 0xFF is not UTF-8"),
        ("@base <http://x/> .".encode("utf-16"), 1, 1, "byte 0xFF is not UTF-8"),
        (b"<a> <b> <c> .", 1, 1, ""),
        (b"@base <http://x/> .\n<a> <b> .", 2, 9, ""),
        (b"@base <http://x/> .\n<a> <b> <c>", 2, 12, ""),
        (b"@base <http://x/> .\n<a> nope:b <c> .", 2, 5, "nope:"),
        (b"@base <http://x/> .\n<a> <b> \x00 .", 2, 9, ""),
        (b'@base <http://x/> .\n<a> <b> "one\ntwo" .', 2, 9, "quotation mark is not closed"),
        (b'@base <http://x/> .\n<a> <b> "one .\n<a> <b> <c> .', 2, 9, '" is opened here and never closed'),
        (b"@base <http://x/> .\n<a> <b> <c>\n<a> <b> <c> .", 3, 1, "a dot, semicolon or comma is missing before this"),
        (b"@base <http://x/> .\n<a> <b> c .", 2, 9, "found c; expected a value"),
        (b"@base <http://x/> .\n<a> b <c> .", 2, 5, "found b; expected a property"),
    ],
)
def test_what_is_not_turtle_is_an_error_with_its_place(data, line, column, problem):
    with pytest.raises(TurtleError) as error:
        read_document(data, "a/b.ttl")
    found = error.value
    assert (found.path, found.line) == ("a/b.ttl", line)
    assert abs(found.column - column) <= 3
    assert problem in found.problem
    assert found.problem
    assert str(found).startswith(f"a/b.ttl:{line}:")


def test_an_error_quotes_its_line_without_its_end():
    with pytest.raises(TurtleError) as error:
        read("@base <http://x/> .\r\n<a> <b> .\r\n")
    assert error.value.excerpt == "<a> <b> ."


@pytest.mark.parametrize(
    "text", [":a :b <<( :c :d :e )>> .", ":a :b :c {| :d :e |} .", ':a :b "c"@en--ltr .', "<< :a :b :c >> :d :e ."]
)
def test_rdf_1_2_is_refused_with_a_reason(text):
    with pytest.raises(TurtleError):
        read(HEAD + text)


def test_a_zero_byte_inside_a_text_is_kept_or_refused_but_never_a_crash():
    try:
        (statement,) = read(HEAD + ':a :b "c\0d" .').statements
    except TurtleError:
        return
    assert statement.object.value == "c\0d"


def test_an_excerpt_is_cut_to_a_width():
    assert excerpt_of("a" * 500, 1, width=10) == "a" * 9 + "…"
    assert excerpt_of("one", 5) == ""


# --- bounds of dates ---

DATE, FIRST, LAST = (NamedNode(f"http://x/#{name}") for name in ("date", "first", "last"))


def dated(literal):
    return with_bounds(
        read(f"{HEAD}@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .\n:a :date {literal} ."), {DATE: (FIRST, LAST)}
    )


def test_a_date_gets_its_two_bounds_at_its_own_place():
    document, errors = dated('"2018-09"^^edtf:EDTF')
    assert errors == []
    assert [(s.predicate, s.object.value, s.line, s.column, s.derived) for s in document.statements] == [
        (DATE, "2018-09", 3, 10, False),
        (FIRST, "2018-09-01", 3, 10, True),
        (LAST, "2018-09-30", 3, 10, True),
    ]


def test_an_open_end_gets_no_bound():
    document, _ = dated('"2018/.."^^edtf:EDTF')
    assert [s.predicate for s in document.statements] == [DATE, FIRST]


@pytest.mark.parametrize(
    ("literal", "problem"),
    [('"last year"^^edtf:EDTF', '"last year" is not an EDTF level 1 date'), ('"2018"', "is not typed as an EDTF date")],
)
def test_a_wrong_date_is_an_error_at_its_place(literal, problem):
    _, (error,) = dated(literal)
    assert isinstance(error, DateError)
    assert (error.line, error.column) == (3, 10)
    assert problem in error.problem


def test_an_edtf_date_of_any_property_is_checked():
    document = read(f'{HEAD}:a :other "never"^^<{EDTF}> .')
    same, (error,) = with_bounds(document, {})
    assert same is document
    assert error.problem.startswith('"never" is not')
