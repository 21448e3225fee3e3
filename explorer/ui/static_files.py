"""The page's own files over HTTP."""

import functools
import hashlib
import importlib.util
import json
import logging
import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from explorer.ui.http import FOR_EVER, error_response

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
"""The page's own JavaScript and style sheets."""

BUNDLE = Path(__file__).parent / "bundle"
"""The modules of `STATIC` in few files, made by `make bundle`."""

STALE = "explorer/ui/bundle is older than the page's modules: they are served one by one; make one with: make bundle"

IMPORT = re.compile(r'^(?:import|export|\})[^;"(]*?"(\.[^"]+)";', re.MULTILINE)
"""An import of a module by its relative address; those of JSDoc types stand in parentheses."""

MEDIA = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
"""What is served from `STATIC`, and as what: the system's own table may differ, and browsers are told not to guess."""


class StaticFiles:
    """The page's own files, and plotly.js from its wheel, under an address that changes with them.

    A browser gets the modules in the few files of the bundle: each unit under the address of its entry, and under the
    address of every other module one line that leads to its unit, so that no module is ever there twice. Where the
    modules are no longer those that the bundle was made of, as while somebody changes them, they are sent as they lie.

    Args:
        modules: Folder of the modules and style sheets.
        bundle: Folder of the bundle, or of none.
    """

    def __init__(self, modules: Path = STATIC, bundle: Path = BUNDLE) -> None:
        found = [path for path in sorted(modules.rglob("*")) if path.is_file() and path.suffix in MEDIA]
        self.files = {path.relative_to(modules).as_posix(): path for path in found}
        self.modules = modules
        self.leading: dict[str, str] = {}
        self.imports: dict[str, list[str]] = {}
        units = units_of(bundle, self.files)
        for unit, told in units.items():
            self.files[unit] = bundle / unit
            self.imports[unit] = told["imports"]
            for name in set(told["holds"]) - {unit}:
                way = posixpath.relpath(unit, posixpath.dirname(name))
                self.imports[name] = [unit]
                self.leading[name] = f'export * from "{way if way.startswith(".") else f"./{way}"}";\n'
        plotly = importlib.util.find_spec("plotly")
        if plotly is not None and plotly.origin is not None:
            self.files["plotly.min.js"] = Path(plotly.origin).parent / "package_data" / "plotly.min.js"
        digest = hashlib.sha256(b"bundled" if units else b"one by one")
        for name, path in self.files.items():
            # a wheel's file is told by its size and age: hashing megabytes would delay every start
            stat = path.stat()
            content = path.read_bytes() if name != "plotly.min.js" else f"{stat.st_size} {stat.st_mtime_ns}".encode()
            digest.update(name.encode() + b"\0" + content)
        self.tag = digest.hexdigest()[:16]

    @property
    def url(self) -> str:
        """The folder's address relative to the page, without a slash at either end."""
        return f"explorer/static/{self.tag}"

    def needed(self, entries: Iterable[str]) -> list[str]:
        """The files that some modules stand on, themselves among them: what a browser would find out in many rounds.

        Args:
            entries: Modules, without their ending.
        """
        found: dict[str, None] = {}
        ahead = [f"{entry}.js" for entry in entries]
        while ahead:
            name = ahead.pop(0)
            if name not in found:
                found[name] = None
                ahead += self.imports[name] if self.imports else imported(self.modules, name)
        return list(found)

    async def get(self, request: Request) -> Response:
        """One file; a page left open while the files changed gets the new ones, which are then not kept."""
        name = request.path_params["file"]
        path = self.files.get(name)
        if path is None or not path.is_file():
            return error_response(404, "there is no such file.")
        current = request.path_params["tag"] == self.tag
        keeping = {"cache-control": f"public, {FOR_EVER}" if current else "no-cache"}
        if name in self.leading:
            return Response(self.leading[name], headers=keeping, media_type=MEDIA[".js"])
        return FileResponse(path, headers=keeping, media_type=MEDIA[path.suffix])


def units_of(bundle: Path, files: Mapping[str, Path]) -> dict[str, dict[str, list[str]]]:
    """By unit of a bundle the modules that it holds and the units that it imports at once; none of a stale bundle.

    Args:
        bundle: Folder of the bundle.
        files: The modules and style sheets as they are, by their paths.
    """
    if not (bundle / "bundle.json").is_file():
        return {}
    told = json.loads((bundle / "bundle.json").read_bytes())
    digest = hashlib.sha256()
    held = [name for unit in (*told["units"].values(), told["alone"]) for name in unit["holds"]]
    for name in sorted(held):
        text = files[name].read_bytes().replace(b"\r\n", b"\n") if name in files else b""
        digest.update(name.encode() + b"\0" + text + b"\0")
    if digest.hexdigest() != told["made_of"]:
        logger.warning(STALE)
        return {}
    return told["units"]


def units_alone(bundle: Path, files: Mapping[str, Path]) -> dict[str, Path]:
    """By unit of a bundle its file, for a page without a server; none of a stale bundle.

    Args:
        bundle: Folder of the bundle.
        files: As in `units_of`.
    """
    units = units_of(bundle, files)
    if not units:
        return {}
    alone = json.loads((bundle / "bundle.json").read_bytes())["alone"]
    return {unit: bundle / (alone["file"] if unit == alone["in_place_of"] else unit) for unit in units}


@functools.cache
def imported(modules: Path, name: str) -> list[str]:
    """The modules that a module imports at once.

    Args:
        modules: Folder of the modules.
        name: Path of the module below it.
    """
    folder = posixpath.dirname(name)
    found = IMPORT.findall((modules / name).read_text(encoding="utf-8"))
    return [posixpath.normpath(posixpath.join(folder, target)) for target in found]
