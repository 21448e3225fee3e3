"""The system's Firefox, driven by its own protocol: playwright drives only builds of its own of it."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
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


MOST_SECONDS = 30
"""For any one answer of the browser's, and for it to end: longer, and it hangs."""

LEAVE_SECONDS = 5
"""Beyond what Firefox itself is given for a command, for its answer that the time is over."""

START_SECONDS = 60
"""For a browser that was started to answer."""


class Marionette:
    """Firefox by its own protocol: commands as JSON over a socket, each with its length before it.

    https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
    """

    def __init__(self, port: int, seconds: float = MOST_SECONDS) -> None:
        """Seconds are the most that any one command may take."""
        self.seconds = seconds
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.number = 0
        self.deadline = time.monotonic() + seconds
        self._read()
        self.command("WebDriver:NewSession", {"pageLoadStrategy": "none"})
        milliseconds = int(1000 * seconds)
        self.command("WebDriver:SetTimeouts", {"script": milliseconds, "pageLoad": milliseconds, "implicit": 0})
        self.command("WebDriver:SetWindowRect", {"width": 1400, "height": 1100})

    def close(self) -> None:
        """Let go of the browser, which runs on."""
        self.socket.close()

    def command(self, name: str, values: dict[str, Any]) -> Any:
        """What a command answers."""
        self.number += 1
        self.deadline = time.monotonic() + self.seconds + LEAVE_SECONDS
        text = json.dumps([0, self.number, name, values])
        self.socket.settimeout(self.seconds)
        self.socket.sendall(f"{len(text.encode())}:{text}".encode())
        _, _, error, answer = self._read()
        if error:
            raise RuntimeError(error["message"])
        return answer

    def open(self, url: str) -> None:
        """Go to a page, by way of an empty one, and wait until it is loaded.

        Firefox's own wait for it is not used: it hung though the page had been complete for long.
        """
        for address in ("about:blank", url):
            self.command("WebDriver:Navigate", {"url": address})
            end = time.monotonic() + self.seconds
            while not self._is_at(address):
                if time.monotonic() > end:
                    raise TimeoutError(f"{address} was not loaded within {self.seconds} s")

    def _is_at(self, url: str) -> bool:
        script = "return [document.readyState, document.URL]"
        with contextlib.suppress(RuntimeError):  # the page may be left while it is asked
            state, found = self.command("WebDriver:ExecuteScript", {"script": script, "args": []})["value"] or ("", "")
            return state == "complete" and (found == "about:blank") == (url == "about:blank")
        return False

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
        """What the body of an async function in the page returns, with these values by name.

        The page's policy must allow a script within it.
        """
        inside = INSIDE % (f"{{{', '.join(values)}}}", code, json.dumps(values))
        found = self.command("WebDriver:ExecuteAsyncScript", {"script": OUTSIDE, "args": [inside]})
        answer = json.loads(found["value"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def look(self, code: str, values: dict[str, Any]) -> Any:
        """As `run`, beside the page and not in it: its rules on scripts do not matter, and no module is imported."""
        inside = (
            f"const [values, done] = arguments; (async ({{{', '.join(values)}}}) => {{ {code} }})(values)"
            ".then((answer) => done({ answer }), (error) => done({ error: String(error) }));"
        )
        answer = self.command("WebDriver:ExecuteAsyncScript", {"script": inside, "args": [values]})["value"]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def _read(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self._receive(1)
        body = b""
        while len(body) < int(size[:-1]):
            body += self._receive(1 << 16)
        return json.loads(body)

    def _receive(self, most: int) -> bytes:
        """Some bytes of an answer, one at least."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"Firefox did not answer within {self.seconds} s")
        self.socket.settimeout(left)
        found = self.socket.recv(most)
        if not found:  # a closed connection has nothing to read for ever
            raise ConnectionError("Firefox closed the connection")
        return found


@contextlib.contextmanager
def firefox(seconds: float = 600) -> Iterator[Marionette | None]:
    """The system's Firefox without a window, or None where there is none; seconds are the most a command may take."""
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    if found is None:
        yield None
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (Path(profile) / "user.js").write_text(
            f'user_pref("marionette.port", {port});\nuser_pref("app.update.enabled", false);\n'
            'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
        )
        command = [found, "--headless", "--marionette", "--no-remote", "--profile", profile]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            driver = _driver(process, port, seconds)
            try:
                yield driver
            finally:
                driver.close()
        finally:
            process.terminate()
            try:
                process.wait(MOST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(MOST_SECONDS)


def _driver(process: subprocess.Popen, port: int, seconds: float) -> Marionette:
    """The protocol of a browser that was just started."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
            return Marionette(port, seconds)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    raise RuntimeError("Firefox does not answer")
