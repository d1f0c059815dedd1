"""Random edits and mutations of a graph's files, the same ones for the same seed."""

from __future__ import annotations

import random

from kg.project import Project, Role

#: What the mutations of a file put into it.
ODD = ["", " ", "\n", "\r\n", "\t", ".", ";", ",", "[", "]", "(", ")", "<", ">", '"', '"""', "'", "@en", "^^", "_:",
       ":", "#", "\\", "\\u", "\0", "\ufeff", "é", "\U0001f514", "a", "1", "@prefix", "<<", "{|"]  # fmt: skip


class Editor:
    """Adds and takes away statements of a project's files, one at a time."""

    def __init__(self, project: Project, seed: int) -> None:
        self.chance = random.Random(seed)
        reading = project.read()
        self.root = project.root
        self.lines: dict[str, list[str]] = {}
        self.heads: dict[str, str] = {}
        self.kept: dict[str, list[str]] = {}  # what files of the ontology say in brackets
        stated = [
            (role, document) for role in (Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)
            for document in reading.documents[role]
        ]  # fmt: skip
        self.subjects, self.verbs, self.objects = set(), set(), set()
        for role, document in stated:
            plain = [s for s in document.statements if not s.derived and "_:" not in f"{s.subject} {s.object}"]
            self.subjects |= {str(s.subject) for s in plain}
            self.verbs |= {str(s.predicate) for s in plain}
            self.objects |= {str(s.object) for s in plain}
            if role is Role.ONTOLOGY:
                self.heads[document.path], self.lines[document.path] = document.text, []
            else:
                self.heads[document.path] = f"@base {document.graph} .\n"
                self.lines[document.path] = [f"{s.subject} {s.predicate} {s.object} ." for s in plain]
        self.pools = [sorted(pool) for pool in (self.subjects, self.verbs, self.objects)]

    def edit(self) -> str:
        """Change one file and return what changed."""
        path = self.chance.choice(sorted(self.lines))
        lines = self.lines[path]
        if lines and self.chance.random() < 0.5:
            told = f"{path}: - {lines.pop(self.chance.randrange(len(lines)))}"
        else:
            lines.append(" ".join([*map(self.chance.choice, self.pools), "."]))
            told = f"{path}: + {lines[-1]}"
        (self.root / path).write_text(self.heads[path] + "\n".join(lines) + "\n", encoding="utf-8")
        return told


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a file with one thing wrong: a piece gone, doubled, moved, or something odd put into it."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice([0, 1, 1, 2, 5, 40]))
    match chance.randrange(5):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:end] + data[start:end] + data[end:]
        case 2:
            return data[:start] + bytes([chance.randrange(256)]) + data[end:]
        case 3:
            return data[:start]
        case _:
            return data[:start] + chance.choice(ODD).encode() + data[end:]
