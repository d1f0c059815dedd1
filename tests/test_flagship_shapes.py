"""Each constraint of the flagship's shapes has an example that breaks it, and each shape one that is right.

The folders of tests/shapes mirror the files of shapes/:

    relations/Membership.ttl                         right: nothing is found; it uses every path of its shape
    relations/Membership-organization.minCount.ttl   wrong: breaks sh:minCount of cns:Membership-organization
    locators/DoubtExplained.or.only-french.ttl       wrong in one more way: add as many as a constraint needs

An example begins with a sentence about itself. If it is wrong, the exact report follows, in English and French.
It declares no prefix, as it has the project's, and it is checked by the code that users run, as a source of its own
beside the ontology and tests/shapes/register.ttl. A line `# Another source:` begins a second source in it.
Shapes marked kg:wholeGraph see all their examples together, so each of these has nodes of its own.

To add an example: write the sentence, an empty line and the Turtle; then have all reports written anew, and read
the diff like code:

    KG_RENEW=1 .venv/bin/pytest tests/test_flagship_shapes.py
"""

import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, NamedNode
from pyshacl.constraints import CONSTRAINT_PARAMETERS_MAP
from tests.building import ROOT

from kg.errors import DateError
from kg.findings import Finding, Severity
from kg.project import Reading, Role, open_project
from kg.shapes import validate
from kg.turtle import Document, Statement
from kg.vocabulary import KG, RDF, RDFS, SH

FOLDER = ROOT / "tests" / "shapes"
RENEW = bool(os.environ.get("KG_RENEW"))

TARGETS = {SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf}
# sh:property only leads to a shape, whose constraints count; the others change what another parameter means.
PARAMETERS = {NamedNode(str(name)) for name in CONSTRAINT_PARAMETERS_MAP} - {
    SH.property,
    SH.flags,
    SH.ignoredProperties,
    SH.qualifiedValueShape,
    SH.qualifiedValueShapesDisjoint,
}
COUNTS = {SH.qualifiedMinCount, SH.qualifiedMaxCount}


# --- examples --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A file of tests/shapes: its sentence, the report that it expects, and its Turtle."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def name(self) -> str:
        return self.path.relative_to(FOLDER).with_suffix("").as_posix()

    @property
    def is_right(self) -> bool:
        return "." not in self.path.stem

    @cached_property
    def header(self) -> list[str]:
        """The comment at the top, line by line: the sentence, then the report."""
        lines = self.text.split("\n")
        return lines[: next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))]

    def breaks(self, constraint: str) -> bool:
        return f"{self.path.stem}.".startswith(f"{constraint}.")

    def sources(self) -> list[str]:
        """Return the Turtle of each source, with empty lines for what stands before it in the file."""
        parts = re.split(r"(?=^# Another source:)", self.text, flags=re.MULTILINE)
        before = ["".join(parts[:n]).count("\n") for n in range(len(parts))]
        return ["\n" * lines + part for lines, part in zip(before, parts, strict=True)]

    def with_report(self, report: list[str]) -> str:
        """Return the file with another report."""
        return "\n".join([self.header[0], *report, *self.text.split("\n")[len(self.header) :]])


EXAMPLES = [Example(path) for path in sorted(FOLDER.glob("*/*.ttl"))]


# --- constraints -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constraint:
    """A statement of the shapes that something can break."""

    #: The named shape that states it, or in which the shape without a name stands that does.
    shape: NamedNode
    #: The name of its examples, such as `Membership-actor.minCount`; for a part of a constraint only the shape's.
    name: str
    document: Document
    statement: Statement
    #: The statement, and what could not stand without it.
    removal: frozenset[Statement]

    @property
    def is_part(self) -> bool:
        """True for what a shape without a name states, within sh:or for one: it can only break with the whole."""
        return self.statement.subject != self.shape

    def __str__(self) -> str:
        return f"{self.name} ({self.document.path}:{self.statement.line})"


