from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tocsin.ledger.signature import KeyProblem, is_signed, sign


def pair(key: Ed25519PrivateKey | None = None) -> tuple[bytes, bytes]:
    """Private and public key as PEM."""
    key = key or Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public


def test_a_signature_is_of_one_content_and_one_key() -> None:
    private, public = pair()
    signature = sign(b"manifest", private)
    assert is_signed(b"manifest", signature, public)
    assert not is_signed(b"Manifest", signature, public)
    assert not is_signed(b"manifest", signature, pair()[1])
    for damaged in (b"", b"???", signature[:-9], b"A" + signature[1:-1]):
        assert not is_signed(b"manifest", damaged, public)


def test_a_known_signature() -> None:
    """The first test vector of RFC 8032: signing is what other tools take it for."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private, _ = pair(Ed25519PrivateKey.from_private_bytes(seed))
    assert sign(b"", private).startswith(b"5VZDAMNgrHKQhuLMgG6CioSHfx64")


@pytest.mark.parametrize("key", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n", b"\xff" * 40])
def test_what_is_no_key(key: bytes) -> None:
    with pytest.raises(KeyProblem):
        sign(b"", key)
    with pytest.raises(KeyProblem):
        is_signed(b"", b"", key)


def test_keys_of_another_kind() -> None:
    other = generate_private_key(SECP256R1())
    private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyProblem, match="Ed25519"):
        sign(b"", private)
    public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyProblem, match="Ed25519"):
        is_signed(b"", b"", public)
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    with pytest.raises(KeyProblem, match="password"):
        sign(b"", locked)
