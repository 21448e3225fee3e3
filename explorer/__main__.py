"""Open the explorer from the command line: `python -m explorer`.

Exit codes: 0 done, 1 a mistake to mend (one line on stderr), 2 a bad command line, 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import atexit
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from explorer.config.accounts import ACCOUNTS_VARIABLE, read_accounts
from explorer.config.flags import Flags
from explorer.config.values import image_size, network, pixel_range, port, root_path
from explorer.errors import DataError, ExplorerError
from explorer.hub import be_offline, fetch, is_address
from explorer.progress import is_terminal, stage
from explorer.site import default_checkpoints

if TYPE_CHECKING:
    from explorer.library import Library

BUSY_SECONDS = 1.0
"""Processor seconds after which freed memory goes back to the system."""

M_ARENA_MAX, HEAPS = -8, 2
"""glibc's name for the number of heaps, and that number."""


def parser() -> Flags:
    """The command line."""
    found = Flags(
        prog="python -m explorer",
        description="Open the latent space explorer in the browser.",
        epilog=f"Accounts may also come from ${ACCOUNTS_VARIABLE} (name:password), which keeps them off the command "
        "line; names under which a proxy reaches the page from $EXPLORER_HOSTS (separated by commas).",
    )
    found.add_argument(
        "run",
        nargs="*",
        metavar="RUN",
        help="run to show first (default: the best MNIST VAE), or hf://owner/name[@revision] for one of the Hub",
    )
    found.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="folder of the runs (default: checkpoints here, else the one beside the program)",
    )
    found.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder of the data sets (default: $EXPLORER_DATA, else the user's cache folder)",
    )
    found.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on (default: %(default)s)")
    found.add_argument("--port", type=port, metavar="P", help="port, exactly this one (default: the first free one)")
    found.add_argument("--share", action="store_true", help="ask gradio's service for a public address")
    found.add_argument(
        "--root-path",
        type=root_path,
        default="",
        metavar="PATH",
        help="folder under which a proxy shows the page, as /models (default: none)",
    )
    found.add_argument(
        "--proxy",
        type=network,
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address or network of a proxy whose X-Forwarded headers are believed; may be repeated",
    )
    found.add_argument("--access-log", action="store_true", help="print a line for every request")
    found.add_argument("--auth-file", type=Path, metavar="FILE", help="accounts, one name:password a line")
    found.add_argument(
        "--export",
        type=Path,
        metavar="PATH",
        help="write the page of RUN, with its twin and ladder, as a folder or one .html file that needs no server",
    )
    found.add_argument(
        "--with-images",
        action="store_true",
        help="let pictures of the data set enter an exported page, where its terms allow that",
    )
    found.add_argument(
        "--push",
        metavar="OWNER/NAME",
        help="send RUN, with its twin and ladder, to the Hugging Face Hub, and its page as a static Space",
    )
    found.add_argument("--open", action="store_true", help="show the page in the system's browser")
    own = found.add_argument_group("a model of your own")
    own.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="FILE.py:make_model, whose code is run; a TorchScript file; or a folder with encoder.onnx and "
        "decoder.onnx, the same as .pt2 or .ts, or one that pythae or diffusers saved; may be repeated",
    )
    own.add_argument(
        "--images",
        type=Path,
        metavar="PATH",
        help="what it encodes: a folder of pictures, or a file as train.py --file takes it",
    )
    own.add_argument(
        "--weights",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="weights of the model that FILE.py:make_model makes: .safetensors, .pt, or Lightning's .ckpt",
    )
    own.add_argument(
        "--pixel-range",
        type=pixel_range,
        metavar="LOW,HIGH",
        help="values of black and white that it takes and gives, as -1,1 (default: found out)",
    )
    own.add_argument(
        "--image-size",
        type=image_size,
        metavar="N|HxW",
        help="size that the pictures are brought to, in pixels (default: the one that all have)",
    )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until somebody ends it.

    Args:
        arguments: The command line; None for the process's own.

    Returns:
        The exit code.
    """
    flags = parser()
    options = flags.parse_args(arguments)
    if len(options.run) > 1 and options.export is None:
        flags.error(f"{len(options.run)} runs are named; name one to begin with, or several with --export PATH")
    if bool(options.model) != (options.images is not None):
        flags.error("--model MODEL and --images PATH need each other; give both or neither")
    if options.weights and len(options.weights) != len(options.model):
        flags.error("--weights FILE must be given once for each --model, or not at all")
    if options.model and options.export is not None:
        flags.error("--export writes runs; make one of the model first, with explorer.save_run")
    if options.push is not None and (options.export is not None or len(options.run) > 1):
        flags.error("--push sends one run; name one, without --export")
    if any(map(is_address, options.run)) and (len(options.run) > 1 or options.checkpoints or options.push):
        flags.error("a run of the Hub comes with a folder of its own; name it alone, without --checkpoints and --push")
    signal.signal(signal.SIGTERM, _end)
    try:
        if options.push is not None:
            return _push(options)
        _fetch(options)
        return _export(options) if options.export is not None else _serve(options)
    except ExplorerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _push(options: argparse.Namespace) -> int:
    from explorer.site.push import push

    print(push(options.push, *options.run, checkpoints=options.checkpoints), flush=True)
    return 0


def _fetch(options: argparse.Namespace) -> None:
    """Have a run of the Hub here where one is asked for, and nothing more to do with the Hub."""
    if options.run and is_address(options.run[0]):
        found = fetch(options.run[0])
        options.run, options.checkpoints = [found.run], found.folder
        if found.is_old:
            print("warning: the Hub cannot be reached; this is what was fetched before.", file=sys.stderr)
    be_offline()


def _export(options: argparse.Namespace) -> int:
    from explorer.site import export

    places = {"checkpoints": options.checkpoints, "data_dir": options.data_dir}
    print(export(options.export, options.run, **places, with_images=options.with_images), flush=True)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from explorer.library import Library

    if options.data_dir is not None and not options.data_dir.is_dir():
        raise DataError(f"{options.data_dir} is no folder; create it, or name another --data-dir.")
    shipped = None if options.model else default_checkpoints()  # somebody's own model stands alone, unless asked
    library = Library(options.checkpoints or shipped, options.data_dir)
    if options.model:
        _hold(library, options)
    for run in options.run:
        library.check(run)
        library.preferred = run
    accounts = read_accounts(options.auth_file)
    with stage("starting the page", quiet=not is_terminal()):  # gradio takes seconds; a log needs the address alone
        from explorer.site import page_of
        from explorer.ui.app import LOCAL, serve
        from explorer.ui.export import page_routes

        server = serve(
            library,
            host=options.host,
            port=options.port,
            share=options.share,
            accounts=accounts,
            open_browser=options.open,
            root_path=options.root_path,
            proxies=options.proxy,
            access_log=options.access_log,
            further=[page_routes(page_of)],
        )
    try:
        print(f"Latent Space Explorer: {server.url}   (Ctrl-C ends it)", flush=True)
        if server.share_url:
            print(shared(server.share_url, len(accounts)), flush=True)
        if server.share_trouble:
            print(f"warning: {server.share_trouble}", file=sys.stderr, flush=True)
        if not accounts and (server.share_url or options.host not in LOCAL):
            print(
                f"warning: anyone who can reach this address can use the page; set ${ACCOUNTS_VARIABLE}=name:password "
                "or --auth-file to ask for a password.",
                file=sys.stderr,
                flush=True,
            )
        trimmed = time.process_time()
        while server.is_serving():
            time.sleep(0.5)
            if time.process_time() - trimmed >= BUSY_SECONDS:
                _trim()
                trimmed = time.process_time()
    finally:
        server.close()
        farewell = None if server.bench is None else server.bench.farewell()
        if farewell is not None:
            print(farewell, flush=True)
    return 0


def _hold(library: "Library", options: argparse.Namespace) -> None:
    """Keep the models of the command line in a library, and say what was found out about them."""
    from explorer.adapters import placed_model
    from explorer.library import hold_models

    models = []
    for number, place in enumerate(options.model):
        file, _, name = place.rpartition(":")
        if file.endswith(".py"):
            print(f"running the code of {file} for {name}", flush=True)
        models.append(placed_model(place, options.weights[number] if options.weights else None))
    with stage("encoding the images", quiet=not is_terminal()):
        said = hold_models(
            library,
            models if len(models) > 1 else models[0],
            options.images,
            pixel_range=options.pixel_range,
            image_size=options.image_size,
        )
    for sentence in said:
        print(sentence, flush=True)


def shared(address: str, accounts: int) -> str:
    """What somebody who hands out a public address should know.

    Args:
        address: The address.
        accounts: How many may log in; 0 for a page without a password.
    """
    entry = f"asked for, by {accounts} account{'s' if accounts > 1 else ''}" if accounts else "none"
    who = "who log in" if accounts else "there is no password: everybody who has or guesses the address"
    return (
        f"Public address: {address}\n"
        "  ends: with this program, and after at most a week, as gradio's service says\n"
        f"  password: {entry}\n"
        f"  Visitors ({who}) can open every run listed here, decode, compare, save what they see, show pictures of "
        "their own, which are not kept, start t-SNE layouts, and fetch a known data set that is missing here.\n"
        "  Visitors cannot fit, change or delete runs, read other files, or see each other. All traffic passes through "
        "gradio's service. More: SECURITY.md"
    )


def _leave_room() -> None:
    """Let the nets use half the cores unless $OMP_NUM_THREADS says how many; to be called before torch is loaded.

    A decode of one latent gains nothing from more, and where the browser runs on the same two cores, threads that wait
    for one another made the slowest twentieth of a drag's pictures 1.7 times as late.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) // 2)))


def _glibc() -> ctypes.CDLL | None:
    """The C library where it is one whose allocator takes advice, or None."""
    try:
        found = ctypes.CDLL("libc.so.6")
        _ = found.mallopt, found.malloc_trim
    except (OSError, AttributeError):
        return None
    return found


def _share_heaps() -> None:
    """Let all threads share few heaps: each keeps what its threads freed, and by default there are eight per core."""
    libc = _glibc()
    if libc is not None and "MALLOC_ARENA_MAX" not in os.environ:
        libc.mallopt(M_ARENA_MAX, HEAPS)


def _trim() -> None:
    """Give freed memory back to the system, which the C library keeps after large computations."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """`main` as a process of its own, which ends as soon as `main` has.

    The interpreter's usual end unwinds threads that run on, and one that is inside torch's C++ then aborts the process
    (before Python 3.14): "terminate called without an active exception" after Ctrl-C while the first model is loaded.
    """
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any longer
            stream.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    _leave_room()
    _share_heaps()
    run()