@dataclass(frozen=True)
class Shapes:
    """The shapes of a project as statements."""

    documents: list[Document]

    @cached_property
    def statements(self) -> dict[NamedNode | BlankNode, list[tuple[Document, Statement]]]:
        found = defaultdict(list)
        for document in self.documents:
            for statement in document.statements:
                found[statement.subject].append((document, statement))
        return found

    @cached_property
    def above(self) -> dict[BlankNode, Statement]:
        """The statement in which a node without a name stands."""
        return {
            statement.object: statement
            for about in self.statements.values()
            for _, statement in about
            if isinstance(statement.object, BlankNode)
        }

    def objects(self, subject: NamedNode, *predicates: NamedNode) -> list:
        return [s.object for _, s in self.statements.get(subject, ()) if s.predicate in predicates]

    def is_marked(self, shape: NamedNode, mark: NamedNode) -> bool:
        return any(value.value == "true" for value in self.objects(shape, mark))

    @cached_property
    def constraints(self) -> list[Constraint]:
        found: list[Constraint] = []
        for subject, about in self.statements.items():
            shape = subject
            while isinstance(shape, BlankNode) and shape in self.above:
                shape = self.above[shape].subject
            if isinstance(shape, BlankNode) or self.is_marked(shape, SH.deactivated):
                continue
            stated = [(document, statement) for document, statement in about if statement.predicate in PARAMETERS]
            how_many = Counter(statement.predicate for _, statement in stated)
            counted = {
                s for _, s in about if s.predicate == SH.qualifiedValueShape and len(COUNTS & set(how_many)) == 1
            }
            number: Counter[NamedNode] = Counter()
            for document, statement in stated:
                name = local(shape)
                if subject == shape:
                    name += f".{local(statement.predicate)}"
                    if how_many[statement.predicate] > 1:
                        number[statement.predicate] += 1
                        value = statement.object
                        name += f".{local(value) if isinstance(value, NamedNode) else number[statement.predicate]}"
                removal = frozenset({statement} | (counted if statement.predicate in COUNTS else set()))
                found.append(Constraint(shape, name, document, statement, removal))
        return found

    @cached_property
    def of_whole_graph(self) -> set[str]:
        """The shapes that see everything at once: those marked, and the property shapes that only these name."""
        nodes = [subject for subject in self.statements if isinstance(subject, NamedNode)]
        marked = {shape for shape in nodes if self.is_marked(shape, KG.wholeGraph)}
        named: dict[NamedNode, set[NamedNode]] = defaultdict(set)
        for shape in nodes:
            for value in self.objects(shape, SH.property):
                named[value].add(shape)
        return {local(s) for s in marked | {shape for shape, by in named.items() if by <= marked}}

    @cached_property
    def aimed(self) -> dict[str, tuple[NamedNode, Document]]:
        """The shapes with targets, by the name of their right example."""
        return {
            local(subject): (subject, about[0][0])
            for subject, about in self.statements.items()
            if isinstance(subject, NamedNode)
            and any(statement.predicate in TARGETS for _, statement in about)
            and not self.is_marked(subject, SH.deactivated)
        }

    def meant_by(self, example: Example) -> set[str]:
        """The shapes that an example is about: one, and if that has targets, those that it names."""
        name = example.path.stem.split(".")[0]
        shape, _ = self.aimed.get(name, (None, None))
        return {name, *(local(part) for part in (self.objects(shape, SH.property) if shape else ()))}


def local(term: NamedNode) -> str:
    return re.split("[#/]", term.value)[-1]


