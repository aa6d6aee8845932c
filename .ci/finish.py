#!/usr/bin/env python3
"""What Trunk leaves to do in a release: the worker's wasm goes without its function names.

They are an eighth of its bytes after compression, and only a debugger reads them. (wasm-opt drops them from the
page's. On the worker it would take minutes and makes it no smaller once compressed.) Trunk runs this as a hook.
"""

import os
import pathlib

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


def main():
    if os.environ.get("TRUNK_PROFILE") != "release":
        return
    file = pathlib.Path(os.environ["TRUNK_STAGING_DIR"]) / "worker_bg.wasm"
    data = file.read_bytes()
    file.write_bytes(without_names(data))


if __name__ == "__main__":
    main()
