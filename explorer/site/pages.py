"""An exported page as a folder or as one file: the bare page with its modules, and what it stores."""

import gzip
import json
import posixpath
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer.errors import ServeError
from explorer.library import Library
from explorer.site.stored import Store, to_json

MARK = "explorer-stored"
"""Id of the element that says what a page stores; a folder whose index.html has it may be written anew."""

MADE_HERE = frozenset({"index.html", "static", "files"})
"""What a folder of ours holds."""

MODULE = re.compile(r"""(\bfrom ?|\bimport\(|\bimport ?)"(\.{1,2}/[^"]+)"(?=[;)])""")
"""An import of a module by its relative address, also a later one."""

COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
"""A comment on lines of its own: most of a module, and nothing that a page needs."""

NAMESPACE = "xp:/"
"""What addresses of modules begin with in a page of one file: the folder that holds them all."""

RULES = (
    "default-src 'none'; style-src {own} 'unsafe-inline'; img-src {own} data: blob:; media-src {own} blob:; "
    "connect-src {own}; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "script-src {own} 'wasm-unsafe-eval' {scripts}"
)
"""Content-Security-Policy of the page: nothing comes from another place or goes there, and no text is compiled.

plotly and style attributes need inline styles.
"""

UNFOLD = """
(async () => {
  const letters = document.getElementById("xp-file-modules").textContent;
  const bytes = new Uint8Array(Math.floor((7 * letters.length) / 8));
  let [held, bits, at] = [0, 0, 0];
  for (let k = 0; k < letters.length; k++) {
    held = (held << 7) | (letters.charCodeAt(k) & 127);
    bits += 7;
    if (bits >= 8) bytes[at++] = (held >> (bits -= 8)) & 255;
    held &= 255;
  }
  const zipped = new Blob([bytes]);
  const modules = await new Response(zipped.stream().pipeThrough(new DecompressionStream("gzip"))).json();
  const imports = {};
  const address = (text) => "data:text/javascript;charset=utf-8," + encodeURIComponent(text);
  for (const [name, text] of Object.entries(modules)) imports[name] = address(text);
  const script = (type, textContent) => Object.assign(document.createElement("script"), { type, textContent });
  const put = (type, text) => document.body.append(script(type, text));
  put("importmap", JSON.stringify({ imports }));
  put("module", 'import "xp:/page/bare.js";');
})();
"""
"""Unfolds the modules of a page of one file, and starts it: modules of data: addresses import one another by name."""

CANNOT = (
    "A page without a server cannot fit, fetch data sets, lay out t-SNE, find new directions, colour other "
    "slices by more than their holes or measure bounds; python -m explorer can."
)


def check_place(place: Path) -> None:
    """Refuse to write over what is no page of ours.

    Raises:
        ServeError: There is something else.
    """
    if not place.parent.is_dir():
        raise ServeError(f"{place.parent} is no folder; create it, or export elsewhere.")
    if place.suffix == ".html":
        if place.is_dir():
            raise ServeError(f"{place} is a folder; name a file, or a folder whose name does not end in .html.")
        if place.exists() and not _is_page(place):
            raise ServeError(f"{place} is no exported page; name another file, or move it away.")
        return
    if place.exists() and not place.is_dir():
        raise ServeError(f"{place} is a file; name a folder, or a file that ends in .html.")
    held = {path.name for path in place.iterdir()} if place.is_dir() else set()
    if held and not (held <= MADE_HERE and _is_page(place / "index.html")):
        raise ServeError(f"{place} holds something else than an exported page; name an empty folder.")


def _is_page(path: Path) -> bool:
    """Whether a file is an exported page, of one file or the first of many."""
    return path.is_file() and MARK in path.read_text(encoding="utf-8", errors="replace")


@contextmanager
def _built_beside(place: Path) -> Iterator[Path]:
    """A name that nobody has, beside a page: it is built there, and what is left of it is removed.

    Raises:
        ServeError: The disk refuses it.
    """
    building = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        yield building
    except OSError as error:
        raise ServeError(f"{place} cannot be written: {error.strerror or error}; export elsewhere.") from None
    finally:
        if building.is_dir():
            shutil.rmtree(building, ignore_errors=True)
        building.unlink(missing_ok=True)


def modules_of() -> dict[str, str]:
    """The page's own modules by their path below `static/`: the few of the bundle, or all where that is stale."""
    from explorer.ui.static_files import BUNDLE, STATIC, units_alone

    paths = {path.relative_to(STATIC).as_posix(): path for path in sorted(STATIC.rglob("*.js"))}
    bundled = units_alone(BUNDLE, paths)
    if bundled:
        return {name: path.read_text("utf-8") for name, path in bundled.items()}
    found = {name: COMMENT.sub("", path.read_text("utf-8")) for name, path in paths.items()}
    live, alone = 'ServerSource as Kind } from "./server.js"', 'FolderSource as Kind } from "./folder.js"'
    assert live in found["source/kind.js"], "the page's source is chosen there"
    found["source/kind.js"] = found["source/kind.js"].replace(live, alone)
    return found


