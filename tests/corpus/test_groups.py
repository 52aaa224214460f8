from __future__ import annotations

import socket

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.groups import group_names, registered_domains


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://example.com", "example.com"),
        ("https://www.example.co.uk/a/b?c=d#e", "example.co.uk"),
        ("HTTPS://WWW.Example.COM:8080/", "example.com"),
        ("http://user:pass@sub.example.org/", "example.org"),
        ("http://evil.example@real.example.net/", "example.net"),
        ("http://real.example.net\\@evil.example/", "example.net"),
        ("http://example.com./", "example.com"),
        ("http://somebody.github.io/", "github.io"),
        ("http://bücher.example.de/", "example.de"),
        ("ftp://ftp.example.com/file", "example.com"),
        ("  http://example.com/", "example.com"),
        ("http://192.0.2.7/path", "192.0.2.7"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("http://localhost:8000/", "localhost"),
        ("http://co.uk/", "co.uk"),
        ("en.wikipedia.org", "en.wikipedia.org"),
        ("wiki/part 1", "wiki/part 1"),
        ("https://", "https://"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("mailto:a@b.com", "mailto:a@b.com"),
        ("", ""),
        (None, None),
    ],
)
def test_registered_domain(value: str | None, expected: str | None) -> None:
    # Beside a URL, so that the column as a whole is not passed through.
    values = pa.array([value, "http://www.example.com/"], pa.string())
    assert registered_domains(values).to_pylist() == [expected, "example.com"]
    assert registered_domains(values.slice(0, 1)).to_pylist() == [expected]


def test_the_first_candidate_given_is_the_group() -> None:
    urls = pa.array(["http://www.a.com/x", None, "", None], pa.string())
    sources = pa.array(["wiki", "wiki", "http://b.org/", ""], pa.string())
    assert group_names([urls, sources], "corpus").to_pylist() == [
        "a.com",
        "wiki",
        "b.org",
        "corpus",
    ]


def test_a_folder_is_no_url() -> None:
    assert group_names([pa.nulls(1, pa.string())], "gs://bucket/x").to_pylist() == ["gs://bucket/x"]


def test_no_documents() -> None:
    assert group_names([pa.array([], pa.string())], "corpus").to_pylist() == []


@given(st.lists(st.one_of(st.none(), st.text(), st.text().map("http://{}".format)), min_size=1))
def test_any_text_has_a_group(values: list[str | None]) -> None:
    groups = group_names([pa.array(values, pa.string())], "corpus")
    assert len(groups) == len(values)
    assert groups.null_count == 0
    assert "" not in groups.to_pylist()


def test_the_network_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    from tocsin.corpus import groups

    groups._suffix_list.cache_clear()
    groups._registered_domain.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    urls = pa.array(["http://a.b.example.co.jp/"])
    assert registered_domains(urls).to_pylist() == ["example.co.jp"]
