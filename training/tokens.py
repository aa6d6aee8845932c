"""The tokeniser rltok-1 and the FNV-1a 32-bit hash: the only text processing of the lab.

The same rules are written in Rust for the browser; `tests/golden/known_answers.json` keeps
the two in step. The rules:

1. U+2018, U+2019 and U+02BC become an ASCII apostrophe.
2. A-Z become a-z (ASCII only, so that no Unicode table is needed).
3. A token is a maximal run of [a-z0-9'] with the apostrophes at both ends removed (and
   nothing when nothing is left), or one single "!" or "?". Every other character separates.
4. A token is cut to 24 bytes.
5. The first 128 tokens are kept.
6. A token is hashed by FNV-1a, 32 bits, over its bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache

TOKENISER = "rltok-1"
MAX_TOKENS = 128
MAX_TOKEN_BYTES = 24
PADDING = 0

_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_PIECE = re.compile(r"[a-z0-9']+|[!?]")
_FOLD = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u02bc": "'"}
    | {chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
)


def tokenise(text: str, limit: int | None = MAX_TOKENS) -> list[str]:
    """Text to at most `limit` tokens (None: all of them); each is 1 to 24 ASCII bytes."""
    tokens: list[str] = []
    for match in _PIECE.finditer(text.translate(_FOLD)):
        if limit is not None and len(tokens) >= limit:
            break
        token = match.group().strip("'")[:MAX_TOKEN_BYTES]
        if token:
            tokens.append(token)
    return tokens


def fnv1a32(data: bytes) -> int:
    """FNV-1a hash of `data`, 0 to 2**32 - 1."""
    value = _FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value


@lru_cache(maxsize=1 << 18)
def hash_token(token: str) -> int:
    """Hash of one token; remembered, since words repeat."""
    return fnv1a32(token.encode("utf-8"))


def hashes(text: str) -> list[int]:
    """Text to the model input: 0 to 128 token hashes."""
    return [hash_token(token) for token in tokenise(text)]


def bucket(hash32: int, buckets: int) -> int:
    """Hash to embedding row, 1 to buckets - 1; row 0 is kept for padding (hash 0)."""
    return 0 if hash32 == PADDING else hash32 % (buckets - 1) + 1
