"""What every test stands on: no network, no trace in the user's folders, real data only where they are."""

import atexit
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.fitters import Fitter

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
"""Whether a missing tool is a failure instead of a skip."""

REAL_DATA = Path(os.environ.get("EXPLORER_DATA") or ROOT.parent / "shared" / "data")
"""Where the real data sets are looked for; only tests that ask for `data_dir` get to see it."""

# gradio and huggingface_hub read these when they are imported, hence before any test module is
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

# what a test writes by default goes here, never to the user's own caches; and what a user has downloaded
# changes no result
SANDBOX = Path(tempfile.mkdtemp(prefix="explorer-tests-"))
atexit.register(shutil.rmtree, SANDBOX, ignore_errors=True)
os.environ["EXPLORER_DATA"] = str(SANDBOX / "data")
os.environ["EXPLORER_CACHE"] = str(SANDBOX / "cache")
os.environ["GRADIO_TEMP_DIR"] = str(SANDBOX / "gradio")
for name in ("EXPLORER_AUTH", "GRADIO_SHARE", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_ROOT_PATH"):
    os.environ.pop(name, None)

settings.register_profile(
    "suite", deadline=None, derandomize=CI, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


class NetworkAccessError(AssertionError):
    """A test reached for another machine."""


def is_local(host: object) -> bool:
    """Whether a host of `socket.connect` or `getaddrinfo` is this machine."""
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Every attempt to leave this machine fails, so that the suite passes offline because it is offline."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def checked_address(address: Any) -> None:
        if isinstance(address, tuple) and not is_local(address[0]):
            raise NetworkAccessError(f"a test connects to {address[0]}; the suite must run without a network")

    def local_connect(self: socket.socket, address: Any) -> None:
        checked_address(address)
        connect(self, address)

    def local_connect_ex(self: socket.socket, address: Any) -> int:
        checked_address(address)
        return connect_ex(self, address)

    def local_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        if not is_local(host):
            raise NetworkAccessError(f"a test looks up {host}; the suite must run without a network")
        return getaddrinfo(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_connect)
        patch.setattr(socket.socket, "connect_ex", local_connect_ex)
        patch.setattr(socket, "getaddrinfo", local_getaddrinfo)
        yield


FEW_TREES = 10
"""Trees of each of the 18 classifiers that tell draws from codes, where a test wants a run and not its scores."""


@pytest.fixture(scope="session", autouse=True)
def few_trees() -> Iterator[None]:
    """Runs are measured in one second instead of six; the classifier's own laws keep all its trees."""
    from explorer.analysis import log_ratio

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_ratio, "TREES", FEW_TREES)
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, as `--data-dir` wants it; skips where there is none.

    It may be read-only. Tests that need a set beyond MNIST check for it with `real_set`.
    """
    if not (REAL_DATA / "MNIST" / "raw").is_dir():
        pytest.skip(f"no real data: {REAL_DATA / 'MNIST' / 'raw'} is missing; set EXPLORER_DATA to a folder with it")
    return REAL_DATA


@pytest.fixture(scope="session")
def real_set() -> Callable[[str], Path]:
    """A function of a folder's name ("celeba") that returns the data folder, or skips where that set is absent."""

    def folder_with(name: str) -> Path:
        if not (REAL_DATA / name).is_dir():
            pytest.skip(f"no real data: {REAL_DATA / name} is missing; set EXPLORER_DATA to a folder with it")
        return REAL_DATA

    return folder_with


@pytest.fixture(scope="session")
def missing_tool() -> Callable[[str], NoReturn]:
    """Call it with a sentence when a tool a test needs is not there: a skip for a user, a failure in CI."""

    def give_up(reason: str) -> NoReturn:
        if CI:
            pytest.fail(f"{reason} (CI is set, so this is a failure)")
        pytest.skip(reason)

    return give_up


@pytest.fixture(scope="session")
def chromium(missing_tool: Callable[[str], NoReturn]) -> str:
    """Path of a Chromium for playwright's `executable_path`; $EXPLORER_CHROMIUM names one of one's own."""
    names = (os.environ.get("EXPLORER_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found or missing_tool("no Chromium found: install chromium, or set EXPLORER_CHROMIUM to its path")


@pytest.fixture(scope="session")
def fitter() -> "Iterator[Fitter]":
    """Short fits in processes of their own."""
    from tests.fitters import open_fitter

    with open_fitter() as opened:
        yield opened


@pytest.fixture(scope="session")
def twin_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the twins digits-vae-2 and digits-ae-2, fitted for a moment; read, never write.

    Tests that damage a run take `run_folder`.
    """
    from tests.runs import write_run

    out = tmp_path_factory.mktemp("runs")
    write_run(out, "vae", twin="digits-ae-2")
    write_run(out, "ae", twin="digits-vae-2")
    return out


@pytest.fixture(scope="session")
def level_runs(twin_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with digits-hierarchical-5, of levels of 1, 2 and 2 axes, fitted for a moment; read, never write."""
    from tests.runs import write_run

    out = tmp_path_factory.mktemp("level-runs")
    shutil.copytree(twin_runs / "features-digits", out / "features-digits")
    write_run(out, "hierarchical", latent_dim=5, stochastic_levels=3)
    return out


@pytest.fixture
def run_folder(twin_runs: Path, tmp_path: Path) -> Path:
    """A copy of digits-vae-2 to break at will; its parent holds nothing else."""
    return Path(shutil.copytree(twin_runs / "digits-vae-2", tmp_path / "runs" / "digits-vae-2"))
