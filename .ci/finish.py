#!/usr/bin/env python3
"""What Trunk leaves to do in a release. Trunk runs this as a hook.

The worker's wasm goes without its function names: they are an eighth of its bytes after compression, and only a
debugger reads them. (wasm-opt drops them from the page's. On the worker it would take minutes and makes it no
smaller once compressed.)

The page's wasm and its script call each other by names of a letter or two: those that wasm-bindgen gives end in a
hash each, which no compression shrinks. The script's comments and indents go as well.

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


def uleb128(value):
    """A number in WebAssembly's variable length."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def letters(number):
    """0, 1, … as names: a, b, … z, aa, ab, …"""
    text = ""
    while True:
        text = chr(ord("a") + number % 26) + text
        number = number // 26 - 1
        if number < 0:
            return text


def with_short_imports(data):
    """The module with short names for the functions that it imports; and these names by the long ones."""
    names, at = {}, 8
    while at < len(data):
        begin, kind = at, data[at]
        size, body = leb128(data, at + 1)
        at = body + size
        if kind != 2:
            continue
        count, place = leb128(data, body)
        section = bytearray(uleb128(count))
        for _ in range(count):
            length, begin_module = leb128(data, place)
            end_module = begin_module + length
            length, begin_name = leb128(data, end_module)
            end_name = begin_name + length
            if data[end_name] != 0:
                raise SystemExit("finish.py: the page imports something that is no function")
            short = names.setdefault(data[begin_name:end_name].decode(), f"${letters(len(names))}")
            _, end = leb128(data, end_name + 1)
            section += data[place:end_module] + uleb128(len(short)) + short.encode() + data[end_name:end]
            place = end
        return data[:begin] + b"\x02" + uleb128(len(section)) + section + data[at:], names
    return data, names


def shorten_imports(folder):
    """Renames what the page's wasm imports, in both files, and takes the script's comments and indents away."""
    (wasm,) = folder.glob("page-*_bg.wasm")
    script = wasm.with_name(wasm.name.removesuffix("_bg.wasm") + ".js")
    data, names = with_short_imports(wasm.read_bytes())
    text = re.sub(r"^\s*/\*\*.*?\*/\n", "", script.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"[\w$]+", lambda word: names.get(word[0], word[0]), text)
    text = re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE)
    wasm.write_bytes(data)
    script.write_text(text)
    # A file that is kept for good under its name must have another name when it has other content.
    digest = hashlib.sha256(data + text.encode()).hexdigest()[:16]
    page = folder / "index.html"
    html = page.read_text().replace(script.stem, f"page-{digest}")
    page.write_text(html)
    script.rename(folder / f"page-{digest}.js")
    wasm.rename(folder / f"page-{digest}_bg.wasm")


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
    shorten_imports(folder)
    one_style_sheet(folder)


if __name__ == "__main__":
    main()
