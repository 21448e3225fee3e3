"""The page's own files over HTTP."""

import hashlib
import importlib.util
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from explorer.ui.http import FOR_EVER, error_response

STATIC = Path(__file__).parent / "static"
"""The page's own JavaScript and style sheets."""

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
    """The page's own files, and plotly.js from its wheel, under an address that changes with them."""

    def __init__(self) -> None:
        found = [path for path in sorted(STATIC.rglob("*")) if path.is_file() and path.suffix in MEDIA]
        self.files = {path.relative_to(STATIC).as_posix(): path for path in found}
        plotly = importlib.util.find_spec("plotly")
        if plotly is not None and plotly.origin is not None:
            self.files["plotly.min.js"] = Path(plotly.origin).parent / "package_data" / "plotly.min.js"
        digest = hashlib.sha256()
        for name, path in self.files.items():
            # a wheel's file is told by its size and age: hashing megabytes would delay every start
            stat = path.stat()
            content = (
                path.read_bytes() if path.is_relative_to(STATIC) else f"{stat.st_size} {stat.st_mtime_ns}".encode()
            )
            digest.update(name.encode() + b"\0" + content)
        self.tag = digest.hexdigest()[:16]

    @property
    def url(self) -> str:
        """The folder's address relative to the page, without a slash at either end."""
        return f"explorer/static/{self.tag}"

    async def get(self, request: Request) -> Response:
        """One file; a page left open while the files changed gets the new ones, which are then not kept."""
        path = self.files.get(request.path_params["file"])
        if path is None or not path.is_file():
            return error_response(404, "there is no such file.")
        current = request.path_params["tag"] == self.tag
        keeping = {"cache-control": f"public, {FOR_EVER}" if current else "no-cache"}
        return FileResponse(path, headers=keeping, media_type=MEDIA[path.suffix])
