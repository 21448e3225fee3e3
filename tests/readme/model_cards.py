"""The tables of shipped runs in the README, made from their config.json and metrics.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer.analysis.laws import LAWS, MANY, offered_laws
from explorer.checkpoint import list_runs, read_config, read_metrics
from explorer.config import RunConfig
from explorer.views.hole_verdict import CLAMPED, of_hundred

PAIRS = (
    "| autoencoder, VAE | squared error per pixel | draws of the VAE's prior in holes | draws of ten bells in holes "
    "| those draws told from codes | minutes to fit |\n|---|---|---|---|---|---|"
)
"""Head of the short table, a row per pair of twins."""

FITS = (
    "| run | NLL at most (K) | −ELBO | distortion | rate | MSE per pixel | σ (effective β) | dimensions in use "
    "| decoder, MMAC | run, MB | fitted in |\n|---|---|---|---|---|---|---|---|---|---|---|"
)
"""Head of the table of what images cost."""

HOLES = (
    "| run | no image encoded there, of 100 draws: prior, one bell, ten bells, many "
    "| told apart, of 100 pairs: the same | Random draws from: bells, Fréchet "
    "| test images covered, of 100 | Fréchet (floor) | of reconstructions "
    "| real images in holes, of 100: draws, means | R, G, C |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
"""Head of the table of holes."""

UNMEASURED = "not measured"
"""Stands for a score that a quick fit left out; python train.py --evaluate RUN measures it."""


def cards(checkpoints: Path) -> str:
    """Both tables, a row per run in each, in the order of `list_runs`."""
    names = list_runs(checkpoints)
    runs = [(read_config(checkpoints / name), read_metrics(checkpoints / name)) for name in names]
    sizes = [sum(file.stat().st_size for file in (checkpoints / name).rglob("*.*")) for name in names]
    fits = [fit_row(*run, size) for run, size in zip(runs, sizes, strict=True)]
    holes = [hole_row(*run) for run in runs]
    return "\n".join([FITS, *fits, "", HOLES, *holes])


def pairs(checkpoints: Path) -> str:
    """The short table: a row per autoencoder and its VAE, in the order of `list_runs`."""
    rows = []
    for name in list_runs(checkpoints):
        config = read_config(checkpoints / name)
        if config.model.family != "vae" or config.twin is None or read_config(checkpoints / config.twin).twin != name:
            continue  # rungs of a ladder share one autoencoder, whose twin is the VAE at beta 1
        sides = [read_metrics(checkpoints / each) for each in (config.twin, name)]
        bells = [side["holes"]["gmm10"] for side in sides]
        cells = [
            f"`{config.twin}`, `{name}`",
            ", ".join(f"{side['test']['mse']:.4f}" for side in sides),
            f"{hundred(sides[1]['holes']['raw'].get('vacancy'))} %",
            ", ".join(f"{hundred(each.get('vacancy'))} %" for each in bells),
            ", ".join(f"{hundred(each.get('tell_apart'))} %" for each in bells),
            ", ".join(f"{side['train']['seconds'] / 60:.0f}" for side in sides),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([PAIRS, *rows])


def decoding_work(config: RunConfig) -> float:
    """Multiplications, each with its addition, that decoding one picture takes, in millions."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from explorer.models import build_model

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model = build_model(config.model).eval()
        model.decode(torch.zeros(1, model.latent_dim))
    return counter.get_total_flops() / 2e6


def fit_row(config: RunConfig, metrics: Mapping[str, Any], size: int) -> str:
    """What images cost under one run of so many bytes.

    A score that a family, or a fit that maximises no likelihood, does not have is a dash; one at a clamp is marked.
    """
    test, train, has_prior = metrics["test"], metrics["train"], config.model.has_prior
    is_quick, mark = bool(metrics.get("not_measured")), clamp_mark(test)
    draws = f" ({test['nll_iw_samples']:,})" if "nll_iw_samples" in test and "nll_iw" in test else ""
    cells = [
        f"`{config.name}`",
        UNMEASURED if is_quick and "elbo" in test else of_test(test, "nll_iw") + draws,
        of_test(test, "elbo", sign=-1) + (mark if "elbo" in test else ""),
        of_test(test, "distortion"),
        of_test(test, "rate") + mark if has_prior else "–",
        beside(of_test(test, "mse", 4), metrics, "mse", 4),
        sigma(test),
        f"{test['active_units']} of {config.model.latent_dim}",
        f"{decoding_work(config):.2g}",
        f"{size / 1e6:.1f}",
        f"{train['epochs']} epochs, {train['seconds'] / 60:.1f} min, {train['device']}",
    ]
    return f"| {' | '.join(cells)} |"


