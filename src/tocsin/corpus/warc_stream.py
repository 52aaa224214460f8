"""The stream that FastWARC reads from: it remembers the bytes of the record at hand."""

from __future__ import annotations

import io
from collections.abc import Iterator

from tocsin.corpus.batches import MIB
from tocsin.corpus.compress import Sink
from tocsin.corpus.dead_letters import BrokenShard, Fault


class WarcStream:
    """A decompressed shard as a file, with a window on the bytes that were read and not released.

    FastWARC tells neither where a record ends nor whether the file broke off inside it, and keeps
    no bytes. The window has what dead letters and copies need of the record at hand.

    Attributes:
        ended: whether a read has come to the end, or to where the shard breaks off.
        fault: why the shard broke off, once it has.
        route: where released bytes go; None lets them go.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._unread = memoryview(b"")
        self._window = bytearray()
        self._window_offset = 0
        self._position = 0
        self.ended = False
        self.fault: Fault | None = None
        self.route: Sink | None = None

    def read(self, size: int = MIB) -> bytes:
        """The next bytes, at most `size`; b"" at the end and wherever the shard breaks off."""
        if not self._unread:
            try:
                self._unread = memoryview(next(self._pieces, b""))
            except BrokenShard as broken:
                self.fault = broken.fault
            self.ended = not self._unread
        data, self._unread = bytes(self._unread[:size]), self._unread[size:]
        self._window += data
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Bytes read so far."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Refuse: a decompressed stream has no way back."""
        raise io.UnsupportedOperation("seek")

    def close(self) -> None:
        """Do nothing: the shard belongs to the caller."""

    def window(self, start: int, size: int) -> bytes:
        """Up to `size` bytes of those read, from offset `start`; less if they are not there."""
        first = max(start - self._window_offset, 0)
        return bytes(self._window[first : first + size])

    def find(self, pattern: bytes, start: int) -> int:
        """Offset of the first `pattern` at or after `start` among the bytes at hand, or -1."""
        found = self._window.find(pattern, max(start - self._window_offset, 0))
        return found if found < 0 else found + self._window_offset

    def release(self, end: int) -> None:
        """Send the bytes before offset `end` along the route and forget them."""
        count = min(end, self._position) - self._window_offset
        if count > 0:
            if self.route is not None:
                self.route.write(bytes(self._window[:count]))
            del self._window[:count]
            self._window_offset += count
