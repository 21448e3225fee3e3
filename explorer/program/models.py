"""The families and likelihoods of this program as steps: one entry of a table each."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from explorer.arrays import Coder
from explorer.models import (
    VAE,
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    HierarchicalVAE,
    SparseAutoencoder,
)
from explorer.models.hierarchical import TopDownEncoder
from explorer.models.losses import Bernoulli, Categorical, Gaussian, Likelihood
from explorer.models.posterior import LOG_VARIANCE_RANGE, DiagonalGaussian, TopDown
from explorer.program.layers import joined, sliced, written
from explorer.program.steps import Part, ProgramError, Steps, Value

Outputs: TypeAlias = dict[str, Value]
"""Values of an encoder by name: `mean`, and `log_variance` where the posterior has a width."""


def decoder_program(model: Autoencoder) -> bytes:
    """The program from a latent (d,) to expected pixels (C, H, W) in [0, 1].

    Raises:
        ProgramError: The model does something that a program cannot express; the sentence names it.
    """
    steps = Steps((model.latent_dim,))
    value = written(steps, model.decoder, steps.input)
    likelihood = type(model.likelihood)
    if likelihood not in LIKELIHOODS:
        raise ProgramError(f"a program cannot express the likelihood {likelihood.__qualname__}.")
    pixels = LIKELIHOODS[likelihood](steps, model.likelihood, value)
    latent = test_latent(model.latent_dim)
    with torch.inference_mode():
        image = _given(model, latent[None], model.decode)[0]
    return steps.file({"pixels": pixels}, {"input": latent, "pixels": image}, part="decoder", **_facts(model))


def encoder_program(model: Autoencoder) -> bytes:
    """The program from pixels (C, H, W) in [0, 1] to the mean and, if there is one, the log-variance of a posterior.

    Both are (d,); of a hierarchical posterior each level's given the means above it, as `TopDown` states them. The
    image of its test is a decode: no image of a data set.

    Raises:
        ProgramError: The model does something that a program cannot express; the sentence names it.
    """
    if type(model) not in ENCODERS:
        raise ProgramError(f"a program cannot express the encoder of the family {type(model).__qualname__}.")
    assert model.config.image_shape is not None
    steps = Steps(model.config.image_shape)
    outputs = ENCODERS[type(model)](steps, model, steps.input)
    with torch.inference_mode():
        image = _given(model, test_latent(model.latent_dim)[None], model.decode)
        posterior = model.encode(torch.from_numpy(image).to(next(model.parameters()).device))
        told = {"mean": posterior.mean[0].cpu().numpy()}
        if isinstance(posterior, DiagonalGaussian | TopDown):
            told["log_variance"] = posterior.log_variance[0].cpu().numpy()
    return steps.file(outputs, {"input": image[0], **told}, part="encoder", **_facts(model))


def program_of(coder: Coder, part: Part) -> bytes:
    """The program of a fitted model, however it came to be explored.

    A model of one's own offers a method `program(part)`, which `traced_decoder` and `traced_encoder` answer for a
    torch module of known layers.

    Raises:
        ProgramError: There is none; the sentence says why.
    """
    offered = getattr(coder, "program", None)
    if callable(offered):
        given = offered(part)
        if not isinstance(given, bytes):
            raise ProgramError(f"program({part!r}) of {type(coder).__qualname__} gives no bytes.")
        return given
    model = getattr(coder, "model", None)
    if not isinstance(model, Autoencoder):
        raise ProgramError(f"{type(coder).__qualname__} offers no program; the server computes what it shows.")
    return decoder_program(model) if part == "decoder" else encoder_program(model)


def test_latent(latent_dim: int) -> NDArray[np.float32]:
    """The latent (d,) whose decode is stored with a program, always the same: a draw of N(0, I)."""
    return np.random.default_rng(0).standard_normal(latent_dim).astype(np.float32)


def _given(model: nn.Module, inputs: NDArray[np.float32], function: Callable[..., torch.Tensor]) -> NDArray[np.float32]:
    return function(torch.from_numpy(inputs).to(next(model.parameters()).device)).cpu().numpy()


def _facts(model: Autoencoder) -> dict[str, Any]:
    assert model.config.image_shape is not None
    levels = model.config.levels or 256
    return {"latent_dim": model.latent_dim, "image_shape": list(model.config.image_shape), "levels": levels}


# --- likelihoods ------------------------------------------------------------------------------------------------------


def _sigmoid(steps: Steps, likelihood: Bernoulli, value: Value) -> Value:  # noqa: ARG001 - a writer takes all three
    return steps.each("sigmoid", value)


def _centre(steps: Steps, likelihood: Gaussian, value: Value) -> Value:
    if likelihood.squashes:
        return steps.each("sigmoid", value)
    return steps.each("clamp", value, low=0.0, high=1.0)


def _expected_level(steps: Steps, likelihood: Categorical, value: Value) -> Value:
    """The mean grey level of softmaxes over L channels each: (C * L, H, W) -> (C, H, W)."""
    levels = likelihood.outputs_per_channel
    return steps.add("expected_level", [value], (value.shape[0] // levels, *value.shape[1:]), levels=levels)


LIKELIHOODS: Mapping[type[Likelihood], Callable[[Steps, Any, Value], Value]] = {
    Bernoulli: _sigmoid,
    Gaussian: _centre,
    Categorical: _expected_level,
}
"""What a decoder's outputs mean, by likelihood: the steps of its `mean`."""


# --- encoders ---------------------------------------------------------------------------------------------------------


def _point(steps: Steps, model: Autoencoder, value: Value) -> Outputs:
    return {"mean": written(steps, model.encoder, value)}


def _sparse(steps: Steps, model: Autoencoder, value: Value) -> Outputs:
    code = written(steps, model.encoder, value)
    return {"mean": steps.each("sigmoid", code) if model.config.sparsity == "kl" else code}


def _halves(steps: Steps, both: Value) -> tuple[Value, Value]:
    """Mean and clamped log-variance, (d,) each, of a net's (2 d,)."""
    size, (low, high) = both.shape[0] // 2, LOG_VARIANCE_RANGE
    return sliced(steps, both, 0, size), steps.each("clamp", sliced(steps, both, size, size), low=low, high=high)


def _gaussian(steps: Steps, model: Autoencoder, value: Value) -> Outputs:
    mean, log_variance = _halves(steps, written(steps, model.encoder, value))
    return {"mean": mean, "log_variance": log_variance}


def _top_down(steps: Steps, model: Autoencoder, value: Value) -> Outputs:
    """Each level's mean and log-variance, given the means above it."""
    assert isinstance(model.encoder, TopDownEncoder)
    context = written(steps, model.encoder.features, value)
    means, log_variances = [], []
    for head in model.encoder.heads:
        mean, log_variance = _halves(steps, written(steps, head, joined(steps, [context, *means])))
        means.append(mean)
        log_variances.append(log_variance)
    return {"mean": joined(steps, means), "log_variance": joined(steps, log_variances)}


ENCODERS: Mapping[type[Autoencoder], Callable[[Steps, Autoencoder, Value], Outputs]] = {
    Autoencoder: _point,
    DenoisingAutoencoder: _point,
    ContractiveAutoencoder: _point,
    SparseAutoencoder: _sparse,
    VAE: _gaussian,
    HierarchicalVAE: _top_down,
}
"""What an encoder's outputs mean, by family: the steps of its `encode`."""
