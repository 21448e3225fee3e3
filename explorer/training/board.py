"""What a fit looks like in TensorBoard, epoch by epoch: curves, histograms of latents, watched images, samples."""

import io
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from explorer.arrays import Coder, Images, Latents
from explorer.checkpoint import append, one_sentence
from explorer.images import tile
from explorer.training.sheets import SIDE


class Board:
    """Writes one run's epochs into a TensorBoard folder; the images of the data set go there and nowhere else.

    An epoch is added whole or not at all, by the thread that asks: TensorBoard's own writer does it in a thread whose
    failure would end the fit. A disk that fills up ends the board, never the fit.

    Args:
        folder: TensorBoard's folder; the run gets a folder of its own in it.
        name: The run's name.
        watched: Held-out images that are reconstructed at every epoch, one per class, (n, C, H, W) in [0, 1].

    Raises:
        CheckpointError: The folder cannot be written to.
    """

    def __init__(self, folder: Path, name: str, watched: Images) -> None:
        self.watched, self.trouble = watched, False
        self._path = folder / name / f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        with one_sentence(folder / name, "--tensorboard"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            append(self._path, _event(file_version="brain.Event:2"))

    def write(self, line: Mapping[str, Any], coder: Coder, codes: Latents, samples: Latents) -> None:
        """Add one epoch.

        Args:
            line: Its line of history.jsonl.
            coder: The model as it is now.
            codes: Posterior means of held-out images, (V, d).
            samples: Latents of the epoch's sheet, (SIDE * SIDE, d).
        """
        if self.trouble:
            return
        from torch.utils.tensorboard.summary import histogram, image, scalar

        summaries = []
        for part in ("train", "validation"):
            for name, value in line[part].items():
                summaries.append(scalar(f"{name}/{part}, nats per image", value))
            both = line[part]["distortion"] + line[part]["rate"]
            summaries.append(scalar(f"distortion + rate/{part}, nats per image", both))
        summaries += [scalar(name, line[name]) for name in ("beta", "lr", "images_per_second")]
        if any(line["posterior_deviation"]):
            summaries.append(scalar("mean posterior deviation", np.mean(line["posterior_deviation"])))
        for axis, rate in enumerate(line["rate_per_dimension"]):
            summaries.append(scalar(f"rate per dimension, nats/axis {axis}", rate))
            summaries.append(histogram(f"latents/axis {axis}", codes[:, axis], "auto"))
        again = coder.decode(coder.encode(self.watched).mean)
        pairs = tile(np.concatenate([self.watched, again]), columns=len(self.watched), gap=1)
        summaries.append(image("watched images and their reconstructions", pairs, dataformats="CHW"))
        summaries.append(image("samples", tile(coder.decode(samples), SIDE), dataformats="CHW"))
        try:
            append(self._path, b"".join(_event(step=line["epoch"], summary=each) for each in summaries))
        except OSError as error:
            self.trouble = True
            sys.stderr.write(
                f"TensorBoard gets no epoch from {line['epoch']} on, {self._path.parent} cannot be written to "
                f"({error.strerror or error}); the fit goes on\n"
            )


def _event(**parts: Any) -> bytes:
    """One event of now as TensorBoard's files hold it, with its length and checksums."""
    from tensorboard.compat.proto import event_pb2  # slow to import, seldom wanted
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = io.BytesIO()
    event = event_pb2.Event(wall_time=time.time(), **parts)  # pyright: ignore[reportAttributeAccessIssue]
    RecordWriter(content).write(event.SerializeToString())
    return content.getvalue()