def hole_row(config: RunConfig, metrics: Mapping[str, Any]) -> str:
    """The hole scores of one run, coverage and Fréchet distance under its own law; a prior is a VAE's alone."""
    test, holes, is_quick = metrics["test"], metrics["holes"], bool(metrics.get("not_measured"))
    has_prior = config.model.has_prior
    own = holes["raw" if has_prior else "white"]
    first = holes.get("default_law")
    sizes = [holes.get(f"{name}_n") for name in ("reference", "fitting", "calibration")]
    cells = [
        f"`{config.name}`",
        laws(holes, "vacancy", has_prior) + clamp_mark(test),
        laws(holes, "tell_apart", has_prior),
        drawn_from(holes) if first in LAWS else UNMEASURED,
        UNMEASURED if is_quick else of_draws(own, "coverage", scale=100),
        UNMEASURED if is_quick else with_floor(own, metrics) + in_pixels(of_draws(own, "frechet_pixels", 2)),
        of_test(test, "frechet") + in_pixels(of_test(test, "frechet_pixels", 2)) if "frechet" in test else UNMEASURED,
        ", ".join(of_draws(holes, name, scale=100) for name in ("calibration_check", "calibration_check_means")),
        ", ".join("–" if size is None else f"{size:,}" for size in sizes),
    ]
    return f"| {' | '.join(cells)} |"


def drawn_from(holes: Mapping[str, Any]) -> str:
    """The law that is told apart least, with its number of bells and the Fréchet distance of its draws."""
    law = LAWS[holes["default_law"]]
    bells = f" ({holes['many_bells']})" if law is MANY else ""
    scores = holes[law.name]
    return f"{law.plain}{bells}" + (f", {of_draws(scores, 'frechet')}" if "frechet" in scores else "")


def laws(holes: Mapping[str, Any], name: str, has_prior: bool) -> str:
    """A share under each law, in per cent; a dash where there is no prior."""
    known = [of_draws(holes[law.name], name, scale=100) for law in offered_laws(holes.get("many_bells"))]
    if set(known) == {"–"}:
        return UNMEASURED
    return ", ".join(known if has_prior else ["–", *known[1:]])


def hundred(score: Mapping[str, float] | None) -> str:
    """A share as a count of a hundred, or a dash."""
    return "–" if score is None else of_hundred(score["value"])


def clamp_mark(test: Mapping[str, Any]) -> str:
    """What marks a number that a clamp sets."""
    return " (clamped)" if test.get("clamped", 0) >= CLAMPED else ""


def sigma(test: Mapping[str, Any]) -> str:
    """Sigma of a Gaussian run, with the beta that it means."""
    if test.get("sigma") is None:
        return "–"
    weight = test.get("effective_beta")
    return f"{test['sigma']:.3g}" + ("" if weight is None else f" ({weight:.2g})")


def with_floor(scores: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The Fréchet distance of draws with its floor, and that of as many principal components."""
    told = beside(of_draws(scores, "frechet"), metrics, "frechet", 1)
    floor = of_draws(metrics["holes"], "frechet_floor")
    return told if floor == "–" else f"{told}, floor {floor}"


def in_pixels(told: str) -> str:
    """A Fréchet distance between principal components of pixels, to stand behind that in the feature space."""
    return "" if told == "–" else f"; pixels {told}"


def of_test(test: Mapping[str, Any], name: str, digits: int = 1, sign: int = 1) -> str:
    """A score of test images with its interval, or a dash."""
    if name not in test:
        return "–"
    return with_interval(test[name], *test.get(f"{name}_interval", (test[name], test[name])), digits=digits, scale=sign)


def of_draws(scores: Mapping[str, Any], name: str, digits: int = 1, scale: int = 1) -> str:
    """A score of draws with its interval, or a dash; of 100 where that is the scale."""
    score = scores.get(name)
    if score is None:
        return "–"
    value = score["value"]
    return with_interval(value, score.get("low", value), score.get("high", value), digits=digits, scale=scale)


def with_interval(value: float, low: float, high: float, *, digits: int, scale: int) -> str:
    """A value and the longer half of its 95 % interval, which ends at zero where no score can be less."""
    return f"{scale * value:.{digits}f} ± {abs(scale) * max(high - value, value - low):.{digits}f}"


def beside(score: str, metrics: Mapping[str, Any], name: str, digits: int) -> str:
    """A score with that of as many principal components, where the run was measured beside them."""
    return f"{score} (PCA {of_draws(metrics['pca'], name, digits)})" if "pca" in metrics else score
