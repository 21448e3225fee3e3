"""What a fit looks like in TensorBoard, epoch by epoch: curves, histograms of latents, watched images, samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from explorer.arrays import Coder, Images, Latents
from explorer.checkpoint import one_sentence
from explorer.images import tile
from explorer.training.sheets import SIDE


class Board:
    """Writes one run's epochs into a TensorBoard folder; the images of the data set go there and nowhere else.

    Args:
        folder: TensorBoard's folder; the run gets a folder of its own in it.
        name: The run's name.
        watched: Held-out images that are reconstructed at every epoch, one per class, (n, C, H, W) in [0, 1].
    """

    def __init__(self, folder: Path, name: str, watched: Images) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import, seldom wanted

        with one_sentence(folder):
            self.writer = SummaryWriter(str(folder / name))
        self.watched = watched

    def write(self, line: Mapping[str, Any], coder: Coder, codes: Latents, samples: Latents) -> None:
        """Add one epoch.

        Args:
            line: Its line of history.jsonl.
            coder: The model as it is now.
            codes: Posterior means of held-out images, (V, d).
            samples: Latents of the epoch's sheet, (SIDE * SIDE, d).
        """
        epoch = line["epoch"]
        for part in ("train", "validation"):
            for name, value in line[part].items():
                self.writer.add_scalar(f"{name}/{part}, nats per image", value, epoch)
            both = line[part]["distortion"] + line[part]["rate"]
            self.writer.add_scalar(f"distortion + rate/{part}, nats per image", both, epoch)
        for name in ("beta", "lr", "images_per_second"):
            self.writer.add_scalar(name, line[name], epoch)
        if any(line["posterior_deviation"]):
            self.writer.add_scalar("mean posterior deviation", np.mean(line["posterior_deviation"]), epoch)
        for axis, rate in enumerate(line["rate_per_dimension"]):
            self.writer.add_scalar(f"rate per dimension, nats/axis {axis}", rate, epoch)
            self.writer.add_histogram(f"latents/axis {axis}", codes[:, axis], epoch)
        again = coder.decode(coder.encode(self.watched).mean)
        pairs = tile(np.concatenate([self.watched, again]), columns=len(self.watched), gap=1)
        self.writer.add_image("watched images and their reconstructions", pairs, epoch)
        self.writer.add_image("samples", tile(coder.decode(samples), SIDE), epoch)
        self.writer.flush()

    def close(self) -> None:
        """Write what is left and let go of the files."""
        self.writer.close()
