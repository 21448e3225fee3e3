"""What can go wrong, named: a user's mistake is an `ExplorerError`, anything else is a bug.

The command line prints an `ExplorerError` as one line and exits 1; the page shows it as a message. Every message
says what was found, the rule it breaks, and what to do next.
"""

import signal


class ExplorerError(Exception):
    """A mistake that its reader can mend; the text is one sentence for a person."""


class ShapeError(ExplorerError):
    """An array has the wrong shape or holds values that are not finite."""


class NotFoundError(ExplorerError):
    """A run, an image or a part of one is named that is not there."""


class TooMuchError(ExplorerError):
    """More is asked for at once than one answer may cost."""


class ConfigError(ExplorerError):
    """A setting is unknown, out of range, or at odds with another."""


class DataError(ExplorerError):
    """A data set is missing, incomplete or damaged."""


class MissingDataError(DataError):
    """A file of a data set is not there at all, so that it can be fetched."""


class UnconvertedError(DataError):
    """The pictures of a data set are there, but were not converted yet, which takes a while."""


class PictureError(ExplorerError):
    """A picture that somebody shows cannot be used: no picture, damaged, too large, or nothing on it."""


class CheckpointError(ExplorerError):
    """A run is missing, damaged, foreign, or in the way."""


class UnreadableError(CheckpointError):
    """A file of a run is not there, or the disk refuses it just now."""


class TrainingError(ExplorerError):
    """A fit diverged: its loss is no longer finite."""


class ServeError(ExplorerError):
    """The page cannot be served: a port is taken, or an account file is unreadable."""


class HubError(ExplorerError):
    """The Hugging Face Hub cannot be reached, or refuses what is asked of it.

    Args:
        sentence: What is wrong.
        is_offline: Whether the Hub was not reached at all.
    """

    def __init__(self, sentence: str, is_offline: bool = False) -> None:
        super().__init__(sentence)
        self.is_offline = is_offline


class Interrupted(Exception):  # noqa: N818 - no error: somebody asked for it
    """SIGINT or SIGTERM ended the work; what can be saved is saved."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal_number = number
