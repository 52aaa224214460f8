"""Signatures: who vouches for a manifest, and through its chain for all before it.

Ed25519 over the manifest's file as it is stored. Keys are PEM files, as `openssl genpkey -algorithm
ed25519` makes them; the signature lies beside the manifest, in base64.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

SIGNATURE_SUFFIX = ".sig"
"""Of the file of a signature, after the name of what it signs."""


class KeyProblem(ValueError):
    """A key that can't be used; the message is one line for the user."""


def sign(content: bytes, private_key: bytes) -> bytes:
    """The signature of a file's content, as it is stored.

    Raises:
      KeyProblem: if `private_key` is no PEM file of an Ed25519 private key without a password.
    """
    try:
        key = load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError) as error:
        raise KeyProblem(f"no private key in PEM, or one with a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem("the private key is not of Ed25519")
    return base64.b64encode(key.sign(content)) + b"\n"


def is_signed(content: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether a signature is of this content, by the owner of the key.

    Raises:
      KeyProblem: if `public_key` is no PEM file of an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(public_key)
    except ValueError as error:
        raise KeyProblem(f"no public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyProblem("the public key is not of Ed25519")
    try:
        key.verify(base64.b64decode(signature.strip(), validate=True), content)
    except (InvalidSignature, binascii.Error):
        return False
    return True
