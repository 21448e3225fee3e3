"""The fit loop: the whole data set on the device, one step after another, nothing lost when it is interrupted."""

import contextlib
import io
import math
import signal
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from explorer.arrays import Pixels
from explorer.checkpoint import HISTORY, STATE, flush_to_disk, write_bytes
from explorer.config import CYCLED, RunConfig, TrainConfig, to_json
from explorer.data import Split
from explorer.errors import CheckpointError, ConfigError, Interrupted, TrainingError
from explorer.models import Autoencoder, Loss, build_model
from explorer.models.layers import even_out
from explorer.models.losses import Gaussian
from explorer.models.normalisation import BatchNorm
from explorer.models.vae import VAE
from explorer.progress import is_terminal
from explorer.training.average import averaged, renew_statistics
from explorer.training.feed import Feed, memory, open_feed
from explorer.training.gradients import IMAGES as GRADIENT_IMAGES
from explorer.training.gradients import gradient_variance
from explorer.training.perception import LARGEST_OFFSET, FeatureNet
from explorer.training.workers import ALONE, Workers

CHECK_EVERY = 50
"""Steps between two looks at the loss: each look makes the host wait for the device."""

DIVERGED = 10
"""A loss that rises above the first one by so many times its size, 100 nats at least, will not come back."""

RENEWED_BATCHES = 2
"""Batches of training images from which averaged weights get their statistics after an epoch; after the last, all."""

COMPILE_PAYS_AFTER = 300.0
"""Seconds that a fit on CUDA must still have before it: compiling takes up to a minute."""

SEEDS = {"weights": 0, "noise": 1, "shuffle": 2, "validation": 3}
"""Offsets of the streams of random numbers drawn from one seed."""


@dataclass(frozen=True)
class Fitted:
    """A finished fit.

    Attributes:
        model: The fitted model, on the device it was fitted on: the averaged weights if an average was kept, those of
            the best epoch if patience was set, else the last.
        seconds: Time spent in epochs, validation included, over all resumed parts.
        images_per_second: Training images a second inside the epochs.
        epochs: Epochs fitted: fewer than asked for where patience ended.
        best_epoch: The epoch with the least loss on the validation images.
        gradient_variance: As `gradient_variance` measures it, at the fitted weights; None for an autoencoder, and for a
            fit that charges for features.
    """

    model: Autoencoder
    seconds: float
    images_per_second: float
    epochs: int
    best_epoch: int
    gradient_variance: dict[str, Any] | None