def sheets_of() -> dict[str, str]:
    """The page's own style sheets by their path below `static/`, in the order in which they count."""
    from explorer.ui.static_files import STATIC

    found = {path.relative_to(STATIC).as_posix(): path.read_text("utf-8") for path in sorted(STATIC.rglob("*.css"))}
    first = dict.fromkeys(("page/frame.css", "page/bare.css", "kit/kit.css"))
    return {name: found[name] for name in first | dict.fromkeys(found)}


def plotly() -> bytes:
    """plotly.js, as its wheel brings it."""
    from explorer.ui.static_files import StaticFiles

    return StaticFiles().files["plotly.min.js"].read_bytes()


def write_folder(place: Path, library: Library, store: Store) -> int:
    """Write a page of many files; its bytes in all."""
    from explorer.ui import bare
    from explorer.ui.app import tab_modules

    content = {f"files/{name}": body for name, body in store.files.items()}
    content |= {f"static/{name}": text.encode() for name, text in modules_of().items()}
    content |= {f"static/{name}": text.encode() for name, text in sheets_of().items()}
    content["static/plotly.min.js"] = plotly()
    sheets = [f'<link rel="stylesheet" href="static/page/{name}.css">' for name in ("frame", "bare")]
    told = bare.data(MARK, {"index": store.index, "cannot": CANNOT})
    start = '<script type="module" src="static/page/bare.js"></script>'
    body = [*bare.frame(library, tab_modules()), told, start]
    content["index.html"] = bare.document([policy("'self'", ""), *sheets], body).encode()
    place = place.resolve()  # where a link leads to, and the name of the current folder
    with _built_beside(place) as building:
        for name, body_of in content.items():
            path = building / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body_of)
        if place.is_dir():
            shutil.rmtree(place)  # checked before: it is empty or one of ours
        building.replace(place)
    return sum(map(len, content.values()))


def write_file(place: Path, library: Library, store: Store) -> int:
    """Write a page of one file; its bytes."""
    content = one_file(library, store).encode()
    with _built_beside(place) as building:
        building.write_bytes(content)
        building.replace(place)
    return len(content)


def one_file(library: Library, store: Store, tab: str | None = None, is_quoted: bool = False) -> str:
    """A page of one file as HTML.

    Args:
        library: The runs.
        store: What it stores of them.
        tab: The tab that it opens on; None for the first one, unless its address names another.
        is_quoted: Whether the page will stand in an attribute of another page, in a file that is JSON.
    """
    from explorer.ui import bare
    from explorer.ui.app import tab_modules

    modules = {NAMESPACE + name: named_alone(name, text) for name, text in modules_of().items()}
    sheets = [f'<style data-sheet="{NAMESPACE}{name}">\n{text}</style>' for name, text in sheets_of().items()]
    held = {
        "modules": gzip.compress(to_json(modules), 9, mtime=0),
        "plotly.min.js": gzip.compress(plotly(), 9, mtime=0),
    }
    kept = [
        f'<script type="text/plain" id="xp-file-{name}">{lettered(body, is_quoted)}</script>'
        for name, body in (held | store.files).items()
    ]
    told = bare.data(MARK, {"index": store.index, "cannot": CANNOT})
    body = [*bare.frame(library, tab_modules(), tab), told, *kept, f"<script>{UNFOLD}</script>"]
    return bare.document([policy("", "'unsafe-inline' data: blob:"), *sheets], body)


QUOTED = {code: chr(code | 128) for code in (*range(32), 127, *map(ord, "\"&'<>\\"))}
"""Letters that an attribute or a JSON text spells longer, and those that stand for them."""


def lettered(body: bytes, is_quoted: bool = False) -> str:
    """Bytes as letters that any page may hold, seven bits in each: an eighth longer, where base64 is a third longer.

    Letters that HTML reads otherwise have 128 added: U+0000 and U+000D always, and "<" where it begins a tag. So have
    all `QUOTED` letters where a page is quoted: it then grows by a half, and not to 2.6 times its size.
    """
    import numpy as np

    bits = np.unpackbits(np.frombuffer(body, dtype=np.uint8))
    bits = np.append(bits, np.zeros(-len(bits) % 7, dtype=np.uint8)).reshape(-1, 7)
    text = (bits @ (1 << np.arange(6, -1, -1))).astype(np.uint8).tobytes().decode("ascii")
    if is_quoted:
        return text.translate(QUOTED)
    text = text.replace("\0", "\x80").replace("\r", "\x8d")
    return re.sub(r"<(?=[/!sS\x80-\xff]|$)", "\xbc", text)


def policy(own: str, scripts: str) -> str:
    """The element that tells a browser what the page may do, and that it has no icon to fetch."""
    rules = RULES.format(own=own or "data:", scripts=scripts)
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}"><link rel="icon" href="data:,">'


def named_alone(name: str, text: str) -> str:
    """A module that imports others by names that do not hang on where it stands.

    Args:
        name: Its path below `static/`.
        text: What it holds.
    """

    def absolute(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2]))
        return f'{found[1]}"{NAMESPACE}{target}"'

    return MODULE.sub(absolute, text).replace("import.meta.url", json.dumps(NAMESPACE + name))
