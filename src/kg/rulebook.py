"""What each rule of `kg check` is for, in a sentence: docs/reference/checks.md says the same."""

from __future__ import annotations

__all__ = ["RULES", "help_of"]

#: By the name of the rule; one that ends with … stands for all that begin so. Rules of shapes are the shapes' own.
RULES = {
    "syntax": "A file is Turtle 1.1 in UTF-8 and can be read.",
    "date": "A date is written in EDTF level 1 and typed as such.",
    "prefix": "A file declares the prefixes that it uses, no others, and all as the prefix table binds them.",
    "graph": "Each file has a graph of its own, and a header that names the source.",
    "locator": "What a source file says can be followed to a passage.",
    "term": "Classes and properties are defined by the ontology or by a known vocabulary.",
    "link": "What is linked is described, under its own name, in one register file.",
    "same-name": "Things of one class have names that tell them apart.",
    "scheme": "An IRI is written with http or with https, the same everywhere.",
    "language": "Texts say in which language they are, and truly.",
    "value": "A value is one of its datatype.",
    "idle-source": "Something uses every source of the register.",
    "published": "What was published stays described, if only as deprecated.",
    "hierarchy": "Nothing is below itself: classes, properties and concepts form no circle.",
    "axiom": "Every axiom of the ontology has a rule, so that it does what it says.",
    "profile": "The ontology keeps to the datatypes of OWL 2 RL.",
    "kind": "A name means one kind of thing: a class, or one kind of property.",
    "P04-unconnected": "A term is used by an axiom, by data, by a shape or by a view.",
    "P05-inverse": "The domains and ranges of inverse properties fit.",
    "P25-inverse": "No property is its own inverse; it is symmetric.",
    "P26-inverse": "A symmetric property has no other inverse.",
    "P08-label": "A term has a label in each language of the graph.",
    "P08-definition": "A term has a definition in each language of the graph, where others of its kind have one.",
    "P08-language": "Labels and definitions say in which language they are.",
    "P10-disjoint": "Kinds that nothing can be two of are disjoint.",
    "P19-domain": "A property has one domain: several mean their intersection.",
    "P19-range": "A property has one range: several mean their intersection.",
    "P22-name": "Names of classes are in UpperCamelCase, names of properties in lowerCamelCase.",
    "P27-equivalent": "Equivalent properties are of one kind, and not disjoint.",
    "P31-equivalent": "Equivalent classes are classes, and not disjoint.",
    "P33-chain": "A chain has at least two properties.",
    "P38-header": "A file says that the ontology is one.",
    "missing_ontology_…": "The ontology's header has what catalogues and readers look for.",
    "multiple_labels": "A term has one label in each language; other names are alternative labels.",
    "duplicate_label": "No two terms of a kind have the same label.",
    "duplicate_definition": "No two terms have the same definition, and none repeats its label.",
    "annotation_whitespace": "Labels and definitions are on one line, trimmed.",
    "deprecated_class_reference": "What is deprecated is no longer used.",
    "deprecated_property_reference": "What is deprecated is no longer used.",
    "deprecated_individual_reference": "What is deprecated is no longer used.",
    "deprecated_datatype_reference": "What is deprecated is no longer used.",
    "deprecated-successor": "What is deprecated names its successor.",
    "deprecated_boolean_datatype": "owl:deprecated is true or false.",
    "inconsistent": "What one source says, with ontology and register, can hold together.",
    "disagreement": "What several sources say can hold together.",
    "shapes": "A shape works, and names only what is there.",
    "view": "A view can be asked, and its header fits its query.",
}


def help_of(rule: str) -> str:
    """Return what a rule is for; "" for one that a shape defines."""
    beginnings = (text for name, text in RULES.items() if name.endswith("…") and rule.startswith(name[:-1]))
    return RULES.get(rule) or next(beginnings, "")