class Fit:
    """One fit of one configuration, which can be stopped after any step and resumed bit for bit on the CPU.

    Args:
        config: Resolved settings with image_shape and levels filled in.
        pixels: The data set as stored grey levels, (N, C, H, W), in memory or mapped from a file.
        parts: Its split: the training rows are fitted, the validation rows give the validation curve.
        device: Where to compute.
        precision: torch.float32 or torch.bfloat16, of the arithmetic inside the nets.
        folder: Where the state is kept.
        workers: The processes that share the fit.
        features: The net of a feature loss, for a fit with one.
        first: Weights of another fit of the same net to begin with; those of the likelihood are left aside.

    Raises:
        ConfigError: A feature loss has no net, the batch has more images than there are or cannot be shared evenly
            among the processes, or the device has no memory for the model.
    """

    def __init__(
        self,
        config: RunConfig,
        pixels: Pixels,
        parts: Split,
        *,
        device: torch.device,
        precision: torch.dtype,
        folder: Path,
        workers: Workers = ALONE,
        features: FeatureNet | None = None,
        first: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        settings = config.train
        if settings.charges_features and features is None:
            raise ConfigError("feature_loss needs a net of features, which train.py fits first.")
        assert (
            config.model.levels and settings.epochs and settings.batch_size and config.model.latent_dim and settings.lr
        )
        assert settings.momentum is not None
        self.config, self.device, self.precision, self.folder, self.workers = config, device, precision, folder, workers
        self.scale, self.latent_dim = config.model.levels - 1, config.model.latent_dim
        self.train = open_feed(pixels, parts.train, device, settings.stream)
        self.validation = open_feed(pixels, parts.validation, device, settings.stream)
        self.image_shape = pixels.shape[1:]
        self.batch_size = settings.batch_size
        if self.batch_size > len(self.train):
            raise ConfigError(
                f"batch_size must be at most the {len(self.train):,} images that are fitted, but is {self.batch_size}."
            )
        if self.batch_size % workers.count:
            raise ConfigError(
                f"batch_size must be a multiple of the {workers.count} processes, but is {self.batch_size}."
            )
        self.steps_per_epoch = len(self.train) // self.batch_size  # the ragged rest sits out; the shuffle varies whom
        self.total_steps = settings.epochs * self.steps_per_epoch
        check_memory(config, device)
        torch.manual_seed(settings.seed + SEEDS["weights"])
        self.model = build_model(config.model, settings).to(device)
        if config.model.net != "mlp":
            self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.model.average = workers.average
        if first is not None:
            own, theirs = self.model.state_dict(), {name: torch.from_numpy(each) for name, each in first.items()}
            ours = {name: each for name, each in own.items() if name.startswith("likelihood.")}
            nets = {name: each for name, each in theirs.items() if not name.startswith("likelihood.")}
            self.model.load_state_dict({**ours, **nets})
        if isinstance(self.model.likelihood, Gaussian):
            self.model.likelihood.average = workers.average
        for module in self.model.modules():
            if isinstance(module, BatchNorm) and workers.count > 1:
                module.average = workers.average_with_gradient
        # the loss must go through the wrapper's forward: called past it, gradients stay unsynchronised
        self.shared = DistributedDataParallel(self.model) if workers.count > 1 else self.model
        self.loss_of: Callable[..., Loss] = self.shared
        if settings.compile and self.model.compiles:
            self.compile()
        self.average = averaged(self.model, settings, self.steps_per_epoch)
        self.features = features if settings.charges_features else None
        if self.features is not None:
            self.features.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            for model in (self.model, self.exported):
                model.features = self.features.distance
                even_out(model.decoder)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=settings.lr,
            betas=(0.95 if settings.momentum == CYCLED else float(settings.momentum), 0.999),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.schedule = learning_rates(self.optimizer, settings, self.total_steps, self.steps_per_epoch)
        self.noise = torch.Generator(device).manual_seed(settings.seed + SEEDS["noise"])
        self.beta = torch.zeros((), device=device)
        self.step = 0
        self.seconds = self.train_seconds = 0.0
        self.sums = torch.zeros(3 + self.latent_dim, device=device)  # of `_parts`, over the epoch
        self.first_loss: float | None = None
        self.best_loss, self.best_epoch = math.inf, 0
        self.best_weights: dict[str, Tensor] = {}
        self.is_late = False  # whether the minutes are over, in any of the processes

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return self.step // self.steps_per_epoch

    @property
    def exported(self) -> Autoencoder:
        """The model as it would be shipped now: with averaged weights, if an average is kept."""
        return self.model if self.average is None else cast(Autoencoder, self.average.module)

    @property
    def is_done(self) -> bool:
        """Whether all steps are taken, or patience or the time is at its end."""
        patience = self.config.train.patience
        impatient = patience is not None and self.epoch - self.best_epoch >= patience > 0
        return self.step >= self.total_steps or self.is_late or impatient

    def _lacks_time(self) -> bool:
        minutes = self.config.train.minutes
        return minutes is not None and self.seconds >= 60 * minutes

    def run(self, on_epoch: Callable[[dict[str, Any], Autoencoder], None], quiet: bool = False) -> Fitted:
        """Fit to the end, calling `on_epoch` in the first process with each epoch's line of history.jsonl.

        Raises:
            Interrupted: SIGINT or SIGTERM came; the state is saved.
            TrainingError: The loss is no longer finite.
        """
        save_every = self.config.train.save_every
        assert save_every is not None
        hidden = quiet or not self.workers.is_first or not is_terminal()
        bar = tqdm(total=self.total_steps, initial=self.step, disable=hidden, unit="step", dynamic_ncols=True)
        with bar, caught_signals() as stop:
            while not self.is_done:
                started, first = time.perf_counter(), self.step
                for pixels in self.epoch_batches():
                    with memory_in_one_sentence(self.config.train):
                        loss = self._step(pixels)
                    ends = self.step % self.steps_per_epoch == 0
                    looks = ends or self.step % CHECK_EVERY == 0 or self.step in (1, self.total_steps)
                    if looks:
                        self._look(loss, bar)
                        self._consider_compiling((time.perf_counter() - started) / (self.step - first))
                    bar.update()
                    if ends:  # a stop is heard when the epoch is closed, or its line of history would be lost
                        continue
                    if stop if self.workers.count == 1 else looks and self.workers.any(bool(stop), self.device):
                        self._count_time(started)
                        self.save()
                        raise Interrupted(stop[0] if stop else signal.SIGTERM)
                self._count_time(started)
                line = self._close_epoch(first, started)
                if self.workers.is_first:
                    on_epoch(line, self.exported)
                stops = self.workers.any(bool(stop), self.device)
                if stops or self.epoch % save_every == 0:
                    self.save()
                if stops:
                    raise Interrupted(stop[0] if stop else signal.SIGTERM)
        self.save()  # so that an interrupted evaluation can be resumed too
        if self.workers.any(bool(stop), self.device):  # it came while the last epoch was being closed
            raise Interrupted(stop[0] if stop else signal.SIGTERM)
        if self.config.train.patience and self.best_weights:
            self.exported.load_state_dict(self.best_weights)
        if self.average is not None:
            self._renew(self._images(self.train))
        self.freeze_sigma()
        images_per_second = self.step * self.batch_size / max(self.train_seconds, 1e-9)
        noise = self.gradient_variance(self.exported)
        return Fitted(self.exported, self.seconds, images_per_second, self.epoch, self.best_epoch, noise)

    def trial(self, seconds: float) -> float:
        """Seconds that an epoch takes, as the steps of a trial tell; the fit is spent by that.

        The first step is slower than all others and is not counted where there are others.

        Args:
            seconds: After so many, or one epoch, the trial is over.
        """
        started, counted = time.perf_counter(), 0
        for number, pixels in enumerate(self.epoch_batches()):
            self._step(pixels)
            counted += 1
            if number == 0 and self.steps_per_epoch > 1:
                self.sums.sum().item()  # the host waits for the device
                started, counted = time.perf_counter(), 0
            elif self.workers.any(time.perf_counter() - started > seconds, self.device):
                break
        self.sums.sum().item()
        stepping = (time.perf_counter() - started) / counted * self.steps_per_epoch
        started = time.perf_counter()
        self.price(self.validation)
        return stepping + time.perf_counter() - started

    def epoch_batches(self) -> Iterator[Tensor]:
        """This process's part of every batch that the epoch under way still has, stored grey levels (B, C, H, W)."""
        order = self._order()[: self.steps_per_epoch * self.batch_size].split(self.batch_size)
        return self.train.batches([self.workers.share(rows) for rows in order[self.step % self.steps_per_epoch :]])

    def _step(self, pixels: Tensor) -> Tensor:
        """One step of the optimiser on this process's part of a batch; distortion and rates are summed on the device.

        The noise of the whole batch is drawn in every process, so that N of them follow one.
        """
        self.shared.train()
        count, share = self.batch_size, self.workers.share
        if self.config.train.flip:
            mirrored = share(torch.rand(count, generator=self.noise, device=self.device) < 0.5)
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
        images = pixels.float() / self.scale  # (B, C, H, W) in [0, 1]
        drawn = self.model.draw_noise(count, self.noise, self.device)
        noise = {name: share(each) for name, each in drawn.items()}
        targets = images
        if self.config.train.binarise:
            thresholds = share(torch.rand((count, *self.image_shape), generator=self.noise, device=self.device))
            targets = (thresholds < images).float()
        self.beta.fill_(beta_at(self.config.train, self.step, self.total_steps))
        if self.features is not None:
            self.features.offset.random_(LARGEST_OFFSET, generator=self.noise)
        with self._precision():
            loss = self.loss_of(images, targets, noise, self.beta)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        self.optimizer.step()
        if self.features is not None:
            even_out(self.model.decoder)  # a grid has features: a decoder that can would paint one everywhere
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1
        self.sums += _parts(loss)
        return loss.total.detach()

    def compile(self) -> None:
        """Fuse the kernels of forward and backward; on CUDA they are then replayed as one graph, launched once.

        A net too small to keep a GPU busy spends its time in launches, hundreds a step.
        """
        self.loss_of = torch.compile(self.shared, mode="reduce-overhead")

    def _consider_compiling(self, seconds_per_step: float) -> None:
        """Compile where it was left open, on CUDA, if the rest of the fit is long enough to win the time back."""
        is_open = self.config.train.compile is None and self.device.type == "cuda" and self.workers.count == 1
        if not is_open or not self.model.compiles or self.loss_of is not self.shared:
            return
        if seconds_per_step * (self.total_steps - self.step) > COMPILE_PAYS_AFTER:
            torch._dynamo.config.suppress_errors = True  # what cannot be compiled here is run as it is
            self.compile()

    def _look(self, total: Tensor, bar: tqdm) -> None:
        done = (self.step - 1) % self.steps_per_epoch + 1
        sums = self.workers.average(self.sums) / done
        distortion, rate = sums[1].item(), sums[3:].sum().item()
        now = total.item()
        if self.first_loss is None:
            self.first_loss = now
        wrong = None
        if self.workers.any(not math.isfinite(now), self.device):
            wrong = "is no longer finite"
        elif self.workers.any(now > self.first_loss + DIVERGED * max(abs(self.first_loss), 100), self.device):
            wrong = f"diverges: {now:.4g} nats per image after {self.first_loss:.4g} at first, now"
        if wrong:
            raise TrainingError(
                f"the loss {wrong} at step {self.step} of {self.total_steps} "
                f"(distortion {distortion:.4g}, rate {rate:.4g} nats per image, means of the epoch); "
                f"lower --lr (now {self.config.train.lr:g}) or use --precision fp32."
            )
        speed = bar.format_dict["rate"] or 0.0
        beta = beta_at(self.config.train, self.step, self.total_steps)
        bar.set_description(f"epoch {self.epoch + (done < self.steps_per_epoch)}", refresh=False)
        bar.set_postfix_str(
            f"distortion {distortion:.2f} rate {rate:.2f} beta {beta:.2f}, {speed * self.batch_size:,.0f} images/s",
            refresh=False,
        )

    def _close_epoch(self, first: int, started: float) -> dict[str, Any]:
        """The line of history of the epoch that just ended, with the validation images priced."""
        validation_started = time.perf_counter()
        sums = (self.workers.average(self.sums) / self.steps_per_epoch).tolist()
        if self.average is not None:
            self._renew(islice(self._images(self.train), RENEWED_BATCHES))
        validation, deviations = self.price(self.validation)
        loss = validation["total"]
        if not all(map(math.isfinite, (*sums, *validation.values(), *deviations))):
            raise TrainingError(
                f"the loss is no longer finite after epoch {self.epoch}; lower --lr (now {self.config.train.lr:g}) "
                "or use --precision fp32."
            )
        warm = is_warm(self.config.train, self.step, self.total_steps)
        if loss < self.best_loss or not warm:  # while beta still rises, no epoch is the best for long
            self.best_loss, self.best_epoch = loss if warm else math.inf, self.epoch
            if self.config.train.patience:
                self.best_weights = {name: each.detach().clone() for name, each in self.exported.state_dict().items()}
        line = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": round(validation_started - started, 3),
            "images_per_second": round((self.step - first) * self.batch_size / (validation_started - started), 1),
            "beta": beta_at(self.config.train, self.step - 1, self.total_steps),
            "lr": self.schedule.get_last_lr()[0],
            "train": self._terms(sums),
            "validation": validation,
            "rate_per_dimension": [round(each, 5) for each in sums[3:]],
            "posterior_deviation": [round(each, 5) for each in deviations],
        }
        if self.config.train.gradient != "reparameterised" and self.features is None:
            line["gradient_variance"] = self.gradient_variance(self.model)
        self.sums.zero_()
        self.seconds += time.perf_counter() - validation_started
        self.is_late = self.workers.any(self._lacks_time(), self.device)
        return line

    def _precision(self) -> torch.autocast:
        """The arithmetic of the nets, as a context."""
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def _renew(self, batches: Iterable[Tensor]) -> None:
        """Give the averaged weights the statistics that batches (N, C, H, W) have under them."""
        with self._precision():
            renew_statistics(self.exported, batches)

    @torch.no_grad()
    def price(self, feed: Feed) -> tuple[dict[str, float], list[float]]:
        """What the fit minimises and its parts, nats per image, and the mean posterior deviation of each dimension.

        Args:
            feed: The images; they always meet the same noise, and the final beta.
        """
        model = self.exported.eval()
        if self.features is not None:
            self.features.offset.zero_()
        generator = torch.Generator(self.device).manual_seed(self.config.train.seed + SEEDS["validation"])
        sums, deviations = torch.zeros_like(self.sums), torch.zeros(self.latent_dim, device=self.device)
        with self._precision():
            for images in self._images(feed, max(1, 512 // self.config.train.samples)):
                targets = self._targets(images, generator)
                noise = model.draw_noise(len(images), generator, self.device)
                loss = model(images, targets, noise, self.config.train.beta)
                sums += _parts(loss) * len(images)
                deviations += loss.deviation * len(images)
        return self._terms((sums / len(feed)).tolist()), (deviations / len(feed)).tolist()

    def _terms(self, parts: list[float]) -> dict[str, float]:
        """Means of `_parts` by their names in history.jsonl; a penalty only where there is one."""
        total, distortion, penalty, *rates = parts
        terms = {"total": total, "distortion": distortion, "rate": sum(rates)}
        charges = self.model.penalises is not None or self.model.features is not None
        return terms | {"penalty": penalty} if charges else terms

    def gradient_variance(self, model: Autoencoder) -> dict[str, Any] | None:
        """Noise of the encoder's gradient by each estimator, on the first training images; None for an autoencoder.

        None for a fit with a feature loss too: its gradient is not that of a likelihood.

        Every process measures, on the same images: a likelihood may ask all of them for an average.
        """
        if not isinstance(model, VAE) or model.features is not None:
            return None
        images = next(self._images(self.train, GRADIENT_IMAGES))
        generator = torch.Generator(self.device).manual_seed(self.config.train.seed + SEEDS["validation"])
        return gradient_variance(model, images, self._targets(images, generator), self.config.train.seed)

    def _images(self, feed: Feed, size: int = 512) -> Iterator[Tensor]:
        """All images of a feed in order, (B, C, H, W) in [0, 1] on the device, in batches of `size`."""
        return (batch.float() / self.scale for batch in feed.batches(in_order(feed, size)))

    def _targets(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the decoder is asked for outside of steps, (B, C, H, W): the images, or binary draws of them."""
        return torch.bernoulli(images, generator=generator) if self.config.train.binarise else images

    @torch.inference_mode()
    def freeze_sigma(self) -> None:
        """Set the optimal sigma of a Gaussian likelihood to that of the whole training set, once and for all."""
        model = self.exported.eval()
        if not isinstance(model.likelihood, Gaussian):
            return
        generator = torch.Generator(self.device).manual_seed(self.config.train.seed + SEEDS["validation"])
        squares = torch.zeros((), device=self.device)
        for images in self._images(self.train):
            outputs = model.outputs(model.encode(images).sample(generator))
            squares += model.likelihood.squares(outputs, images).sum()
        model.likelihood.freeze(squares.item() / (len(self.train) * math.prod(self.image_shape)))

    def _order(self) -> Tensor:
        """The shuffle of the epoch under way, (N,); of seed and epoch alone, so that a resumed epoch repeats it."""
        generator = torch.Generator().manual_seed(1_000_003 * (self.config.train.seed + SEEDS["shuffle"]) + self.epoch)
        return torch.randperm(len(self.train), generator=generator)

    def _count_time(self, started: float) -> None:
        elapsed = time.perf_counter() - started
        self.seconds += elapsed
        self.train_seconds += elapsed

    # --- state ------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the state that `load` continues from, whole or not at all; the first process does."""
        if not self.workers.is_first:
            return
        state = {
            "config": resumable(self.config),
            "step": self.step,
            "seconds": self.seconds,
            "train_seconds": self.train_seconds,
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "best": {"loss": self.best_loss, "epoch": self.best_epoch, "weights": self.best_weights},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "noise": self.noise.get_state(),
            "sums": self.sums,
            "first_loss": self.first_loss,
        }
        content = io.BytesIO()  # torch's own writer answers a full disk with a bug's error
        torch.save(state, content)
        flush_to_disk(self.folder / HISTORY)  # the epochs that the state counts
        write_bytes(self.folder / STATE, content.getbuffer())

    def load(self) -> None:
        """Continue from the saved state.

        Raises:
            CheckpointError: The state is damaged, or belongs to other settings.
        """
        path = self.folder / STATE
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            stored = state["config"]
        except Exception as error:
            raise CheckpointError(f"{path} cannot be resumed ({error}); run again without --resume.") from error
        now = resumable(self.config)
        usual = resumable(RunConfig())  # a setting of later than the state was at its default
        changed = sorted(name for name in now if stored.get(name, usual[name]) != now[name])
        if changed:
            name = changed[0]
            raise CheckpointError(
                f"{path} was fitted with {name} = {stored.get(name)!r}, but now {name} = {now[name]!r}; "
                "resume with the same settings, or run again without --resume."
            )
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.best_loss, self.best_epoch = state["best"]["loss"], state["best"]["epoch"]
        self.best_weights = state["best"]["weights"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.noise.set_state(state["noise"].cpu())
        # each process holds its part of the sums; what was stored is the first one's, near enough for a curve
        self.sums.copy_(state["sums"])
        self.first_loss = state["first_loss"]
        self.step, self.seconds, self.train_seconds = state["step"], state["seconds"], state["train_seconds"]
        self.is_late = self._lacks_time() and self.step % self.steps_per_epoch == 0  # else the epoch is closed first


def check_memory(config: RunConfig, device: torch.device) -> None:
    """Refuse a model that the device has no memory to fit, before any of it is taken.

    Raises:
        ConfigError: Weights, gradients and the optimiser's two moments, float32, are more than the device has.
    """
    with torch.device("meta"):  # shapes without memory
        count = sum(weight.numel() for weight in build_model(config.model, config.train).parameters())
    needed, there = 4 * 4 * count, memory(device)
    if needed > there:
        raise ConfigError(
            f"the model has {count:,} weights, whose fit takes {needed / 1e9:,.0f} GB, but {device.type} has "
            f"{there / 1e9:,.0f} GB; lower --latent-dim, --hidden or --widths."
        )


@contextlib.contextmanager
def memory_in_one_sentence(settings: TrainConfig) -> Iterator[None]:
    """Turn a step that the device has no memory for into one sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not known and not any(words in str(error) for words in ("can't allocate memory", "not enough memory")):
            raise
        raise TrainingError(
            f"there is no memory for a step of {settings.batch_size} images and {settings.samples} draws of each; "
            "lower --batch-size or --samples."
        ) from None


def in_order(feed: Feed, size: int = 512) -> Sequence[Tensor]:
    """The rows of all images of a feed, one batch after another, the last one smaller."""
    return torch.arange(len(feed)).split(size)


def resumable(config: RunConfig) -> dict[str, Any]:
    """The settings that may not change when a fit is resumed, flat, as plain values."""
    settings = to_json(config)
    free = {"device", "threads", "stream", "compile", "nll_samples", "nll_images"}
    flat = {f"{part}.{name}": value for part in ("data", "model", "train") for name, value in settings[part].items()}
    return {key: list(v) if isinstance(v, tuple) else v for key, v in flat.items() if key.split(".")[1] not in free}


def _parts(loss: Loss) -> Tensor:
    """What is summed of a loss, (3 + d,), without a gradient: total, distortion, penalty, rate per dimension."""
    return torch.cat([torch.stack([loss.total, loss.distortion, loss.penalty]), loss.rate]).detach()


def beta_at(settings: TrainConfig, step: int, total_steps: int) -> float:
    """The weight of the rate at a step.

    Linear: it rises in a line over the first `warmup_share` of all steps, and stays. Cyclical (Fu et al. 2019,
    https://arxiv.org/abs/1903.10145): it does so anew in each of `warmup_cycles` equal parts of the steps.
    """
    if settings.warmup == "none":
        return settings.beta
    period = warmup_period(settings, total_steps)
    rise, position = settings.warmup_share * period, step % period if step < total_steps else period
    return settings.beta if position >= rise else settings.beta * position / rise


def is_warm(settings: TrainConfig, step: int, total_steps: int) -> bool:
    """Whether beta has risen for the last time, so that losses of epochs compare."""
    if settings.warmup == "none":
        return True
    return step >= total_steps - (1 - settings.warmup_share) * warmup_period(settings, total_steps)


def warmup_period(settings: TrainConfig, total_steps: int) -> float:
    """Steps from one beginning of a rise of beta to the next: all of them, but for a cyclical warm-up."""
    return total_steps / settings.warmup_cycles if settings.warmup == "cyclical" else total_steps


def learning_rates(
    optimizer: torch.optim.Optimizer, settings: TrainConfig, total_steps: int, steps_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule of the learning rate, to be stepped after every step of the optimiser."""
    assert settings.lr is not None
    if settings.schedule == "onecycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, total_steps=total_steps + 1, cycle_momentum=settings.momentum == CYCLED
        )
    if settings.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total_steps)
    if settings.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1)
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95 ** (1 / steps_per_epoch))


@contextlib.contextmanager
def caught_signals() -> Iterator[list[int]]:
    """A list that SIGINT and SIGTERM append themselves to, instead of ending the process, inside the block."""
    caught: list[int] = []

    def note(number: int, _: types.FrameType | None) -> None:
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