# --- a project of examples -------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """The flagship's ontology and shapes with the examples as its sources, read once."""

    root: Path
    reports: dict[str, dict[Example, list[Finding]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("ontology", "shapes"):
            shutil.copytree(ROOT / folder, self.root / folder)
        shutil.copyfile(ROOT / "kg.toml", self.root / "kg.toml")
        self.write("register/register.ttl", (FOLDER / "register.ttl").read_text(encoding="utf-8"))
        for name, (example, number) in self.sources.items():
            self.write(f"sources/{name}", example.sources()[number])

    def write(self, name: str, text: str) -> None:
        """Write a data file with all prefixes in its first line, which is a comment or empty."""
        assert text.startswith(("#", "\n")), f"{name} begins with a sentence about itself, as a comment"
        prefixes = " ".join(f"@prefix {prefix}: <{iri}> ." for prefix, iri in self.project.prefixes.items())
        path = self.root / "data" / "turtle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        graph = f"{self.project.settings.base_iri}graph/{name.removesuffix('.ttl')}"
        path.write_text(f"@base <{graph}> . {prefixes} {text}", encoding="utf-8")

    @cached_property
    def sources(self) -> dict[str, tuple[Example, int]]:
        return {
            f"{example.name}{f'_{number + 1}' if number else ''}.ttl": (example, number)
            for example in EXAMPLES
            for number in range(len(example.sources()))
        }

    def example_of(self, path: str) -> Example | None:
        found = self.sources.get(path.removeprefix("data/turtle/sources/"))
        return found[0] if found else None

    @cached_property
    def project(self):
        return open_project(self.root)

    @cached_property
    def reading(self) -> Reading:
        return self.project.read()

    @cached_property
    def shapes(self) -> Shapes:
        return Shapes(list(self.reading.documents[Role.SHAPES]))

    def is_of_whole_graph(self, example: Example) -> bool:
        return example.path.stem.split(".")[0] in self.shapes.of_whole_graph

    def check(
        self, examples: Collection[Example], *, without: Collection[Statement] = (), language: str = "en"
    ) -> dict[Example | None, list[Finding]]:
        """Return what is found in each example; under None, what is found elsewhere."""
        found: dict[Example | None, list[Finding]] = {None: [], **{example: [] for example in examples}}
        for whole in (False, True):
            asked = {example for example in examples if self.is_of_whole_graph(example) is whole}
            if not asked:
                continue
            sources = [d for d in self.reading.documents[Role.SOURCE] if self.example_of(d.path) in asked]
            shapes = [
                replace(d, statements=[s for s in d.statements if s not in without]) if without else d
                for d in self.shapes.documents
            ]
            documents = {**self.reading.documents, Role.SOURCE: sources, Role.SHAPES: shapes}
            for finding in validate(self.project, replace(self.reading, documents=documents), language=language):
                assert finding.rule != "shapes", finding
                example = self.example_of(finding.path)
                rule = finding.rule.removeprefix("cns:")
                # Examples for one source are not looked at together, whatever they would be then; and what is
                # still to be looked for is told in the examples of the shape that asks for it only.
                if rule in self.shapes.of_whole_graph and not whole:
                    continue
                if finding.severity is Severity.INFO and example and rule not in self.shapes.meant_by(example):
                    continue
                found[example].append(finding)
        return found

    def findings(self, language: str) -> dict[Example | None, list[Finding]]:
        if language not in self.reports:
            self.reports[language] = self.check(EXAMPLES, language=language)
        return self.reports[language]

    def report(self, example: Example, *, shift: int = 0) -> list[str]:
        """Return the report of an example as the lines of its header."""
        lines: list[str] = []
        for en, fr in zip(*(self.findings(language)[example] for language in ("en", "fr")), strict=True):
            assert replace(en, message=fr.message) == fr
            lines += [
                f"# {en.line + shift}:{en.column} {en.severity} {en.rule}",
                f"#   {en.message}",
                f"#   {fr.message}",
            ]
        return lines


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("shapes"))


def rounds(constraints: Collection[Constraint]) -> Iterator[list[Constraint]]:
    """Deal constraints into as few rounds as possible, none with two of the same shape."""
    by_shape: dict[NamedNode, list[Constraint]] = defaultdict(list)
    for constraint in constraints:
        by_shape[constraint.shape].append(constraint)
    while any(by_shape.values()):
        yield [left.pop() for left in by_shape.values() if left]


def statements_of(removed: Collection[Constraint]) -> set[Statement]:
    return {statement for constraint in removed for statement in constraint.removal}


# --- tests -----------------------------------------------------------------------------------------------


def test_examples_can_be_read_and_the_register_is_right(world):
    """What is no EDTF date where one is due is the reader's finding too, beside that of a shape."""
    assert [error for error in world.reading.errors if not isinstance(error, DateError)] == []
    assert not [error.path for error in world.reading.errors if world.example_of(error.path).is_right]
    elsewhere = world.findings("en")[None]
    assert [f for f in elsewhere if f.rule.removeprefix("cns:") not in world.shapes.of_whole_graph] == []


def test_every_constraint_has_an_example_that_breaks_it(world):
    missing = [
        f"{constraint}: write tests/shapes/{Path(constraint.document.path).stem}/{constraint.name}.ttl"
        for constraint in world.shapes.constraints
        if not constraint.is_part
        and not any(
            example.breaks(constraint.name) and example.path.parent.name == Path(constraint.document.path).stem
            for example in EXAMPLES
        )
    ]
    assert not missing, "\n".join(["constraints without a wrong example:", *missing])


def test_every_property_shape_has_a_name(world):
    """Reports and examples go by it."""
    nameless = [
        f"{document.path}:{statement.line}: name this property shape"
        for about in world.shapes.statements.values()
        for document, statement in about
        if statement.predicate == SH.property
        and isinstance(statement.subject, NamedNode)
        and isinstance(statement.object, BlankNode)
    ]
    assert not nameless, "\n".join(nameless)


def test_every_shape_with_targets_has_an_example_that_is_right(world):
    there = {example.name for example in EXAMPLES}
    missing = [
        f"write tests/shapes/{Path(document.path).stem}/{name}.ttl"
        for name, (_, document) in world.shapes.aimed.items()
        if f"{Path(document.path).stem}/{name}" not in there
    ]
    assert not missing, "\n".join(["shapes without a right example:", *missing])


def test_every_example_is_about_something_that_is_in_the_shapes(world):
    names = [constraint.name for constraint in world.shapes.constraints if not constraint.is_part]
    stray = [
        f"tests/shapes/{example.name}.ttl"
        for example in EXAMPLES
        if not (example.path.stem in world.shapes.aimed if example.is_right else any(map(example.breaks, names)))
    ]
    assert not stray, "\n".join(["examples of shapes or constraints that are gone: delete or rename them", *stray])


def test_a_right_example_uses_every_path_of_its_shape(world):
    wanting = []
    stated_in = defaultdict(list)
    for document in world.reading.documents[Role.SOURCE]:
        stated_in[world.example_of(document.path)] += document.statements
    above = defaultdict(set)
    for document in world.reading.documents[Role.ONTOLOGY]:
        for statement in document.statements:
            if statement.predicate == RDFS.subClassOf:
                above[statement.subject].add(statement.object)
    for example in filter(lambda example: example.is_right, EXAMPLES):
        shape, _ = world.shapes.aimed.get(example.path.stem, (None, None))
        if shape is None:
            continue
        used = {statement.predicate for statement in stated_in[example]}
        kinds = {statement.object for statement in stated_in[example] if statement.predicate == RDF.type}
        while any(above[kind] - kinds for kind in list(kinds)):
            kinds |= {upper for kind in list(kinds) for upper in above[kind]}
        classes = world.shapes.objects(shape, SH.targetClass)
        if classes and not kinds & set(classes):
            wanting.append(f"{example.name}: nothing in it is checked by {local(shape)}")
        for part in world.shapes.objects(shape, SH.property):
            allowed = not any(limit.value == "0" for limit in world.shapes.objects(part, SH.maxCount))
            for path in world.shapes.objects(part, SH.path) if allowed else ():
                if isinstance(path, NamedNode) and path not in used:
                    wanting.append(f"{example.name}: add {world.project.compact(path.value)}")
    assert not wanting, "\n".join(wanting)


def test_examples_for_the_whole_graph_share_no_nodes(world):
    """They are looked at together: the one would be blamed for the other."""
    described = defaultdict(set)
    for document in world.reading.documents[Role.SOURCE]:
        example = world.example_of(document.path)
        if world.is_of_whole_graph(example):
            for statement in document.statements:
                described[statement.subject].add(example.name)
    assert [names for names in described.values() if len(names) > 1] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_report_of_an_example_is_the_one_in_its_header(world, example):
    if RENEW:
        shift = 1 + len(world.report(example)) - len(example.header)
        example.path.write_text(example.with_report(world.report(example, shift=shift)), encoding="utf-8")
    else:
        assert example.header[1:] == world.report(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_right_example_has_no_findings_and_a_wrong_one_has_one_of_its_shape(world, example):
    rules = {finding.rule for finding in world.findings("en")[example]}
    assert rules == set() if example.is_right else f"cns:{example.path.stem.split('.')[0]}" in rules


def test_without_a_constraint_what_breaks_it_is_not_found(world):
    """So each constraint does something, and each example breaks the one that it is named after."""
    wrong = []
    for removed in rounds([constraint for constraint in world.shapes.constraints if not constraint.is_part]):
        of = {example: c for c in removed for example in EXAMPLES if example.breaks(c.name)}
        for example, findings in world.check(of, without=statements_of(removed)).items():
            if example and any(finding.rule == f"cns:{local(of[example].shape)}" for finding in findings):
                wrong.append(f"{example.name}: the same shape objects without {of[example]}")
    assert not wrong, "\n".join(wrong)


def test_without_a_part_of_a_constraint_some_example_has_another_report(world):
    """What stands in sh:or, sh:not and the like is needed too, each piece of it."""
    idle = []
    for removed in rounds([constraint for constraint in world.shapes.constraints if constraint.is_part]):
        names = {local(constraint.shape): constraint for constraint in removed}
        files = {Path(constraint.document.path).stem for constraint in removed}
        of = [
            example
            for example in EXAMPLES
            if example.path.stem.split(".")[0] in names or (example.is_right and example.path.parent.name in files)
        ]
        found = world.check(of, without=statements_of(removed))
        for name, constraint in names.items():
            rule = f"cns:{name}"
            before, after = (
                [finding for example in of for finding in findings[example] if finding.rule == rule]
                for findings in (world.findings("en"), found)
            )
            if before == after:
                predicate = world.project.compact(constraint.statement.predicate.value)
                idle.append(f"{constraint}: add an example {name}.….ttl that only {predicate} refuses")
    assert not idle, "\n".join(idle)
