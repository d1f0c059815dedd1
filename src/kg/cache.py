"""A cache that is bounded in bytes: what was used last stays, what was not used for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Cache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# What one entry takes besides its bytes: the key, the headers, the objects around them.
_OVERHEAD = 1024
# One entry may take this part of the whole, so that a large one does not push out all others.
_LARGEST = 8


class Cache(Generic[K, V]):
    """Keeps values up to a number of bytes; 0 keeps nothing. Any thread may use it.

    >>> cache = Cache[str, bytes](100_000)
    >>> cache.put("a", b"answer", 6)
    True
    >>> cache.get("a"), cache.get("b"), cache.hits, cache.misses
    (b'answer', None, 1, 1)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.bytes = self.hits = self.misses = self.evicted = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what is kept for a key, which counts as used now; None if nothing is."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> bool:
        """Keep a value of so many bytes and let go of others for it; tell whether it is kept, or is too large."""
        weight = size + _OVERHEAD
        with self._lock:
            if (old := self._entries.pop(key, None)) is not None:
                self.bytes -= old[1]
            if weight > self.size // _LARGEST:
                return False
            self._entries[key] = (value, weight)
            self.bytes += weight
            while self.bytes > self.size:
                _, (_, freed) = self._entries.popitem(last=False)
                self.bytes -= freed
                self.evicted += 1
            return True
