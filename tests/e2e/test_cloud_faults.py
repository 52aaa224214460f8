"""Google Cloud Storage as it is on a bad day, from a double that honours preconditions."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from google.cloud.storage.retry import DEFAULT_RETRY

from e2e.gcs_server import Server, every
from tocsin.beam import cloud, storage
from tocsin.beam.cloud import CloudError
from tocsin.beam.identity import identify
from tocsin.beam.lease import Lease, LeaseLost, StateBusy, check_held

_CONTENT = os.urandom(3_000_000)
_URI = "gs://bucket/folder/file"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server("bucket", "payers", "closed") as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.host)
        monkeypatch.delenv(cloud.PAYER, raising=False)
        monkeypatch.setattr(cloud, "RETRY", DEFAULT_RETRY.with_delay(0.01, 0.05).with_timeout(20.0))
        monkeypatch.setattr(cloud, "CHUNK_BYTES", 1 << 20)
        cloud.client.cache_clear()
        server.storage.requester_pays.add("payers")
        server.storage.forbidden.add("closed")
        yield server
        cloud.client.cache_clear()


def _read(uri: str) -> bytes:
    with cloud.open_object(uri) as stream:
        pieces = []
        while piece := stream.read(300_000):
            pieces.append(piece)
        return b"".join(pieces)


def test_objects_are_read_and_identified(server: Server) -> None:
    stored = server.storage.put("bucket", "folder/file", _CONTENT)
    assert _read(_URI) == _CONTENT
    found = cloud.stat(_URI)
    assert (found.size, found.generation) == (len(_CONTENT), stored.generation)
    identity = identify(_URI)
    assert identity.checksum == f"crc32c:{found.crc32c}"
    assert identity.generation == stored.generation
    with cloud.open_object(_URI) as stream:
        stream.seek(-10, os.SEEK_END)
        assert stream.read() == _CONTENT[-10:]
        stream.seek(5)
        assert stream.read(5) == _CONTENT[5:10]


@pytest.mark.parametrize("fault", [429, 500, 503, "reset", "truncate", "slow"])
def test_faults_of_passage_are_overcome(server: Server, fault: str | int) -> None:
    server.storage.put("bucket", "folder/file", _CONTENT)
    server.storage.faults.append(every(2, fault, "GET", "folder/file"))
    assert _read(_URI) == _CONTENT
    server.storage.faults.append(every(2, fault, "GET", "prefix"))
    assert set(cloud.stat_all([_URI])) == {_URI}
    if fault not in ("truncate", "slow"):
        server.storage.faults.append(every(2, fault, "POST", "upload"))
        cloud.create("gs://bucket/new", b"content")
        assert cloud.read("gs://bucket/new") == b"content"


def test_an_object_that_is_replaced_is_not_read_half_and_half(server: Server) -> None:
    server.storage.put("bucket", "folder/file", _CONTENT)
    with cloud.open_object(_URI) as stream:
        assert stream.read(10) == _CONTENT[:10]
        server.storage.put("bucket", "folder/file", bytes(len(_CONTENT)))
        with pytest.raises(OSError, match="no such object"):
            while stream.read(1 << 20):
                pass


def test_bytes_that_do_not_match_their_checksum(server: Server) -> None:
    stored = server.storage.put("bucket", "folder/file", _CONTENT)
    with cloud.open_object(_URI) as stream:
        stored.content = _CONTENT[:-1] + b"?"
        with pytest.raises(OSError, match="CRC32C"):
            while stream.read(1 << 20):
                pass


def test_lasting_faults_are_said_in_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "RETRY", DEFAULT_RETRY.with_delay(0.01, 0.05).with_timeout(0.5))
    server.storage.put("bucket", "folder/file", _CONTENT)
    server.storage.faults.append(every(10_000, 503))
    with pytest.raises(CloudError, match="gs://bucket/folder/file") as caught:
        cloud.stat(_URI)
    assert "\n" not in str(caught.value)


def test_permission_is_lacking(server: Server) -> None:
    with pytest.raises(CloudError, match=r"no permission for gs://closed/a: .*objects.get access"):
        cloud.stat("gs://closed/a")
    with pytest.raises(CloudError, match="no permission"):
        cloud.create("gs://closed/a", b"")
    with pytest.raises(FileNotFoundError):
        cloud.stat("gs://bucket/absent")


def test_requester_pays(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.storage.put("payers", "a", b"content")
    with pytest.raises(CloudError, match=f"readers pay: set {cloud.PAYER}"):
        cloud.stat("gs://payers/a")
    monkeypatch.setenv(cloud.PAYER, "our-project")
    assert _read("gs://payers/a") == b"content"
    assert all(
        "userProject=our-project" in request
        for request in server.storage.requests
        if "payers" in request and "alt=media" in request
    )


def test_listing_goes_on_over_pages(server: Server) -> None:
    names = [f"folder/{number:02d}" for number in range(10)]
    for name in [*names, "folder/below/x", "other/00"]:
        server.storage.put("bucket", name, name.encode())
    uris = [f"gs://bucket/{name}" for name in [*names, "other/00", "other/gone"]]
    found = cloud.stat_all(uris)
    assert sorted(found) == sorted(uris[:-1])
    assert all(found[uri] == cloud.stat(uri) for uri in found)


def test_of_many_creators_one_succeeds(server: Server) -> None:
    done: list[int] = []
    refused: list[int] = []

    def make(number: int) -> None:
        try:
            cloud.create("gs://bucket/night", str(number).encode())
            done.append(number)
        except FileExistsError:
            refused.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = done
    assert len(refused) == 5
    assert cloud.read("gs://bucket/night") == str(winner).encode()


def test_a_creation_whose_answer_was_lost_has_succeeded(server: Server) -> None:
    """The object is there when the request is repeated: it is the same one."""
    server.storage.put("bucket", "night", b"ours")
    cloud.create("gs://bucket/night", b"ours")
    with pytest.raises(FileExistsError):
        cloud.create("gs://bucket/night", b"theirs")


def test_a_lease_of_a_state_in_a_bucket(server: Server) -> None:
    state = "gs://bucket/state"
    held = Lease.acquire(state, "first")
    with pytest.raises(StateBusy, match="in use"):
        Lease.acquire(state, "second")
    check_held(state, held.number)
    held.release()
    after = Lease.acquire(state, "second")
    with pytest.raises(LeaseLost):
        check_held(state, held.number)
    after.release()


def test_a_small_object_is_read_while_it_is_written_anew(server: Server) -> None:
    uri = "gs://bucket/lease"
    storage.write(uri, b"0")
    ended = threading.Event()

    def renew() -> None:
        while not ended.is_set():
            storage.write(uri, b"1")

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        assert {storage.read(uri) for _ in range(100)} <= {b"0", b"1"}
    finally:
        ended.set()
        thread.join()
