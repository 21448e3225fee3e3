"""A small Hub on this machine: what huggingface_hub asks of the real one, as far as this program makes it ask."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

TOKEN = "hf_of_the_tests"

ASKED = re.compile(r"/api/(?P<kind>model|space)s/(?P<id>[^/]+/[^/]+)(?:/(?P<what>\w+)/(?P<revision>[^/]+))?")
FILE = re.compile(r"/(?P<space>spaces/)?(?P<id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
LARGE = re.compile(r"/(?P<id>[^/]+/[^/]+)\.git/info/lfs/objects/batch")


@dataclass
class Repository:
    """A repository: its files now, and how it was made."""

    is_private: bool = False
    sdk: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        """A name that the files decide."""
        told = "".join(f"{path} {hashlib.sha1(body).hexdigest()}\n" for path, body in sorted(self.files.items()))
        return hashlib.sha1(told.encode()).hexdigest()


@dataclass
class Hub:
    """What the Hub holds, and how it misbehaves.

    Attributes:
        url: Its address.
        repositories: By kind and name.
        asked: Methods and paths of all requests.
        stated: Sizes that it states instead of the true ones, by path.
        broken: Status of every answer; 0 for what it should be.
    """

    url: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    stated: dict[str, int] = field(default_factory=dict)
    broken: int = 0

    def put(self, name: str, files: dict[str, bytes], kind: str = "model") -> Repository:
        """Fill a repository."""
        found = self.repositories.setdefault((kind, name), Repository())
        found.files |= files
        return found


class Answering(http.server.BaseHTTPRequestHandler):
    """One request."""

    hub: Hub

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - its own name
        """Nothing."""

    def do_GET(self) -> None:
        self.answer(None)

    def do_HEAD(self) -> None:
        self.answer(None)

    def do_POST(self) -> None:
        self.answer(
            self.rfile.read(int(self.headers.get("content-length") or 0)) if not self.is_chunked() else self.chunks()
        )

    def do_PUT(self) -> None:
        self.do_POST()

    def is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "") == "chunked"

    def chunks(self) -> bytes:
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def say(self, status: int, body: bytes | dict[str, Any] | list[Any] = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked has seen enough
            self.wfile.write(content)

    def answer(self, body: bytes | None) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.asked.append(f"{self.command} {path}")
        knows = self.headers.get("authorization") == f"Bearer {TOKEN}"
        if hub.broken:
            return self.say(hub.broken)
        if path == "/api/whoami-v2":
            return self.say(200, {"name": "ada", "type": "user"}) if knows else self.say(401)
        if path == "/api/validate-yaml":
            return self.say(200, {})
        if path == "/api/agent-harnesses":
            return self.say(200, {})
        if path == "/api/repos/create" and body is not None:
            return self.create(json.loads(body)) if knows else self.say(401)
        if path.startswith("/large/") and body is not None:
            hub.large[path.removeprefix("/large/")] = body
            return self.say(200)
        if large := LARGE.fullmatch(path):
            assert large and body is not None
            objects = json.loads(body)["objects"]
            each = [one | {"actions": {"upload": {"href": f"{hub.url}/large/{one['oid']}"}}} for one in objects]
            return self.say(200, {"transfer": "basic", "objects": each})
        found = FILE.fullmatch(path) or ASKED.fullmatch(path)
        if found is None:
            return self.say(404)
        told = found.groupdict()
        kind = told.get("kind") or ("space" if told["space"] else "model")
        repository = hub.repositories.get((kind, told["id"]))
        if repository is None or (repository.is_private and not knows):
            return self.say(401, x_error_code="RepoNotFound")
        if told["revision"] not in (None, "main", repository.commit):
            return self.say(404, x_error_code="RevisionNotFound")
        if "path" in told:
            if told["path"] not in repository.files:
                return self.say(404, x_error_code="EntryNotFound")
            return self.say(200, repository.files[told["path"]])
        if body is None:
            sizes = {path: hub.stated.get(path, len(content)) for path, content in repository.files.items()}
            siblings = [{"rfilename": path, "size": size} for path, size in sizes.items()]
            return self.say(200, {"id": told["id"], "sha": repository.commit, "siblings": siblings})
        if not knows:
            return self.say(403)
        if told["what"] == "preupload":
            modes = [
                {"path": one["path"], "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular"}
                for one in json.loads(body)["files"]
            ]
            return self.say(200, {"files": [one | {"shouldIgnore": False} for one in modes]})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "file":
                    repository.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    repository.files[value["path"]] = hub.large[value["oid"]]
                case "deletedFile":
                    del repository.files[value["path"]]
        oid = repository.commit
        return self.say(200, {"commitUrl": f"{hub.url}/{told['id']}/commit/{oid}", "commitOid": oid})

    def create(self, asked: dict[str, Any]) -> None:
        kind, name = asked.get("type") or "model", f"{asked['organization']}/{asked['name']}"
        url = f"{self.hub.url}/{'spaces/' if kind == 'space' else ''}{name}"
        if (kind, name) in self.hub.repositories:
            return self.say(409, {"url": url})
        made = Repository(asked.get("visibility") == "private" or bool(asked.get("private")), asked.get("sdk"))
        made.files = {".gitattributes": b""} | ({"style.css": b"", "README.md": b"x"} if kind == "space" else {})
        self.hub.repositories[kind, name] = made
        return self.say(200, {"url": url})


@contextlib.contextmanager
def fake_hub() -> Iterator[Hub]:
    """A Hub that huggingface_hub asks in this process, and in those that it starts, with a token that it takes."""
    import huggingface_hub.constants as constants

    hub = Hub()
    handler = type("OfHub", (Answering,), {"hub": hub, "protocol_version": "HTTP/1.1"})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        for name, value in {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}.items():
            patch.setenv(name, value)
        patch.setenv("HF_TOKEN", TOKEN)
        yield hub
    server.shutdown()
    server.server_close()
    thread.join()
