"""Features in which a fit compares an image with its reconstruction, beside the likelihood of the pixels.

The mean of all pictures that a code may stand for is blurred. Features that answer to edges, wherever these lie to a
pixel, tell a blur from a picture (Dosovitskiy & Brox 2016, https://arxiv.org/abs/1602.02644; Zhang et al. 2018,
https://arxiv.org/abs/1801.03924). Their net is fitted to the training images alone, without labels or attributes, and
shares nothing but these images with the judge of the scores, so that a fit to the one is not a fit to the other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from explorer.checkpoint import CONFIG, WEIGHTS, read_json, read_tensors
from explorer.data import ImageSet, Split
from explorer.devices import pick_precision
from explorer.progress import stage
from explorer.training.judge import Stored, Tell, kept_net, rounded, take_tensors, unheard, usable
from explorer.training.workers import Workers

WIDTHS = (16, 32, 64, 128)
"""Channels of the convolutions: the first has the size of the image, each of the others half of the one before."""

SMALLEST_SIDE = 8
"""Least side of a feature map, in pixels, where there are more than two of them."""

LARGEST_SIDE = 64
"""Side of the parts of larger images that the net is fitted to, in pixels."""

CODES = 64
"""Dimensions in which views are compared while the net is fitted."""

SEEN_PAIRS = 60_000
"""Most pairs of views that a net sees: minutes on one thread."""

BATCH = 128
"""Pairs of views in a step."""

TEMPERATURE = 0.1
"""Divisor of the cosines of codes (Chen et al. 2020, https://arxiv.org/abs/2002.05709)."""

LARGEST_OFFSET = 8
"""Pixels within which images are moved at random before features are compared: as many as the coarsest map joins."""

LEAST_SCALE = 0.6
"""Least side of the part of an image that a view shows, as a share of the image's side."""

CONTRAST, BRIGHTNESS = 0.3, 0.1
"""Most by which a view multiplies a channel's distance from grey, as a share, and lifts the channel, in pixels."""


class FeatureNet(nn.Module):
    """Convolutions, each normalised, with a mean over 2x2 pixels between one and the next.

    Args:
        image_shape: (C, H, W); small images have fewer convolutions, two at least.

    Attributes:
        offset: Pixels by which `distance` moves images down and to the right first, (2,). A fit draws it anew for
            every step: a net that always averages the same pixels teaches a decoder to draw their grid.
    """

    offset: Tensor

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        halvings = max(1, (min(image_shape[1:]) // SMALLEST_SIDE).bit_length() - 1)
        widths = WIDTHS[: halvings + 1]
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(after))
            for before, after in zip((image_shape[0], *widths), widths, strict=False)
        )
        self.head = nn.Sequential(nn.Linear(widths[-1], 128), nn.ReLU(), nn.Linear(128, CODES))
        self.register_buffer("offset", torch.zeros(2, dtype=torch.int64), persistent=False)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Feature maps (N, C_l, H_l, W_l), each normalised over the views of the fit, of images (N, C, H, W)."""
        found: list[Tensor] = []
        for layers in self.stages:
            found.append(layers(nn.functional.avg_pool2d(found[-1].relu(), 2) if found else images))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Codes of length 1, (N, CODES), of images (N, C, H, W) in [0, 1]."""
        last = self.maps(images)[-1].relu().mean(dim=(2, 3))
        return nn.functional.normalize(self.head(last).float(), dim=1)

    def _moved(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) moved by the offset; a row or column that leaves comes in on the other side."""
        down, right = (
            (torch.arange(side, device=images.device) - step) % side
            for side, step in zip(images.shape[2:], self.offset, strict=True)
        )
        return images[:, :, down[:, None], right]

    def distance(self, reconstructions: Tensor, images: Tensor) -> Tensor:
        """Mean squared difference of the features, (N,): 0 at the image itself, some 2 at another one.

        It is the mean over all maps. A decoder that can draw a grid draws one into every picture: the grid has the
        energy of hair, cloth and noise, whose places no code tells, and the later maps mistake it for them, as a judge
        does. The first map, which is linear in the pixels, tells it from them, and `explorer.models.layers.even_out`
        takes it away.

        Args:
            reconstructions: (N, C, H, W) in [0, 1]; the gradient goes through them alone.
            images: The same shape.
        """
        with torch.no_grad():
            wanted = self.maps(self._moved(images))
        found = self.maps(self._moved(reconstructions))
        errors = [a.float() - b.float() for a, b in zip(found, wanted, strict=True)]
        return torch.stack([error.square().mean(dim=(1, 2, 3)) for error in errors]).mean(dim=0)


def open_features(folder: Path, images: ImageSet, split: Split, tell: Tell = unheard) -> FeatureNet:
    """The net of a data set, ready for `distance` alone: read if it was made on these very images, else fitted.

    Args:
        folder: `features-<dataset>+loss/` beside the runs.
        images: The data set.
        split: Its training rows are fitted.
        tell: Told of the steps of its fit.
    """
    return kept_net(folder, images, load_features, lambda: _made(images, split, tell))


def shared_features(images: ImageSet, split: Split, workers: Workers, out: Path, quiet: bool) -> FeatureNet:
    """The net of a fit: the first process opens it, so that it is fitted once, and the others read it.

    Args:
        images: The data set.
        split: Its training rows are fitted.
        workers: The processes that share the fit.
        out: The folder of the runs.
        quiet: Whether no bar is shown.
    """

    def opened() -> FeatureNet:
        folder = out / f"features-{images.name}+loss"
        with stage("opening the net of the feature loss", 1, quiet=quiet or not workers.is_first) as bar:

            def tell(done: int, total: int) -> None:
                bar.update(done / total - bar.n)

            return open_features(folder, images, split, tell)

    found = opened() if workers.is_first else None
    workers.agree(True)
    return found or opened()


def load_features(folder: Path) -> tuple[FeatureNet, str]:
    """The net in a folder, ready for `distance` alone, and the fingerprint of the data set that it was made on.

    Raises:
        CheckpointError: The folder is missing or damaged.
    """
    with usable(folder):
        stored: Any = read_json(folder / CONFIG)
        fingerprint, shape = str(stored["fingerprint"]), tuple(stored["image_shape"])
        with torch.device("meta"):  # sizes that somebody wrote cost no memory until the tensors agree with them
            net = FeatureNet(shape)
        take_tensors(net, read_tensors(folder / WEIGHTS))
    net.offset = torch.zeros(2, dtype=torch.int64)  # the file has none, so that it is on the meta device still
    net.eval().requires_grad_(False)
    pairs = [tuple(layers.children()) for layers in net.stages]
    fused = [fuse_conv_bn_eval(*pair) for pair in pairs]  # pyright: ignore[reportArgumentType]
    net.stages = nn.ModuleList(fused)  # a step of a fit takes a quarter less
    return net, fingerprint


def _made(images: ImageSet, split: Split, tell: Tell) -> Stored:
    net, told = fit_features(images, split, tell=tell)
    about = f"net that tells views of one image of {images.name} from views of others"
    return rounded(net), {"kind": "views", "space": about, "pairs_told": told}


def fit_features(images: ImageSet, split: Split, seed: int = 0, tell: Tell = unheard) -> tuple[FeatureNet, float]:
    """A net fitted to the training rows: the codes of two views of an image agree, those of other images do not.

    SimCLR (Chen et al. 2020, https://arxiv.org/abs/2002.05709), without its blur: sharpness must tell images apart.

    Returns:
        The net, and the share of the views of its last steps whose partner it finds among all views of the step.
    """
    torch.manual_seed(seed)
    net = FeatureNet(images.image_shape).to(memory_format=torch.channels_last)
    precision, generator = pick_precision("auto", torch.device("cpu")), torch.Generator().manual_seed(seed)
    steps = -(-SEEN_PAIRS // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    told: list[float] = []
    for step, rows in zip(range(steps), _batches(split.train, generator), strict=False):
        tell(step, steps)
        batch = part_of(torch.from_numpy(images.images(rows)), generator)
        both = torch.cat([view(batch, generator), view(batch, generator)]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            codes = net(both)
        likeness = (codes @ codes.T / TEMPERATURE).fill_diagonal_(-torch.inf)
        partner = torch.arange(len(both)).roll(len(batch))
        loss = nn.functional.cross_entropy(likeness, partner)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        told.append(float((likeness.argmax(dim=1) == partner).float().mean()))
    return net.eval(), float(np.mean(told[-10:]))


def _batches(rows: NDArray[np.int64], generator: torch.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows (B,) of one batch after another, without end; in a batch each stands once."""
    while True:
        for places in torch.randperm(len(rows), generator=generator).split(BATCH):
            if len(places) == min(BATCH, len(rows)):
                yield np.sort(rows[places.numpy()])


def part_of(images: Tensor, generator: torch.Generator) -> Tensor:
    """The same window of `LARGEST_SIDE` of all images (N, C, H, W), where they are larger."""
    for side in (2, 3):
        room = images.shape[side] - LARGEST_SIDE
        if room > 0:
            start = int(torch.randint(room + 1, (1,), generator=generator))
            images = images.narrow(side, start, LARGEST_SIDE)
    return images


def view(images: Tensor, generator: torch.Generator) -> Tensor:
    """A part of each image (N, C, H, W), enlarged to its size, perhaps mirrored, its channels of another contrast."""
    count, channels = images.shape[:2]

    def between(least: float, most: float, *shape: int) -> Tensor:
        return least + (most - least) * torch.rand(count, *shape, generator=generator)

    scale, mirrored = between(LEAST_SCALE, 1), torch.rand(count, generator=generator) < 0.5
    places = torch.zeros(count, 2, 3)
    places[:, 0, 0], places[:, 1, 1] = torch.where(mirrored, -scale, scale), scale
    places[:, :, 2] = between(-1, 1, 2) * (1 - scale)[:, None]
    grid = nn.functional.affine_grid(places, list(images.shape), align_corners=False)
    part = nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    gain = between(1 - CONTRAST, 1 + CONTRAST, channels, 1, 1)
    return ((part - 0.5) * gain + 0.5 + between(-BRIGHTNESS, BRIGHTNESS, channels, 1, 1)).clamp(0, 1)
