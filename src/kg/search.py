"""The search index: what things are called, in how many spellings, which of them a few typed words mean."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg.labels import sort_key
from kg.vocabulary import KG

if TYPE_CHECKING:
    from kg.snapshot import Snapshot

__all__ = [
    "ACRONYM", "OTHER", "PREFERRED", "Found", "Name", "acronym", "fold", "marked", "matching", "names_of", "search",
    "slips", "words", "write_index",
]  # fmt: skip

#: Ranks of names: the one that pages show, one that a file gives besides, and the initials of one.
PREFERRED, OTHER, ACRONYM = 0, 1, 2

# More words than these say no more, and each costs a look into the index.
_MOST_WORDS = 12
# Words that look alike are compared letter by letter; so many of them, the likeliest first.
_CANDIDATES = 120
# A shorter word is half changed by one letter; in one up to the second length, one slip is forgiven, not two.
_SHORTEST, _SHORT = 4, 5

# How well a thing fits, the best first. Of two that fit equally well, the one with more links to it comes first;
# relations have the names of what they link, so they come after all things unless one is named outright.
_BEGINNING = """
WITH hit (entity, tier) AS (
  SELECT entity, rank > 0 FROM name WHERE folded = :text
  UNION ALL SELECT entity, 2 FROM name WHERE rank = 0 AND folded > :text AND folded < :text || char(0x10FFFF)
"""
_ANYWHERE = """
  UNION ALL SELECT rowid, 3 FROM search WHERE search MATCH :whole
  UNION ALL SELECT rowid, 4 FROM search WHERE search MATCH :names
  UNION ALL SELECT rowid, 5 FROM search WHERE search MATCH :others
  UNION ALL SELECT rowid, 6 FROM search WHERE search MATCH :anywhere
"""
_BEST = """
)
SELECT hit.entity, MIN(hit.tier) AS best FROM hit JOIN entity ON entity.term = hit.entity
LEFT JOIN class ON class.class = :relation AND class.entity = hit.entity
WHERE class.class IS NULL OR hit.tier < 2 OR :relations
GROUP BY hit.entity
ORDER BY best > 1 AND class.class IS NOT NULL, best, links DESC, sort, hit.entity LIMIT :limit
"""
_INSIDE = """
SELECT name.entity FROM name JOIN entity ON entity.term = name.entity
WHERE rank < 2 AND instr(folded, :text) GROUP BY name.entity ORDER BY MIN(rank), links DESC, sort, term LIMIT :limit
"""


@dataclass(frozen=True)
class Name:
    """One name of a thing, and whether it is the one that pages show (see PREFERRED)."""

    text: str
    language: str
    rank: int


@dataclass(frozen=True)
class Found:
    """The things that were found, by number and best first, and the words by which: other ones where nothing has
    the ones that were typed. `instead` has further guesses at what was meant.
    """

    text: str
    entities: Sequence[int] = ()
    instead: Sequence[str] = ()


def fold(text: str) -> str:
    """Return a text as names are compared: its words alone, without case and accents.

    >>> fold("Sainte-Cécile, ŒUVRE d’été")
    'sainte cecile oeuvre d ete'
    """
    return " ".join(words(text))


def words(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    return _WORD.findall(sort_key(text))


_WORD = re.compile(r"[^\W_]+")


def acronym(name: str) -> str:
    """Return the initials of a name that is written with capitals; nothing where they are fewer than two.

    >>> acronym("United Bells and Lofty Girders"), acronym("a bell")
    ('ublg', '')
    """
    initials = [word[0] for word in re.findall(r"[^\W\d_]+", name) if word[0].isupper() and not word[1:].isupper()]
    return fold("".join(initials)) if len(initials) > 1 else ""


def grams(word: str) -> set[str]:
    """Return the pairs of letters by which words that look alike are found; the first letter counts as one."""
    padded = f"^{word}"
    return {padded[at : at + 2] for at in range(len(word))}


# --- looking --------------------------------------------------------------------------------------------


def search(snapshot: Snapshot, text: str, *, limit: int = -1) -> Found:
    """Return what has all the words of a text, each perhaps unfinished; where nothing has, what was likely meant."""
    asked = _asked(text)
    if not asked:
        return Found(text)
    if found := _fitting(snapshot, asked, limit):
        return Found(text, found)
    joined = " ".join(asked)
    if len(joined) > 1 and (inside := snapshot.rows(_INSIDE, {"text": joined, "limit": limit})):
        return Found(text, [number for (number,) in inside])
    guesses = [guess for guess in _guesses(snapshot, asked) if guess != joined]
    fitting = ((guess, _fitting(snapshot, guess.split(), limit)) for guess in guesses)
    known = [(guess, found) for guess, found in fitting if found]
    if not known:
        return Found(text, instead=_fewer(snapshot, asked))
    return Found(known[0][0], known[0][1], [guess for guess, _ in known[1:]])


def _asked(text: str) -> list[str]:
    found = words(text)
    if len(found) > 1 and all(len(word) == 1 for word in found):  # an acronym with dots
        return ["".join(found)]
    return found[:_MOST_WORDS]


def _fitting(snapshot: Snapshot, asked: Sequence[str], limit: int) -> list[int]:
    begun = " ".join(f'"{word}" *' for word in asked)
    values = {
        "text": " ".join(asked),
        "whole": "names : (" + " ".join(f'"{word}"' for word in asked) + ")",
        "names": f"names : ({begun})",
        "others": f"{{names others}} : ({begun})",
        "anywhere": begun,
        "relation": snapshot.id_of(KG.Relation),
        "limit": limit,
    }
    # Whoever wants a few finds them at the beginnings of names mostly, which is a look into one index.
    few = snapshot.rows(_BEGINNING + _BEST, values | {"relations": False}) if limit > 0 else []
    if len(few) < limit or not few:
        few = snapshot.rows(_BEGINNING + _ANYWHERE + _BEST, values | {"relations": True})
    return [number for number, _ in few]


def _fewer(snapshot: Snapshot, asked: Sequence[str]) -> list[str]:
    """Return the question without one of its words, where that is found."""
    if len(asked) < 2:
        return []
    shorter = [" ".join([*asked[:at], *asked[at + 1 :]]) for at in range(len(asked) - 1, -1, -1)]
    return [text for text in shorter if _fitting(snapshot, text.split(), 1)][:3]


def _guesses(snapshot: Snapshot, asked: Sequence[str]) -> list[str]:
    """Return what the words may have been meant to be, likeliest first: each unknown one is put right."""
    choices: list[Sequence[str]] = []
    for word in asked:
        known = snapshot.rows("SELECT 1 FROM word WHERE text >= ?1 AND text < ?1 || char(0x10FFFF) LIMIT 1", (word,))
        choices.append([word] if known else _alike(snapshot, word)[:3] or [word])
    best = [choice[0] for choice in choices]
    guesses = [best]
    for place, choice in enumerate(choices):
        guesses += [[*best[:place], other, *best[place + 1 :]] for other in choice[1:]]
    return [" ".join(guess) for guess in guesses]


def _alike(snapshot: Snapshot, word: str) -> list[str]:
    """Return the words of names that are few slips of the keyboard away from one, the nearest and commonest first."""
    if len(word) < _SHORTEST:
        return []
    most = 1 if len(word) <= _SHORT else 2
    pairs = sorted(grams(word))
    rows = snapshot.rows(
        "SELECT text, uses FROM gram JOIN word ON word.id = gram.word "
        f"WHERE gram IN ({','.join('?' * len(pairs))}) AND length(text) >= ? "
        "GROUP BY word.id ORDER BY COUNT(*) DESC, abs(length(text) - ?) LIMIT ?",
        (*pairs, len(word) - most, len(word), _CANDIDATES),
    )
    found = []
    for text, uses in rows:
        if len(word) <= _SHORT and text[0] != word[0]:  # of a short word too little is left
            continue
        whole, begun = slips(word, text)
        if min(whole, begun) <= most:
            # The end of a word may not be typed yet; but a whole word is the likelier meaning.
            found.append((min(whole, begun + 1), text[0] != word[0], -uses, text))
    return [text for *_, text in sorted(found)]


def slips(typed: str, word: str) -> tuple[int, int]:
    """Return how many letters are missing, added, wrong or swapped in a word, and in the best beginning of it.

    >>> slips("campanlie", "campanile"), slips("carill", "carillons")
    ((1, 1), (3, 0))
    """
    before: list[int] = []
    row = list(range(len(word) + 1))
    for at, letter in enumerate(typed, start=1):
        last, row = (before, row), [at]
        for place, other in enumerate(word, start=1):
            cost = min(last[1][place] + 1, row[place - 1] + 1, last[1][place - 1] + (letter != other))
            if at > 1 and place > 1 and letter == word[place - 2] and typed[at - 2] == other:
                cost = min(cost, last[0][place - 2] + 1)
            row.append(cost)
        before = last[1]
    return row[-1], min(row)


# --- why something was found ----------------------------------------------------------------------------


def names_of(snapshot: Snapshot, entities: Iterable[int]) -> Mapping[int, Sequence[Name]]:
    """Return every name of some things by their numbers, the ones that pages show first."""
    numbers = list(entities)
    found: dict[int, list[Name]] = {}
    for start in range(0, len(numbers), 500):
        some = numbers[start : start + 500]
        for number, text, language, rank in snapshot.rows(
            "SELECT entity, text, language, rank FROM name "
            f"WHERE entity IN ({','.join('?' * len(some))}) ORDER BY entity, rank, language, text",
            some,
        ):
            found.setdefault(number, []).append(Name(text, language, rank))
    return found


def matching(name: Name, asked: Sequence[str]) -> int:
    """Return how well a name fits the words that are asked for: 0 not at all, more is better."""
    text = " ".join(asked)
    # The row of an acronym has the whole name for its text.
    folded = acronym(name.text) if name.rank == ACRONYM else fold(name.text)
    if folded == text:
        return 4
    if folded.startswith(text):
        return 3
    own = folded.split()
    if asked and all(any(one.startswith(word) for one in own) for word in asked):
        return 2
    return int(bool(text) and text in folded)


def marked(text: str, asked: Sequence[str]) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with whether it is a word that was asked for.

    >>> marked("Sainte-Cécile", ["cecil"])
    [('Sainte-', False), ('Cécile', True)]
    """
    pieces: list[tuple[str, bool]] = []
    for piece in re.split(r"([^\W_]+)", text):
        if piece:
            folded = sort_key(piece)
            hit = any(folded.startswith(word) for word in asked)
            if pieces and not hit and not pieces[-1][1]:
                pieces[-1] = (pieces[-1][0] + piece, False)
            else:
                pieces.append((piece, hit))
    return pieces


