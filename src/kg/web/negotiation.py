"""What a client can read: the `Accept` and `Accept-Language` headers, exactly as RFC 9110 (section 12) has them.

Parts of a header that are not well formed are ignored; a header without any good part counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["MediaRange", "Offer", "accepts_gzip", "choose_language", "choose_type", "parse_accept"]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rf"(?P<type>{_TOKEN})/(?P<subtype>{_TOKEN})")
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*(?:(?P<name>{_TOKEN})=(?:(?P<token>{_TOKEN})|"(?P<quoted>(?:[^"\\]|\\.)*)"))?')
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_LANGUAGE = re.compile(r"(?P<tag>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*[qQ]=(?P<weight>[0-9.]+))?")
# A comma inside quotation marks does not end a part.
_PARTS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\\?$))+')


@dataclass(frozen=True)
class MediaRange:
    """One part of an `Accept` header: `type` and `subtype` may be `*`; parameters are in lower case."""

    type: str
    subtype: str
    parameters: Mapping[str, str]
    weight: float

    @property
    def specificity(self) -> int:
        """How much it says: 0 for `*/*`, 1 for `text/*`, 2 for a type, one more for each parameter."""
        return (self.type != "*") + (self.subtype != "*") + len(self.parameters)


@dataclass(frozen=True)
class Offer:
    """A representation that can be had, and the parameters that its type really has.

    `aliases` are other types that clients use for it; a wildcard does not mean them. Parameters in `ignored` may
    be asked for and do not matter.
    """

    key: str
    media_type: str
    aliases: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def parse_accept(header: str) -> list[MediaRange]:
    """Return the media ranges of an `Accept` header, in its order.

    >>> [(found.type, found.weight) for found in parse_accept("text/html;q=0.4, image/*;;q=2, ;")]
    [('text', 0.4)]
    """
    return [found for part in _PARTS.findall(header) if (found := _media_range(part.strip(" \t"))) is not None]


def _media_range(part: str) -> MediaRange | None:
    match = _RANGE.match(part)
    if match is None or (match["type"] == "*" and match["subtype"] != "*"):
        return None
    parameters: dict[str, str] = {}
    weight = 1.0
    position = match.end()
    while position < len(part):
        parameter = _PARAMETER.match(part, position)
        if parameter is None:
            return None
        position = parameter.end()
        if parameter["name"] is None:  # an empty parameter, which RFC 9110 allows
            continue
        name, value = parameter["name"].lower(), parameter["token"]
        if value is None:
            value = re.sub(r"\\(.)", r"\1", parameter["quoted"])
        if name != "q":
            parameters[name] = value.lower()
        elif _WEIGHT.fullmatch(value):
            weight = float(value)
        else:
            return None
    return MediaRange(match["type"].lower(), match["subtype"].lower(), parameters, weight)


def choose_type(header: str | None, offers: Sequence[Offer]) -> Offer | None:
    """Return the representation that a client prefers, None if it takes none of them.

    The most specific range that fits an offer gives its weight. Among equal weights the offer that was named
    more exactly wins, then the one that is offered first; so an absent header, or `*/*`, gets the first.
    """
    ranges = parse_accept(header or "")
    if not ranges:
        return offers[0]
    best: tuple[float, int] = (0.0, -1)
    chosen = None
    for offer in offers:
        found = _quality(offer, ranges)
        if found[0] > 0 and found > best:
            best, chosen = found, offer
    return chosen


def _quality(offer: Offer, ranges: Sequence[MediaRange]) -> tuple[float, int]:
    """Return the weight of an offer and the specificity of the range that gave it (at most 2)."""
    named: dict[str, tuple[int, float]] = {}
    for media_range in ranges:
        for media_type in (offer.media_type, *offer.aliases):
            if _fits(media_range, media_type, offer):
                found = (media_range.specificity, media_range.weight)
                named[media_type] = max(named.get(media_type, (-1, 0.0)), found)
    for media_type in (offer.media_type, *offer.aliases):
        if media_type in named and named[media_type][0] >= 2:
            specificity, weight = named[media_type]
            return weight, min(specificity, 2)
    specificity, weight = named.get(offer.media_type, (-1, 0.0))
    return weight, specificity


def _fits(media_range: MediaRange, media_type: str, offer: Offer) -> bool:
    kind, _, subtype = media_type.partition("/")
    if media_range.type not in ("*", kind) or media_range.subtype not in ("*", subtype):
        return False
    return all(
        name in offer.ignored or offer.parameters.get(name, "").lower() == value
        for name, value in media_range.parameters.items()
    )


def accepts_gzip(header: str | None) -> bool:
    """Tell whether a client takes a packed body at least as gladly as a plain one (RFC 9110, section 12.5.3).

    >>> accepts_gzip("br, gzip;q=0.8"), accepts_gzip("*;q=0.1"), accepts_gzip("gzip;q=0"), accepts_gzip(None)
    (True, True, False, False)
    """
    weights: dict[str, float] = {}
    for part in (header or "").lower().split(","):
        coding, _, weight = part.partition(";")
        value = re.sub(r"\s|^q=", "", weight.strip()) if weight.strip() else "1"
        if _WEIGHT.fullmatch(value):
            weights[coding.strip(" \t")] = float(value)
    packed = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return packed > 0 and packed >= weights.get("identity", 0.0)


def _languages(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        match = _LANGUAGE.fullmatch(part.strip(" \t"))
        if match is None:
            continue
        if match["weight"] is None:
            yield match["tag"].lower(), 1.0
        elif _WEIGHT.fullmatch(match["weight"]):
            yield match["tag"].lower(), float(match["weight"])


def choose_language(header: str | None, languages: Sequence[str]) -> str:
    """Return the language that a reader prefers among those there are; the first one if none is asked for.

    `fr` asks for `fr-ca` too, and `fr-ca` for `fr` where there is nothing closer. Among equal weights the
    header's order decides.

    >>> choose_language("de;q=0.3, fr-CA, *;q=0.1", ["en", "fr"])
    'fr'
    """
    wanted = list(_languages(header or ""))
    best: tuple[float, int, int] | None = None
    chosen = languages[0]
    for language in languages:
        fitting = [
            (closeness, weight, -index)
            for index, (tag, weight) in enumerate(wanted)
            if (closeness := _closeness(tag, language)) is not None
        ]
        if not fitting:
            continue
        closeness, weight, index = max(fitting)
        if weight > 0 and (best is None or (weight, index, closeness) > best):
            best, chosen = (weight, index, closeness), language
    return chosen


def _closeness(tag: str, language: str) -> int | None:
    """Return how well a tag of the header fits a language: the same, a wider one, a narrower one, any; or None."""
    if tag == language:
        return 3
    if language.startswith(tag + "-"):
        return 2
    if tag.startswith(language + "-"):
        return 1
    return 0 if tag == "*" else None
