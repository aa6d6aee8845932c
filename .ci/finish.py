#!/usr/bin/env python3
"""What Trunk leaves to do. Trunk runs this as a hook.

Both modules are cut into parts that travel on demand (`src/ui/parts.rs`, `src/worker/parts.rs`), which Trunk cannot do:
wasm-split-cli takes what cargo linked, and wasm-bindgen what is left as the module's own.

In a release, moreover:

wasm-opt makes each part of the page small. (On the worker it would take minutes and makes it no smaller once compressed.)

The worker's wasm goes without its function names: they are an eighth of its bytes after compression, and only a
debugger reads them.

The page's wasm and its script call each other by names of a letter or two: those that wasm-bindgen gives end in a
hash each, which no compression shrinks. The script's comments and indents go as well.

The style sheets become one, without comments and indents: a third less after compression, and one request.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

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
            long = data[begin_name:end_name].decode()
            # What fetches a part is called so by another script too.
            short = long if long.startswith("__wasm_split") else names.setdefault(long, f"${letters(len(names))}")
            _, end = leb128(data, end_name + 1)
            section += data[place:end_module] + uleb128(len(short)) + short.encode() + data[end_name:end]
            place = end
        return data[:begin] + b"\x02" + uleb128(len(section)) + section + data[at:], names
    return data, names


# What rustc may use for wasm32, and what Oz may count on.
FEATURES = (
    "simd bulk-memory bulk-memory-opt nontrapping-float-to-int sign-ext mutable-globals reference-types multivalue"
    " call-indirect-overlong"
)


def tool(name, *arguments):
    """Runs a program of the set-up; its words are shown when it fails."""
    if shutil.which(name) is None:
        raise SystemExit(f"finish.py: {name} is not on the PATH; `.ci/setup.sh site` installs it")
    done = subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"finish.py: {name} failed\n{done.stdout}{done.stderr}")


def linked(module, release):
    """What cargo linked."""
    source = pathlib.Path(os.environ["TRUNK_SOURCE_DIR"])
    target = source / os.environ.get("CARGO_TARGET_DIR", "target")
    return target / "wasm32-unknown-unknown" / (f"{module}-release" if release else "debug") / f"{module}.wasm"


def shrink(wasm):
    """Lets wasm-opt make a module small; it also drops its names."""
    flags = [f"--enable-{feature}" for feature in FEATURES.split()]
    tool("wasm-opt", "-Oz", *flags, "--strip-debug", "--strip-producers", "-o", wasm, wasm)


def cut(module, release, scratch):
    """Cuts what cargo linked: the paths of the modules by their names, the text of the two scripts."""
    parts, joined = scratch / f"{module}-parts", scratch / f"{module}-joined"
    parts.mkdir()
    tool("wasm-split-cli", linked(module, release), parts, "--out-name", module)
    options = ["--target", "web", "--no-typescript", "--keep-lld-exports"]
    tool("wasm-bindgen", parts / f"{module}.wasm", "--out-dir", joined, "--out-name", module, *options)
    modules = {f"{module}_bg.wasm": joined / f"{module}_bg.wasm"}
    modules |= {path.name: path for path in parts.glob("*.wasm") if path.name != f"{module}.wasm"}
    return modules, (joined / f"{module}.js").read_text(), (parts / "__wasm_split.js").read_text()


def cut_page(folder, release):
    """Puts the page and its parts into `folder`, in place of the one module that Trunk made."""
    (script,) = folder.glob("page-*.js")
    script.unlink()
    (wasm,) = folder.glob("page-*_bg.wasm")
    wasm.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        modules, own, parts = cut("page", release, pathlib.Path(scratch))
        if release:
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(shrink, modules.values()))
        data = {name: path.read_bytes() for name, path in modules.items()}
    if release:
        data["page_bg.wasm"], names = with_short_imports(data["page_bg.wasm"])
        own, parts = without_comments(own), without_comments(parts)
        own = re.sub(r"[\w$]+", lambda word: names.get(word[0], word[0]), own)
    # A file that is kept for good under its name must have another name when it has other content; and as the files
    # name each other, all have a part of their names in common.
    whole = b"".join(data[name] for name in sorted(data)) + (own + parts).encode()
    digest = hashlib.sha256(whole).hexdigest()[:16]
    for name, content in data.items():
        new = f"page-{digest}_bg.wasm" if name == "page_bg.wasm" else f"{name.removesuffix('.wasm')}-{digest}.wasm"
        (folder / new).write_bytes(content)
    parts = re.sub(r"\./(\w+)\.wasm", rf"./\1-{digest}.wasm", parts).replace("./page.js", f"./page-{digest}.js")
    (folder / f"parts-{digest}.js").write_text(parts)
    (folder / f"page-{digest}.js").write_text(own.replace('from "./__wasm_split.js"', f'from "./parts-{digest}.js"'))
    page = folder / "index.html"
    html = page.read_text().replace(script.stem, f"page-{digest}")
    hint = f'<link rel="modulepreload" href="./parts-{digest}.js" />'
    page.write_text(html.replace("</head>", f"  {hint}\n  </head>"))


def cut_worker(folder, release):
    """Puts the worker and its parts into `folder`. Trunk gives a worker's files names without a digest; so do we."""
    with tempfile.TemporaryDirectory() as scratch:
        modules, own, parts = cut("worker", release, pathlib.Path(scratch))
        for name, path in modules.items():
            content = path.read_bytes()
            new = name if name == "worker_bg.wasm" else f"worker_{name}"
            (folder / new).write_bytes(without_names(content) if release else content)
    if release:
        own, parts = without_comments(own), without_comments(parts)
    (folder / "worker_parts.js").write_text(re.sub(r"\./(\w+)\.wasm", r"./worker_\1.wasm", parts))
    (folder / "worker.js").write_text(own.replace('from "./__wasm_split.js"', 'from "./worker_parts.js"'))


def without_comments(script):
    """The script without the comments and indents that wasm-bindgen writes."""
    script = re.sub(r"^\s*/\*\*.*?\*/\n", "", script, flags=re.DOTALL | re.MULTILINE)
    script = re.sub(r"^\s*(//.*|/\*.*\*/)\n", "", script, flags=re.MULTILINE)
    return re.sub(r"^[ \t]+", "", script, flags=re.MULTILINE)


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
    folder = pathlib.Path(os.environ["TRUNK_STAGING_DIR"])
    release = os.environ.get("TRUNK_PROFILE") == "release"
    cut_page(folder, release)
    cut_worker(folder, release)
    if release:
        one_style_sheet(folder)


if __name__ == "__main__":
    main()
