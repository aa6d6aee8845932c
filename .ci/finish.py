#!/usr/bin/env python3
"""What Trunk leaves to do in a release. Trunk runs this as a hook.

The worker's wasm goes without its function names: they are an eighth of its bytes after compression, and only a
debugger reads them. (wasm-opt drops them from the page's. On the worker it would take minutes and makes it no
smaller once compressed.)

The style sheets become one, without comments and indents: a third less after compression, and one request.
"""

import hashlib
import os
import pathlib
import re

DROPPED = {b"name", b"producers"}


def leb128(data, at):
    """A number of WebAssembly's variable length and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def without_names(data):
    """The module without its custom sections for people."""
    kept, at = [data[:8]], 8
    while at < len(data):
        begin, kind = at, data[at]
        size, body = leb128(data, at + 1)
        at = body + size
        if kind == 0:
            length, name = leb128(data, body)
            if data[name : name + length] in DROPPED:
                continue
        kept.append(data[begin:at])
    return b"".join(kept)


# A string is kept as it is; what is looked for may stand in one.
STRING = r'"[^"\\n]*"|\'[^\'\\n]*\''


def without_blanks(css):
    """The style sheet without comments, indents and line ends. Blanks inside a line may mean something and stay."""
    css = re.sub(rf"({STRING})|/\*.*?\*/", lambda m: m[1] or "", css, flags=re.DOTALL)
    return "\n".join(line for line in map(str.strip, css.splitlines()) if line) + "\n"


def one_style_sheet(folder):
    """Puts all style sheets of the page into one, in their order."""
    page = folder / "index.html"
    html = page.read_text()
    links = re.findall(r'[ \t]*<link rel="stylesheet" href="\./([^"]+)"[^>]*>\n?', html)
    whole = "".join(without_blanks((folder / name).read_text()) for name in links)
    name = f"page-{hashlib.sha256(whole.encode()).hexdigest()[:16]}.css"
    (folder / name).write_text(whole)
    for old in links:
        (folder / old).unlink()
    link = f'    <link rel="stylesheet" href="./{name}">\n'
    seen = iter([link])
    html = re.sub(r'[ \t]*<link rel="stylesheet"[^>]*>\n?', lambda _: next(seen, ""), html)
    page.write_text(html)


def main():
    if os.environ.get("TRUNK_PROFILE") != "release":
        return
    folder = pathlib.Path(os.environ["TRUNK_STAGING_DIR"])
    wasm = folder / "worker_bg.wasm"
    wasm.write_bytes(without_names(wasm.read_bytes()))
    one_style_sheet(folder)


if __name__ == "__main__":
    main()
