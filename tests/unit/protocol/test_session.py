from __future__ import annotations

import hmac

import pytest

from faceloop_protocol import session

# RFC 4231, test cases 1-4, 6
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


@pytest.mark.parametrize(("key", "message", "digest"), RFC_4231)
def test_hmac_matches_rfc_4231(key: bytes, message: bytes, digest: str) -> None:
    assert session.hmac_sha256(key, message).hex() == digest
    assert session.hmac_sha256(key, message) == hmac.digest(key, message, "sha256")


def test_every_derived_value_differs_by_label() -> None:
    key, covered = bytes(16), bytes(40)
    values = {
        session.proof(key, session.LABEL_DEVICE, covered),
        session.proof(key, session.LABEL_HOST, covered),
        session.tag_key(key, covered)[:16],
        session.stream_key(key, covered),
    }
    assert len(values) == 4


def test_proof_depends_on_every_byte_it_covers() -> None:
    covered = bytearray(40)
    seen = {session.proof(bytes(16), session.LABEL_HOST, bytes(covered))}
    for place in range(40):
        covered[place] ^= 1
        seen.add(session.proof(bytes(16), session.LABEL_HOST, bytes(covered)))
        covered[place] ^= 1
    assert len(seen) == 41


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [(b"", b"", True), (b"ab", b"ab", True), (b"ab", b"ac", False), (b"ab", b"abc", False)],
)
def test_is_equal(a: bytes, b: bytes, equal: bool) -> None:
    assert session.is_equal(a, b) is equal
