"""The page put together, and the server it runs on."""

import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from starlette.middleware import Middleware

from explorer.errors import ExplorerError, ServeError
from explorer.library import Library
from explorer.library.fitting import FitBench
from explorer.ui import bare, export, programs
from explorer.ui.bare import TITLE, notice
from explorer.ui.components import live
from explorer.ui.early import Early
from explorer.ui.logs import keep_sober
from explorer.ui.page import RENAMED_TABS, TABS, FigureMaker, Page, answering, hide_folders, public_sentence
from explorer.ui.patience import Crowd, be_patient, raise_descriptors
from explorer.ui.routes import RoutesMaker, served
from explorer.ui.security import Frames, layers
from explorer.ui.static_files import STATIC, StaticFiles

FIRST_PORT, PORTS = 7860, 100
"""Ports that are tried where none is named: the first of them, and how many."""

MOST_UPLOAD = 2_000_000
"""Bytes of one picture that a visitor sends."""

MOST_BODY = 4_000_000
"""Bytes of one request, whatever it is."""

MOST_PIXELS = 4_000_000
"""Pixels of a picture that a visitor sends: a small file may unfold into gigabytes."""

MOST_SESSIONS = 200
"""Visitors whose state gradio remembers; the one seen longest ago is forgotten first."""

LOCAL = ("127.0.0.1", "localhost", "::1", "[::1]")
"""What a server listens on that only its own machine can reach."""

BELIEVED_VARIABLE = "FORWARDED_ALLOW_IPS"
"""Environment variable by which uvicorn believes proxies, by default those of this machine; here `Forwarded` does."""

HOSTS_VARIABLE = "EXPLORER_HOSTS"
"""Environment variable with further names, separated by commas, under which the page may be reached."""


@dataclass(frozen=True)
class Server:
    """A page that is being served.

    Attributes:
        blocks: The page.
        url: Its address on this machine.
        share_url: Its public address, or None.
        share_trouble: Why there is no public address although one was asked for, or None.
        bench: What begins fits for the person at the machine; None where nobody may.
    """

    blocks: gr.Blocks
    url: str
    share_url: str | None
    share_trouble: str | None
    bench: FitBench | None

    def is_serving(self) -> bool:
        """Whether the page is still being served."""
        thread = getattr(self.blocks.server, "thread", None)
        return thread is not None and thread.is_alive()

    def close(self) -> None:
        """Stop serving, and end the public address; open pages hold it up for a moment at most."""
        _end_tunnels(self.blocks)
        server: Any = self.blocks.server
        if server is not None:
            server.config.timeout_graceful_shutdown = 1  # second
        self.blocks.close(verbose=False)


def tab_modules() -> dict[str, ModuleType]:
    """The module of each tab, in order."""
    return {name: import_module(f"explorer.ui.{name}") for name in TABS}


def offered(modules: Mapping[str, Any]) -> tuple[dict[str, FigureMaker], list[RoutesMaker]]:
    """The figures of the tabs by name, and what makes the addresses that parts of the page ask."""
    figures: dict[str, FigureMaker] = {}
    for module in modules.values():
        figures |= getattr(module, "FIGURES", {})
    makers = [module.routes for module in modules.values() if hasattr(module, "routes")]
    return figures, [export.routes, programs.routes, *makers]


def build(library: Library, static_url: str, modules: Mapping[str, Any]) -> gr.Blocks:
    """The page over the runs of a library, without opening any of them.

    Args:
        library: The runs.
        static_url: Where the page's own files are, relative to the page.
        modules: The tabs by name, each with a `build(library, page)`.
    """
    blocks = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 3600), fill_width=True)
    with blocks:
        empty = library.default() is None  # the tabs wait for the first run, without another start of the program
        # the header shows and chooses what these two hold; they are hidden, and do the work on gradio's side
        run = gr.Dropdown(
            choices=list(library.names()),
            value=library.default(),
            label="Run",
            elem_id="explorer-run",
            allow_custom_value=True,  # a run that was fitted meanwhile; whoever reads it checks it
        )
        waits = ["xp-awaits"] if empty else []
        tabs = gr.Tabs(
            selected=TABS[0], elem_id="explorer-tabs", elem_classes=waits, overflow_behavior="wrap", render=False
        )
        notice = gr.HTML("", elem_id="explorer-notice", container=False, padding=False, render=False)
        page = Page(library=library, run=run, tabs=tabs, notice=notice, static_url=static_url)
        live(page, bare.header(tuple(modules)))
        if empty:
            gr.HTML(bare.welcome(library), container=False, padding=False)
            live(page, bare.WITHOUT_RUNS)
        notice.render()
        tabs.render()
        with tabs:
            for name, module in modules.items():
                with gr.Tab(name.capitalize(), id=name, elem_id=f"explorer-{name}"):
                    module.build(library, page)
        _wire_address(blocks, page)
    return blocks


