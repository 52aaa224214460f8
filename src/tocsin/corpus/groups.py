"""Groups: where a document comes from; a URL counts as its registered domain."""

from __future__ import annotations

from functools import cache, lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from tldextract import TLDExtract

# Scheme, then user information up to the last @, then the host: an IPv6 address in brackets, or
# everything up to the port.
_URL_HOST = (
    r"^\s*[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#\\]*@)?(?P<host>\[[^\]/]*\]|[^/?#\\:@.][^/?#\\:@]*)"
)


def group_names(candidates: list[pa.Array], folder: str) -> pa.Array:
    """The group of each document.

    Args:
        candidates: string arrays of equal length, the best first. Null or empty: not given.
        folder: the group of a document for which no candidate is given.

    Returns:
        A string array without nulls: the first candidate given, as `registered_domains` has it, or
        `folder`.
    """
    given = [pc.if_else(pc.equal(values, ""), None, values) for values in candidates]
    return pc.fill_null(registered_domains(pc.coalesce(*given)), folder)


def registered_domains(values: pa.Array) -> pa.Array:
    """Replace each URL by the registered domain of its host, by the bundled Public Suffix List.

    A host without a registered domain (IP address, single label, public suffix) stands for itself,
    in lower case. A value that is no URL, or null, stays as it is.

    Args:
        values: string array.

    Returns:
        String array of the same length.
    """
    hosts = pc.struct_field(pc.extract_regex(values, pattern=_URL_HOST), "host")
    if hosts.null_count == len(hosts):
        return values
    encoded = pc.utf8_lower(hosts).dictionary_encode()
    domains = pa.array([_registered_domain(host) for host in encoded.dictionary.to_pylist()])
    return pc.coalesce(domains.take(encoded.indices), values)


@cache
def _suffix_list() -> TLDExtract:
    # No URLs and no cache folder: only the list inside the package, no network, nothing written.
    return TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=65_536)
def _registered_domain(host: str) -> str:
    host = host.rstrip(".")
    return _suffix_list()(host).top_domain_under_public_suffix or host
