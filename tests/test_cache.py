"""A cache in bytes: what was used last stays, and it never holds more than it may."""

from __future__ import annotations

import random

from kg.cache import Cache


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = Cache[str, int](10_000)
    for number, name in enumerate("abcdefgh"):
        assert cache.put(name, number, 100)
    assert cache.get("a") == 0
    cache.put("i", 8, 100)
    cache.put("j", 9, 100)
    assert cache.get("a") == 0
    assert cache.get("b") is None
    assert cache.evicted > 0


def test_it_never_holds_more_bytes_than_it_may_and_counts_them_right() -> None:
    chance = random.Random(7)
    cache = Cache[int, int](50_000)
    for _ in range(2000):
        cache.put(chance.randrange(60), 1, chance.randrange(8000))
        assert 0 <= cache.bytes <= cache.size
        assert cache.bytes == sum(weight for _, weight in cache._entries.values())


def test_one_large_value_does_not_push_out_all_others() -> None:
    cache = Cache[str, str](80_000)
    cache.put("small", "s", 10)
    assert not cache.put("large", "l", 79_000)
    assert cache.get("large") is None
    assert cache.get("small") == "s"


def test_a_value_that_is_too_large_replaces_an_older_one_all_the_same() -> None:
    cache = Cache[str, str](80_000)
    cache.put("name", "old", 10)
    cache.put("name", "new", 79_000)
    assert cache.get("name") is None
    assert cache.bytes == 0


def test_a_cache_without_room_keeps_nothing() -> None:
    cache = Cache[str, str](0)
    assert not cache.put("a", "b", 0)
    assert len(cache) == 0
