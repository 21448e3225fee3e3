"""The system's Firefox, driven by its own protocol: playwright drives only builds of its own of it."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INSIDE = """
(async (%s) => { %s })(%s).then(
  (answer) => ({ answer }),
  (error) => ({ error: String(error) }),
).then((found) => (document.documentElement.dataset.found = JSON.stringify(found)));
"""
"""Runs in the page itself: a sandbox of the protocol imports no modules."""

OUTSIDE = """
const [inside, done] = arguments;
delete document.documentElement.dataset.found;
const script = document.createElement("script");
script.textContent = inside;
document.body.append(script);
const look = () => {
  const { found } = document.documentElement.dataset;
  if (found) done(found);
  else setTimeout(look, 20);
};
look();
"""


class Marionette:
    """Firefox by its own protocol: commands as JSON over a socket, each with its length before it.

    https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self.number = 0
        self._read()
        self.command("WebDriver:NewSession", {})
        self.command("WebDriver:SetTimeouts", {"script": 600_000})
        self.command("WebDriver:SetWindowRect", {"width": 1400, "height": 1100})

    def close(self) -> None:
        """Let go of the browser, which runs on."""
        self.socket.close()

    def command(self, name: str, values: dict[str, Any]) -> Any:
        """What a command answers."""
        self.number += 1
        text = json.dumps([0, self.number, name, values])
        self.socket.sendall(f"{len(text.encode())}:{text}".encode())
        _, _, error, answer = self._read()
        if error:
            raise RuntimeError(error["message"])
        return answer

    def open(self, url: str) -> None:
        """Go to a page."""
        self.command("WebDriver:Navigate", {"url": url})

    def click(self, x: float, y: float) -> None:
        """Press the mouse at a place of the window, in CSS pixels, as a hand does."""
        steps = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0, "origin": "viewport"},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
        self.command("WebDriver:PerformActions", {"actions": [mouse]})
        self.command("WebDriver:ReleaseActions", {})

    def run(self, code: str, values: dict[str, Any]) -> Any:
        """What the body of an async function returns, with these values by name."""
        inside = INSIDE % (f"{{{', '.join(values)}}}", code, json.dumps(values))
        found = self.command("WebDriver:ExecuteAsyncScript", {"script": OUTSIDE, "args": [inside]})
        answer = json.loads(found["value"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def _read(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self.socket.recv(1)
        body = b""
        while len(body) < int(size[:-1]):
            body += self.socket.recv(1 << 16)
        return json.loads(body)


@contextlib.contextmanager
def firefox() -> Iterator[Marionette | None]:
    """The system's Firefox without a window, or None where there is none."""
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    if found is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as profile:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (Path(profile) / "user.js").write_text(
            f'user_pref("marionette.port", {port});\nuser_pref("app.update.enabled", false);\n'
            'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
        )
        command = [found, "--headless", "--marionette", "--no-remote", "--profile", profile]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    driver = Marionette(port)
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
            else:
                raise RuntimeError("Firefox does not answer")
            try:
                yield driver
            finally:
                driver.close()
        finally:
            process.terminate()
            process.wait()