def _wire_address(blocks: gr.Blocks, page: Page) -> None:
    """Open on the run and tab that the page's address names, `?run=...&tab=...` or `#run=...&tab=...`."""
    library = page.library

    @answering
    def open_address(fragment: str, request: gr.Request) -> tuple[Any, Any, Any]:
        run, tab, trouble = wanted(library, dict(request.query_params), fragment)
        picker = gr.Dropdown(choices=list(library.names()), value=run)
        return picker, gr.Tabs(selected=tab) if tab else gr.skip(), notice(trouble)

    quiet: dict[str, Any] = {
        "show_progress": "hidden",
        "queue": False,
        "trigger_mode": "always_last",
        "api_visibility": "private",
    }
    fragment = gr.Textbox(visible=False)
    blocks.load(
        open_address,
        fragment,
        [page.run, page.tabs, page.notice],
        js="() => [window.location.hash.slice(1, 300)]",
        **quiet,
    )


def trouble_with(library: Library, run: object) -> str:
    """Why a run cannot be opened, or "" when it can."""
    try:
        library.open(run)  # pyright: ignore[reportArgumentType] - a visitor may send anything, and is told so
    except ExplorerError as error:
        return public_sentence(error)
    return ""


def wanted(library: Library, query: Mapping[str, object], fragment: object) -> tuple[str | None, str | None, str]:
    """Run and tab that an address names, and a message where it names what is not there.

    Args:
        library: The runs.
        query: The address's query.
        fragment: What follows its '#', in the same form; it follows the page, so it counts more than the query.

    Returns:
        The run to show, one that can be opened if it was named; the tab, or None for the first; a sentence or "".
    """
    text = fragment[:300] if isinstance(fragment, str) else ""
    named = {key: value for key, value in query.items() if isinstance(value, str)}
    named |= {key: values[0] for key, values in parse_qs(text).items()}
    tab, run = named.get("tab", ""), named.get("run") or library.default()
    tab = RENAMED_TABS.get(tab, tab)
    known_tab = tab if tab in TABS else None
    if run is None:
        return None, known_tab, ""
    trouble = trouble_with(library, run) if library.has(run) else f"There is no run named {run[:100]!r}."
    if not trouble:
        return run, known_tab, ""
    first = library.default()  # a run that could not be opened just now is not offered again
    while first is not None and trouble_with(library, first):
        first = library.default()
    return first, known_tab, f"{trouble} This is {first}." if first else trouble


