"""What stands in a line of a page, as HTML: texts with their language, things, values with footnotes and reasons.

Pages hold thousands of these; made here they take a third of the time that macros of a template take.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from kg.web.reader import Reader, Shown, Text

if TYPE_CHECKING:
    from kg.web.portraits import Mark, Note, Premise, Reason, RelationRow, Row, Value

__all__ = ["Inline"]

# From so many values on, those that stand beside a relation are opened on demand.
_CROWD = 12


@lru_cache(maxsize=1 << 12, typed=True)  # markup is equal to a text that looks like it, and is not escaped
def _safe(text: str) -> str:
    """Return a text as HTML has it: names, addresses and the engine's words come again on page after page."""
    return str(escape(text))


class Inline:
    """Writes what stands in a line for one reader. Whatever comes from the data is escaped."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.interface = reader.interface

    def text(self, text: Text) -> Markup:
        """Return a text, with its language where that is not the page's."""
        return Markup(self._text(text))

    def shown(self, shown: Shown) -> Markup:
        """Return a term as it is shown."""
        return Markup(self._shown(shown))

    def mark(self, text: Text) -> Markup:
        """Return the mark of a text that is not in the reader's language; nothing for others."""
        return Markup(self._mark(text))

    def notes(self, numbers: Iterable[int]) -> Markup:
        """Return the numbers of footnotes, as links."""
        return Markup(self._notes(numbers))

    def value(self, value: Value) -> Markup:
        """Return a value with what belongs to it: languages, role, footnotes, reasons."""
        return Markup(self._value(value))

    def values(self, values: Sequence[Value]) -> Markup:
        """Return values, several as a list."""
        if len(values) == 1:
            return self.value(values[0])
        return Markup(f"<ul>{''.join(f'<li>{self._value(value)}</li>' for value in values)}</ul>" if values else "")

    def run(self, values: Sequence[Value]) -> Markup:
        """Return values in one line, with commas."""
        return Markup(", ".join(map(self._value, values)))

    def doubt(self, mark: Mark) -> Markup:
        """Return a mark of doubt; what the curators remark on it is opened on demand."""
        names = " · ".join(self._text(name) for name in mark.qualifiers) or _safe(self._remark)
        if not mark.remarks:
            return Markup(f'<span class="doubt">{names}</span>')
        texts = "".join(f"<p>{self._text(remark)}{self._mark(remark)}</p>" for remark in mark.remarks)
        return Markup(f'<details class="doubt"><summary>{names}</summary>{texts}</details>')

    def pairs(self, rows: Sequence[Row]) -> Markup:
        """Return properties with their values one after the other."""
        if not rows:
            return Markup()
        return Markup(f'<ul class="pairs">{"".join(map(self._pair, rows))}</ul>')

    def aside(self, row: RelationRow) -> Markup:
        """Return what a relation says besides its columns, with its doubts."""
        return Markup(self.pairs(row.more) + Markup().join(map(self.doubt, row.marks)))

    def own(self, shown: Shown | None) -> Markup:
        """Return a small link to the page about a relation; nothing where there is none."""
        if shown is None or not shown.href:
            return Markup()
        name = f'<span class="unseen">{self._details} {self._text(shown.text)}</span>'
        return Markup(f'\u00a0<a class="own" href="{_safe(shown.href)}">{name}</a>')

    def note(self, note: Note) -> Markup:
        """Return a footnote: source, passage, doubts, file and lines, and the ways to correct it."""
        parts = [self._shown(note.source) if note.source else _safe(self._no_source)]
        for name, found in note.locators:
            values = ", ".join(map(self._shown, found))
            parts.append(f'<span class="locator">, {self._text(name)}{self._colon}{values}</span>')
        parts.append(f" {self.doubt(note.mark)}" if note.mark else "")
        path, lines = _safe(note.path), ", ".join(map(str, note.lines))
        colon = ":" if lines else ""
        place = f'<a href="{_safe(note.href)}" rel="noopener">{path}</a>' if note.href else f"<code>{path}</code>"
        place += f"{colon}{lines}"
        if note.edit:
            place += f' · <a href="{_safe(note.edit)}" rel="noopener">{self._edit}</a>'
        if note.correct:
            place += f' · <a href="{_safe(note.correct)}" rel="nofollow">{self._correct}</a>'
        return Markup(f'{"".join(parts)}\n<span class="place">{place}</span>')

    # --- plain strings of HTML ---

    def _pair(self, row: Row) -> str:
        name, values = self._text(row.name.text), ", ".join(map(self._value, row.values))
        number = len(row.values)
        if number > _CROWD:
            name += f' <span class="count">{self.reader.number(number)}</span>'
            return f"<li><details><summary>{name}</summary>{values}</details></li>"
        return f'<li><span class="label">{name}</span> {values}</li>'

    def _text(self, text: Text) -> str:
        if text.language and text.language != self.interface:
            return f'<span lang="{_safe(text.language)}">{_safe(text.fitted)}</span>'
        return _safe(text.fitted)

    def _mark(self, text: Text) -> str:
        return self._tongue(text.language) if self.reader.is_foreign(text) else ""

    def _tongue(self, tag: str) -> str:
        return f'\u00a0<abbr class="tongue" title="{_safe(self.reader.language_name(tag))}">{_safe(tag)}</abbr>'

    def _shown(self, shown: Shown) -> str:
        text = self._text(shown.text)
        if shown.href:
            out = ' rel="noopener" class="out"' if shown.external else ""
            return f'<a href="{_safe(shown.href)}"{out}>{text}</a>'
        if shown.date:
            return f'<time datetime="{_safe(shown.date)}">{text}</time>'
        if shown.exact:
            return f'<span class="exact" title="{_safe(shown.exact)}">{text}</span>'
        return text + self._mark(shown.text)

    def _notes(self, numbers: Iterable[int]) -> str:
        return "".join(
            f'<sup><a class="note" href="#note-{number}" aria-label="{self._source} {number}">{number}</a></sup>'
            for number in numbers
        )

    def _value(self, value: Value) -> str:
        if value.parts:
            rows = "".join(
                f"<div><dt>{self._shown(row.name)}</dt>{''.join(f'<dd>{self._value(one)}</dd>' for one in row.values)}"
                "</div>"
                for row in value.parts
            )
            found = f'<dl class="parts">{rows}</dl>'
        elif value.languages:
            found = self._text(value.shown.text) + "".join(map(self._tongue, value.languages))
        else:
            found = self._shown(value.shown)
        if value.moment:
            found += f' <span class="when">({self._shown(value.moment)})</span>'
        if value.role:
            found += f' <span class="role">{self._text(value.role)}</span>'
        found += self._notes(value.notes)
        return found + (self._why(value.reasons, value.more) if value.inferred else "")

    def _why(self, reasons: Sequence[Reason], more: int = 0) -> str:
        told = "".join(map(self._reason, reasons))
        if more:
            ngettext = self.reader.say_number
            many = ngettext("There is %(num)s more way to it.", "There are %(num)s more ways to it.", more)
            told += f"<p>{_safe(many % {'num': more})}</p>"
        return (
            f' <details class="why"><summary title="{self._inferred}">{self._inferred_unseen}</summary>{told}</details>'
        )

    def _reason(self, reason: Reason) -> str:
        rule = _safe(self._by_rule % {"rule": reason.rule})
        premises = [*reason.premises, *([reason.axiom] if reason.axiom else [])]
        return f"<div><p>{rule}</p><ul>{''.join(f'<li>{self._premise(one)}</li>' for one in premises)}</ul></div>"

    def _premise(self, one: Premise) -> str:
        subject, verb, value = map(self._shown, one.terms)
        places = "".join(f' <code class="place">{_safe(place)}</code>' for place in one.places)
        found = f'{subject} <span class="verb">{verb}</span> {value}{places}'
        if one.reasons:
            return found + self._why(one.reasons)
        return found + (f' <em class="count">{self._inferred}</em>' if one.inferred else "")

    # --- the engine's words, each looked up once a page ---

    @cached_property
    def _source(self) -> str:
        return _safe(self.reader.say("Source"))

    @cached_property
    def _no_source(self) -> str:
        return self.reader.say("No source is named")

    @cached_property
    def _colon(self) -> str:
        return _safe(self.reader.say(": "))

    @cached_property
    def _edit(self) -> str:
        return _safe(self.reader.say("edit"))

    @cached_property
    def _correct(self) -> str:
        return _safe(self.reader.say("suggest a correction"))

    @cached_property
    def _remark(self) -> str:
        return self.reader.say("remark")

    @cached_property
    def _details(self) -> str:
        return _safe(self.reader.say("Details:"))

    @cached_property
    def _by_rule(self) -> str:
        return self.reader.say("By the rule “%(rule)s”, from:")

    @cached_property
    def _inferred(self) -> str:
        return _safe(self.reader.say("inferred"))

    @cached_property
    def _inferred_unseen(self) -> str:
        return f'<span class="unseen">{self._inferred}</span>'
