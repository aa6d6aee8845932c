"""Reading star-rated reviews from tab-separated files, plain or gzip.

A file has one header line and one review a line, UTF-8, fields parted by tabs and without
quoting. Two columns are read, each under either of two names: the text (`review_body` or
`text`) and the star rating 1 to 5 (`star_rating` or `star`). Other columns are ignored, save
that `PATH?column=value` keeps only the rows with that value.

Every complaint names the file and, where it applies, the line, the column and the value.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from tokens import hashes

TEXT_COLUMNS = ("review_body", "text")
STAR_COLUMNS = ("star_rating", "star")
STARS = 5
_SHOWN = 40


class DataError(ValueError):
    """A review file that cannot be used, with the place and the reason."""


@dataclass
class Reviews:
    """Reviews of one domain, ready for training.

    `hashes`: for each review its 1 to 128 token hashes; `stars`: 1 to 5; `keys`: 8 bytes of the
    SHA-256 of the normalised text, equal for texts that differ only in case or punctuation.
    """

    name: str
    hashes: list[list[int]] = field(default_factory=list)
    stars: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    without_tokens: int = 0
    bad_rows: int = 0

    def __len__(self) -> int:
        return len(self.stars)

    def take(self, rows: list[int]) -> Reviews:
        """A part of the reviews, by row number."""
        return Reviews(
            self.name,
            [self.hashes[row] for row in rows],
            [self.stars[row] for row in rows],
            [self.keys[row] for row in rows],
        )

    def fingerprint(self) -> str:
        """Hex digest of all tokens and stars in order: equal when the training input is equal."""
        digest = hashlib.sha256()
        for review, star in zip(self.hashes, self.stars):
            digest.update(f"{star}:{review}\n".encode())
        return digest.hexdigest()


def text_key(text: str) -> bytes:
    """8 bytes of the SHA-256 of the text's letters and digits in lower case."""
    plain = "".join(char for char in text.lower() if char.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()[:8]


def _read_bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error})") from error


def _decode(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, line {number}: not UTF-8 (byte 0x{line[error.start]:02x} at position "
            f"{error.start + 1} of the line); save the file as UTF-8"
        ) from error


def _column(header: list[str], names: tuple[str, ...], path: Path) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    wanted = " or ".join(f"'{name}'" for name in names)
    found = ", ".join(f"'{name[:_SHOWN]}'" for name in header[:20])
    raise DataError(f"{path}, line 1: no column {wanted}; the columns found are {found}")


def parse_star(value: str) -> int:
    """'1' to '5' (or '1.0' to '5.0') to a number; ValueError otherwise."""
    star = int(value.strip().removesuffix(".0"))
    if not 1 <= star <= STARS:
        raise ValueError(value)
    return star


def read_reviews(name: str, source: str, skip_bad_rows: bool = False) -> Reviews:
    """Reads the reviews of domain `name` from `source`, a path or `path?column=value`.

    Reviews without a single token are counted and left out. A row with a wrong number of
    fields or a star outside 1 to 5 is an error, or counted and left out with `skip_bad_rows`.
    """
    path_text, _, condition = source.partition("?")
    path = Path(path_text)
    lines = _read_bytes(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError(f"{path}: the file is empty")
    header = _decode(lines[0].rstrip(b"\r"), path, 1).split("\t")
    text_at = _column(header, TEXT_COLUMNS, path)
    star_at = _column(header, STAR_COLUMNS, path)
    only_at, only_value = -1, ""
    if condition:
        only_name, equals, only_value = condition.partition("=")
        if not equals:
            raise DataError(f"{source}: the part after '?' must be column=value")
        only_at = _column(header, (only_name,), path)

    reviews = Reviews(name)
    for number, line in enumerate(lines[1:], start=2):
        fields = _decode(line.rstrip(b"\r"), path, number).split("\t")
        if len(fields) != len(header):
            if skip_bad_rows:
                reviews.bad_rows += 1
                continue
            raise DataError(
                f"{path}, line {number}: {len(fields)} fields, but the header has {len(header)}"
            )
        if only_at >= 0 and fields[only_at] != only_value:
            continue
        try:
            star = parse_star(fields[star_at])
        except ValueError as error:
            if skip_bad_rows:
                reviews.bad_rows += 1
                continue
            raise DataError(
                f"{path}, line {number}, column '{header[star_at]}': "
                f"'{fields[star_at][:_SHOWN]}' is not a star rating from 1 to 5"
            ) from error
        review = hashes(fields[text_at])
        if not review:
            reviews.without_tokens += 1
            continue
        reviews.hashes.append(review)
        reviews.stars.append(star)
        reviews.keys.append(text_key(fields[text_at]))
    if not reviews.stars:
        wanted = f" with {condition}" if condition else ""
        raise DataError(f"{path}: no usable review{wanted} below the header")
    return reviews


def split_by_text(reviews: Reviews, parts: int = 10) -> tuple[Reviews, Reviews]:
    """(train, valid): about one in `parts` goes to valid, chosen by the text's key.

    The choice depends on the text alone, so equal texts are never on both sides.
    """
    chosen = [key[0] * 256 + key[1] for key in reviews.keys]
    train = reviews.take([row for row, value in enumerate(chosen) if value % parts])
    valid = reviews.take([row for row, value in enumerate(chosen) if value % parts == 0])
    if not train.stars or not valid.stars:
        raise DataError(
            f"domain '{reviews.name}': {len(reviews)} reviews are too few to split; "
            f"give its validation file by --valid"
        )
    return train, valid


def join(name: str, sets: list[Reviews]) -> Reviews:
    """All reviews of several sets, in the order given."""
    return Reviews(
        name,
        [review for one in sets for review in one.hashes],
        [star for one in sets for star in one.stars],
        [key for one in sets for key in one.keys],
    )