def theme() -> gr.themes.Base:
    """A restrained look out of bundled fonts."""
    fonts = [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")]
    mono = [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")]
    return gr.themes.Soft(primary_hue="slate", neutral_hue="slate", radius_size="md", font=fonts, font_mono=mono)


def hosts(host: str) -> tuple[list[str], bool]:
    """Names the page may be asked for by, and whether any literal address will do.

    Args:
        host: What the server listens on.
    """
    names = ["localhost", "127.0.0.1", "[::1]", _bracketed(host)]
    names += [name.strip() for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name.strip()]
    everywhere = host.strip("[]") in ("0.0.0.0", "::")
    if everywhere:
        own = socket.gethostname()
        names += [own, f"{own}.local"]
    return names, everywhere


def is_public(
    host: str,
    share: bool,
    accounts: Sequence[tuple[str, str]],
    proxies: Sequence[str] = (),
    root_path: str = "",
) -> bool:
    """Whether others than the user of this machine are to see the page, as far as its settings tell."""
    behind_another = bool(os.environ.get(HOSTS_VARIABLE, "").strip() or proxies or root_path)
    return share or bool(accounts) or behind_another or host not in LOCAL


def embedding_of(host: str, share: bool, accounts: Sequence[tuple[str, str]]) -> Frames:
    """Whose pages may show the reduced page in a frame: nobody's behind a log-in, anybody's where anybody may look."""
    if accounts:
        return "nobody"
    return "anybody" if is_public(host, share, accounts) else "machine"


def serve(
    library: Library,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    accounts: Sequence[tuple[str, str]] = (),
    open_browser: bool = False,
    framed: bool = False,
    modules: Mapping[str, Any] | None = None,
    root_path: str = "",
    proxies: Sequence[str] = (),
    access_log: bool = False,
    further: Sequence[RoutesMaker] = (),
) -> Server:
    """Serve the page until the process ends or `Server.close` is called; returns when it answers.

    Args:
        library: The runs.
        host: Name or address to listen on; 0.0.0.0 for all.
        port: Port to listen on, exactly; None for the first free one from `FIRST_PORT`, 0 for any.
        share: Whether to ask gradio's service for a public address. Without it the page is still served here.
        accounts: Names and passwords; none for a page without login.
        open_browser: Whether to show the page in the system's browser.
        framed: Whether other pages of this machine, such as a notebook, may frame it.
        modules: The tabs by name; None for all of `TABS`.
        root_path: Folder under which a proxy shows the page, "/models"; "" for none.
        proxies: Addresses and networks of proxies whose word counts for where a request comes from.
        access_log: Whether a line is logged for every request.
        further: What makes addresses of runs beside those of the tabs.

    Raises:
        ServeError: The port is taken, or the host is none of this machine.
    """
    from explorer.data import default_data_dir

    _reach_ourselves_directly()
    folder = library.checkpoints.absolute() if library.checkpoints is not None else None
    hide_folders(folder, folder and folder.parent, library.datasets.data_dir, default_data_dir())
    static, modules = StaticFiles(), tab_modules() if modules is None else modules
    figures, offers = offered(modules)
    blocks = build(library, static.url, modules)
    blocks.queue(max_size=32, default_concurrency_limit=2, api_open=False)
    names, any_address = hosts(host)
    public = is_public(host, share, accounts, proxies, root_path)
    # a page that others may frame could be pressed by their hand
    bench = None if public or framed else FitBench(library.checkpoints, library.datasets.data_dir)
    settings = {
        "server_name": _bracketed(host),
        "prevent_thread_lock": True,
        "quiet": True,
        "inline": False,
        "share": False,
        "root_path": root_path,
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "footer_links": [],
        "strict_cors": True,
        "mcp_server": False,
        "pwa": False,
        "max_file_size": MOST_UPLOAD,
        "state_session_capacity": MOST_SESSIONS,
        "max_threads": 16,
        "allowed_paths": [],
        "blocked_paths": [str(library.checkpoints.resolve())] if library.checkpoints is not None else [],
        "auth": list(accounts) or None,
        "auth_message": "This page is private." if accounts else None,
        "theme": theme(),
        "css_paths": [path for path in [STATIC / "page" / "frame.css"] if path.is_file()],
        "app_kwargs": {
            "routes": [
                *served(library, figures, static, [*offers, *further], public, bench),
                bare.route(library, static, modules),
            ],
            "middleware": [
                *layers(
                    names,
                    any_address,
                    MOST_BODY,
                    framed,
                    embedding_of(host, share, accounts),
                    accounts=[name for name, _ in accounts],
                    proxies=proxies,
                    tunnel=lambda: _has_tunnel(blocks),
                ),
                Middleware(Early, library=library, static=static, tabs=modules),
            ],
        },
    }
    url = _launch(blocks, host, port, settings)
    be_patient(
        blocks.server.config, Crowd(raise_descriptors(), proxies=proxies)
    )  # before anybody else is told the address
    keep_sober(access_log)
    threading.Thread(target=library.warm, name="warm", daemon=True).start()  # what the first visitor would wait for
    share_url, trouble = _tunnel(blocks, host) if share else (None, None)
    if open_browser:
        webbrowser.open(share_url or url)
    return Server(blocks, url, share_url, trouble, bench)


def _launch(blocks: gr.Blocks, host: str, port: int | None, settings: Mapping[str, Any]) -> str:
    """Launch on the port, or on the first free one; the address of the page."""
    candidates = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS)
    trouble = ""
    for candidate in candidates:
        free, trouble = _free_port(host, candidate)
        if free is None:
            continue
        try:
            with contextlib.redirect_stderr(_Quiet(sys.stderr)), _believing_nobody():
                _, url, _ = blocks.launch(server_port=free, **settings)
        except OSError as error:  # somebody took it between the look and the launch
            trouble = str(error)
            continue
        return url
    if port is not None:
        raise ServeError(f"cannot listen on {host} port {port}: {trouble}; choose another --port.")
    last = FIRST_PORT + PORTS - 1
    raise ServeError(
        f"cannot listen on {host} at any port {FIRST_PORT} to {last}: {trouble}; choose a --host or --port."
    )


@contextlib.contextmanager
def _believing_nobody() -> Iterator[None]:
    """While uvicorn reads its settings: otherwise whoever connects from this machine says where they come from."""
    usual = os.environ.get(BELIEVED_VARIABLE)
    os.environ[BELIEVED_VARIABLE] = ""
    try:
        yield
    finally:
        if usual is None:
            del os.environ[BELIEVED_VARIABLE]
        else:
            os.environ[BELIEVED_VARIABLE] = usual


class _Quiet(io.TextIOBase):
    """Drops uvicorn's own line about a port that was taken in the last moment; everything else passes."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def write(self, text: str) -> int:
        return len(text) if "error while attempting to bind" in text else self.target.write(text)

    def flush(self) -> None:
        self.target.flush()


def _free_port(host: str, port: int) -> tuple[int | None, str]:
    """The port if it can be listened on (0: any such), or None and the reason."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        return None, f"{host} is no name of this machine ({error.strerror or error})"
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name != "nt":  # elsewhere it only skips the wait after a server that has just ended
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return None, (error.strerror or str(error)).lower()
        return probe.getsockname()[1], ""


def _tunnel(blocks: gr.Blocks, host: str) -> tuple[str | None, str | None]:
    """A public address, or why there is none.

    The tunnel is set up here rather than by `launch(share=True)`, whose page loads its program from another site.
    """
    from gradio import networking

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            address = networking.setup_tunnel(
                local_host=host.strip("[]") if host not in ("0.0.0.0", "::") else "127.0.0.1",
                local_port=blocks.server_port,
                share_token=blocks.share_token,
                share_server_address=None,
                share_server_tls_certificate=None,
            )
    except Exception as error:  # noqa: BLE001 - whatever fails in a service of others, the local page goes on
        _end_tunnels(blocks)  # its program may be running although it got no address
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        return None, f"there is no public address, the share service cannot be reached ({reason}); the page is local."
    return address.replace("http://", "https://", 1), None


def _has_tunnel(blocks: gr.Blocks) -> bool:
    """Whether a program carries this page's public address now."""
    from gradio import tunneling

    own = [tunnel.proc for tunnel in tunneling.CURRENT_TUNNELS if tunnel.share_token == blocks.share_token]
    return any(program is not None and program.poll() is None for program in own)


def _end_tunnels(blocks: gr.Blocks) -> None:
    """End the programs that carry this page's public address; gradio itself ends them with the process only."""
    from gradio import tunneling

    for tunnel in list(tunneling.CURRENT_TUNNELS):
        if tunnel.share_token == blocks.share_token:
            program = tunnel.proc
            with contextlib.redirect_stdout(io.StringIO()):
                tunnel.kill()
            if program is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    program.wait(5)  # seconds
            tunneling.CURRENT_TUNNELS.remove(tunnel)


def _bracketed(host: str) -> str:
    """An IPv6 address in the brackets that addresses of pages need."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _reach_ourselves_directly() -> None:
    """Gradio asks its own server whether it is up: never by way of a proxy."""
    for variable in ("NO_PROXY", "no_proxy"):
        known = [name for name in os.environ.get(variable, "").split(",") if name]
        missing = [name for name in ("localhost", "127.0.0.1", "::1") if name not in known]
        os.environ[variable] = ",".join([*known, *missing])