# --- building -------------------------------------------------------------------------------------------


def write_index(
    connection: sqlite3.Connection,
    names: Iterable[tuple[int, int, str, str]],
    texts: Iterable[tuple[int, str]],
) -> None:
    """Fill the tables that are searched: from names (thing, rank, language, text), and from all that things say."""
    run = connection.executemany
    uses: Counter[str] = Counter()
    said: dict[int, tuple[list[str], list[str]]] = {}

    def rows() -> Iterator[tuple[int, int, str, str, str]]:
        for entity, rank, language, text in names:
            folded = fold(text)
            yield entity, rank, language, text, folded
            own = set(folded.split())
            uses.update(own)
            said.setdefault(entity, ([], []))[rank].append(folded)
            if short := acronym(text):
                yield entity, ACRONYM, language, text, short
                said[entity][OTHER].append(short)

    run("INSERT OR IGNORE INTO name VALUES (?, ?, ?, ?, ?)", rows())
    known = [
        (number, word, uses[word])
        for number, word in enumerate(sorted(uses), start=1)
        if len(word) >= _SHORTEST - 1 and not word.isdigit()
    ]
    run("INSERT INTO word VALUES (?, ?, ?)", known)
    run("INSERT INTO gram VALUES (?, ?)", sorted((gram, number) for number, word, _ in known for gram in grams(word)))
    nothing: tuple[list[str], list[str]] = ([], [])
    run(
        "INSERT INTO search (rowid, names, others, texts) VALUES (?, ?, ?, ?)",
        ((entity, *map(" ".join, said.get(entity, nothing)), fold(text)) for entity, text in texts),
    )
