"""The password under a guesser who has time, addresses and imagination: the owner gets in all the same."""

from typing import Any

import httpx
import pytest

from explorer.ui import login
from explorer.ui.login import DEVICE, LoginBrake
from tests.serve_fake import awaited, fake_library, serving

NAMES = ("mina", "tom")


class Door:
    """A brake before a login that knows one password, with a clock that only the test moves."""

    def __init__(self, **settings: Any) -> None:
        self.now, self.waits = 0.0, []
        given: dict[str, Any] = {"accounts": NAMES, "burst": 3, "seconds": 10} | settings
        self.brake = LoginBrake(self.app, clock=lambda: self.now, sleep=self.sleep, **given)

    async def app(self, scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200 if b"password=right" in body else 400, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def attempt(self, name: str, password: str, address: str = "1.2.3.4", cookie: str = "") -> tuple[int, str]:
        """The status, and the cookie that is handed out."""
        sent: list[Any] = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request", "body": f"username={name}&password={password}".encode(), "more_body": False}

        headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"cookie", cookie.encode())]
        scope = {"type": "http", "method": "POST", "path": "/login", "headers": headers, "client": (address, 1)}
        awaited(self.brake, scope, receive, send)
        told = dict(sent[0]["headers"]).get(b"set-cookie", b"").decode()
        return sent[0]["status"], told.split(";")[0]


def test_a_guesser_with_a_thousand_addresses_does_not_lock_the_owner_out():
    door = Door()
    status, cookie = door.attempt("mina", "right")
    assert status == 200
    assert cookie.startswith(f"{DEVICE}=")
    answers = [door.attempt("mina", "wrong", f"10.0.{n // 250}.{n % 250}")[0] for n in range(1000)]
    assert answers[-1] == 429
    door.waits.clear()
    assert door.attempt("mina", "right", "10.0.0.1")[0] == 429, "nobody else gets in by knowing her name"
    assert door.attempt("mina", "right", "10.0.0.1", cookie)[0] == 200
    assert door.waits == []


def test_the_cookie_of_a_browser_opens_nothing_by_itself_and_only_for_its_account():
    door = Door()
    _, cookie = door.attempt("mina", "right")
    answers = [door.attempt("mina", "wrong", cookie=cookie)[0] for _ in range(20)]
    assert set(answers[:3]) == {400}
    assert answers[-1] == 429, "it is counted, too"
    assert door.attempt("mina", "right", cookie=cookie)[0] == 429
    assert door.attempt("mina", "right")[0] == 200, "apart from all others"
    while door.attempt("tom", "wrong")[0] != 429:
        pass
    assert door.attempt("tom", "right", cookie=cookie)[0] == 429
    for invented in ("x.y", "x.", ".", "é.é", cookie.split("=")[1][:-1]):
        assert door.attempt("tom", "right", cookie=f"{DEVICE}={invented}")[0] == 429


def test_inventing_names_makes_the_brake_forget_nothing(monkeypatch):
    monkeypatch.setattr(login, "MOST_ADDRESSES", 20)
    door = Door()
    while door.attempt("mina", "wrong")[0] != 429:
        pass
    for number in range(60):
        door.attempt(f"invented{number}", "wrong", "5.6.7.8")
    assert door.attempt("mina", "wrong")[0] == 429
    assert len(door.brake._crowds) <= len(NAMES) + 1


def test_addresses_of_one_household_are_one():
    door = Door()
    answers = [door.attempt("mina", "wrong", f"2001:db8::{number:x}")[0] for number in range(40)]
    assert answers.count(400) == 3 + LoginBrake.WAITING


@pytest.mark.parametrize("form", [{}, {"username": "x", "password": "y"}, {"username": "x"}])
def test_without_accounts_a_login_answers_at_once(form):
    with serving(fake_library(), modules={}) as url, httpx.Client(base_url=url, timeout=60) as client:
        answers = [client.post("/login", data=form) for _ in range(30)]
    assert {answer.status_code for answer in answers} <= {302, 422}
    assert max(answer.elapsed.total_seconds() for answer in answers) < LoginBrake.WAITING
