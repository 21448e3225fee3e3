"""Questions to the Hub: what goes wrong becomes one sentence, and no file is larger than it was said to be."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from explorer.errors import HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SECONDS = 30.0
"""Patience with a Hub that says nothing."""


def be_offline() -> None:
    """Ask the Hub for nothing from now on: gradio would otherwise look there for its makers' service."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if "huggingface_hub" in sys.modules and os.environ["HF_HUB_OFFLINE"] == "1":
        from huggingface_hub import constants

        constants.HF_HUB_OFFLINE = True  # the variable was read when it was imported


def api() -> "HfApi":
    """The Hub that is asked."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


@contextlib.contextmanager
def asking(repository: str, revision: str = "main") -> Iterator[None]:
    """Ask the Hub inside the block; what goes wrong becomes one sentence.

    Raises:
        HubError: Something went wrong.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise HubError("$HF_HUB_OFFLINE is set, so the Hub is not asked; unset it.", is_offline=True) from None
    except errors.HFValidationError:
        raise HubError(f"{repository!r} is no name of a repository on the Hub; name owner/name.") from None
    except errors.GatedRepoError:
        raise HubError(
            f"{repository} is only for those who asked for it on its page; do so, and set $HF_TOKEN."
        ) from None
    except errors.RevisionNotFoundError:
        raise HubError(f"{repository} has no revision {revision!r}; leave it out for the newest.") from None
    except errors.RepositoryNotFoundError:
        raise HubError(
            f"there is no repository {repository} on the Hub, or it is private; check the name, or set $HF_TOKEN."
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise HubError(f"the Hub refuses {repository} ({status}); make a token with: hf auth login") from None
        raise HubError(f"the Hub answers {status} for {repository}; try again later.") from None
    except (errors.HTTPError, OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        is_offline = isinstance(error, errors.HTTPError | OSError)
        what = "cannot be reached" if is_offline else "answers what cannot be understood"
        raise HubError(f"the Hub {what} ({reason}); try again later.", is_offline=is_offline) from None


def stream(repository: str, path: str, revision: str, kind: str, most: int) -> Iterator[bytes]:
    """A file of a repository as it arrives.

    Raises:
        HubError: It has more bytes than `most`, or the Hub refuses it.
    """
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    address = hf_hub_url(repository, path, repo_type=kind, revision=revision, endpoint=api().endpoint)
    headers = {**build_hf_headers(), "accept-encoding": "identity"}
    seen = 0
    with (
        asking(repository, revision),
        get_session().stream("GET", address, headers=headers, timeout=SECONDS, follow_redirects=True) as answer,
    ):
        if answer.status_code != 200:
            raise HubError(f"the Hub answers {answer.status_code} for {path} of {repository}; try again later.")
        for piece in answer.iter_bytes():
            seen += len(piece)
            if seen > most:
                raise HubError(f"{path} of {repository} is larger than the {most:,} bytes that it may have.")
            yield piece
