"""Whether the person at the machine asks, whom alone the page lets begin a fit; in doubt it is somebody else.

A page that others may see has no such person (`explorer.ui.app.is_public`). On any other, the request must come from
this machine, straight, by one of its own names and this server's port, and from a program of the same user: others may
have accounts here. A proxy at the far end of a tunnel would ask by its own port, or in HTTP/1.0.
"""

import ipaddress
import os
import socket
import sys
from pathlib import Path

from starlette.types import Scope

from explorer.ui.hosts import PASSED_ON, host_name
from explorer.ui.requests import header

NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Names by which a machine asks itself."""

TABLES = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
"""Where Linux says whose each connection is, by the version of its addresses."""

ESTABLISHED, LOCAL, REMOTE, STATE, USER = "01", 1, 2, 3, 7
"""A state of a connection, and columns of these tables."""

ROOT = 0
"""The system itself, which hands on what a browser outside of a virtual machine asks; it may do everything anyway."""


def is_owner(scope: Scope) -> bool:
    """Whether a request was made by the person at this machine, as far as anybody can tell."""
    client, server = scope.get("client"), scope.get("server")
    host = header(scope, b"host")
    if scope.get(PASSED_ON, False) or host_name(host) not in NAMES or not client or not server:
        return False
    if not host.endswith(f":{server[1]}") or scope.get("http_version") != "1.1":
        return False
    try:
        here = ipaddress.ip_address(client[0])
    except ValueError:
        return False
    mapped = here.ipv4_mapped if isinstance(here, ipaddress.IPv6Address) else None
    return (mapped or here).is_loopback and is_of_user((client[0], client[1]), (server[0], server[1]))


def is_asked_for(scope: Scope) -> bool:
    """Whether the page itself, and no other site, makes a browser ask for something to be done.

    Another site's word was refused before (`explorer.ui.security.Guard`); here one of ours must be there.
    """
    site, kind = header(scope, b"sec-fetch-site"), header(scope, b"content-type").partition(";")[0].strip().lower()
    return (site == "same-origin" or (not site and bool(header(scope, b"origin")))) and kind == "application/json"


def is_of_user(client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Whether a connection of this machine with itself is of a program of this process's user.

    Only Linux tells; elsewhere it is believed.

    Args:
        client: Address and port of who asks.
        server: Address and port of this server.
    """
    if not sys.platform.startswith("linux"):
        return True
    for version, table in TABLES.items():
        try:
            wanted = [_as_listed(address, port, version) for address, port in (client, server)]
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except (OSError, ValueError):
            continue
        for columns in map(str.split, lines):
            if [columns[LOCAL], columns[REMOTE]] == wanted and columns[STATE] == ESTABLISHED:
                return int(columns[USER]) in (os.geteuid(), ROOT)
    return False


def _as_listed(address: str, port: int, version: int) -> str:
    """An address and port as these tables write them: words of four bytes in the machine's own order.

    Raises:
        ValueError: The address is none of that version.
    """
    parsed = ipaddress.ip_address(address)
    if version == 6 and parsed.version == 4:
        parsed = ipaddress.ip_address(f"::ffff:{address}")
    if version != parsed.version:
        raise ValueError(f"{address} is no address of version {version}")
    packed = socket.inet_pton(socket.AF_INET if version == 4 else socket.AF_INET6, str(parsed))
    words = [int.from_bytes(packed[start : start + 4], sys.byteorder) for start in range(0, len(packed), 4)]
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
