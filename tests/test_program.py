"""Programs say what the models do: torch and numpy agree, and what cannot be said is refused by name."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.arrays import Images, Latents, Posterior
from explorer.checkpoint import list_runs
from explorer.coder import TorchCoder
from explorer.config import ModelConfig
from explorer.library import LAWS, Library
from explorer.models import FAMILIES, Autoencoder, DiagonalGaussian, TopDown, build_model
from explorer.models.normalisation import BatchNorm
from explorer.program import (
    PARTS,
    ProgramError,
    decoder_program,
    encoder_program,
    program_of,
    traced_decoder,
    traced_encoder,
)
from tests.conftest import ROOT
from tests.fakes import linear_coder
from tests.interpreter import array_of, read_program, run_program

PIXEL = 1 / 255
"""Most that a decoded pixel may differ."""

CODE = 1e-3
"""Most that a code may differ, in standard deviations of the codes of its dimension."""

NETS: dict[str, dict[str, Any]] = {
    "mlp": {"net": "mlp", "widths": (), "hidden": 16, "image_shape": (1, 8, 8)},
    "conv": {"net": "conv", "widths": (4, 6), "hidden": 16, "image_shape": (3, 8, 12)},
    "conv without hidden units, relu": {
        "net": "conv",
        "widths": (5,),
        "hidden": 0,
        "image_shape": (1, 6, 6),
        "activation": "relu",
    },
    "conv, batch norm, padded": {
        "net": "conv",
        "widths": (4, 8),
        "hidden": 9,
        "image_shape": (1, 7, 9),
        "norm": "batch",
    },
    "residual, padded": {"net": "residual", "widths": (4, 8), "hidden": 16, "image_shape": (3, 9, 13)},
    "residual, batch norm": {
        "net": "residual",
        "widths": (4,),
        "hidden": 16,
        "image_shape": (3, 8, 8),
        "norm": "batch",
    },
}
LIKELIHOODS: dict[str, dict[str, Any]] = {
    "bernoulli": {"likelihood": "bernoulli"},
    "gaussian": {"likelihood": "gaussian", "sigma": "learned"},
    "gaussian without sigmoid": {"likelihood": "gaussian", "output": "linear"},
    "categorical": {"likelihood": "categorical"},
}


def model_of(family: Any, net: str, likelihood: str, latent_dim: int = 5, **settings: Any) -> Autoencoder:
    """A model with random weights and statistics; hidden units that hierarchical families need."""
    torch.manual_seed(0)
    said = {"family": family, "latent_dim": latent_dim, "levels": 7, **NETS[net], **LIKELIHOODS[likelihood], **settings}
    if family == "hierarchical":
        said["hidden"] = max(said["hidden"], 8)
    model = build_model(ModelConfig(**said)).eval()
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_variance, 0.5, 2)
            nn.init.normal_(layer.weight)
    return model


def codes_of(model: Autoencoder, images: Tensor) -> dict[str, np.ndarray]:
    """What a model's own encoder says, by the names of a program's outputs."""
    with torch.inference_mode():
        posterior = model.encode(images)
        told = {"mean": posterior.mean.numpy()}
        if isinstance(posterior, DiagonalGaussian | TopDown):
            told["log_variance"] = posterior.log_variance.numpy()
    return told


def assert_codes_agree(given: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert given.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.abs(given[name] - value).max() <= CODE * max(value.std(), 1e-3), name


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_program_says_what_the_model_does(family, net, likelihood):
    model = model_of(family, net, likelihood)
    latents = 2 * torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = model.decode(latents).numpy()
    decoded = run_program(decoder_program(model), latents.numpy())["pixels"]
    assert np.abs(decoded - wanted).max() <= PIXEL
    images = torch.rand(20, *NETS[net]["image_shape"], generator=torch.Generator().manual_seed(2))
    assert_codes_agree(run_program(encoder_program(model), images.numpy()), codes_of(model, images))


@pytest.mark.parametrize("settings", [{"sparsity": "kl"}, {"sparsity": "l1"}])
def test_the_code_of_a_sparse_family_is_the_activation_that_it_says_it_is(settings):
    model, images = model_of("sparse", "mlp", "bernoulli", **settings), torch.rand(6, 1, 8, 8)
    assert_codes_agree(run_program(encoder_program(model), images.numpy()), codes_of(model, images))


def test_three_levels_are_led_one_through_another():
    model = model_of("hierarchical", "mlp", "gaussian", latent_dim=7, stochastic_levels=3)
    latents, images = torch.randn(9, 7), torch.rand(9, 1, 8, 8)
    with torch.inference_mode():
        wanted = model.decode(latents).numpy()
    assert np.abs(run_program(decoder_program(model), latents.numpy())["pixels"] - wanted).max() <= PIXEL
    assert_codes_agree(run_program(encoder_program(model), images.numpy()), codes_of(model, images))


@pytest.mark.parametrize("part", PARTS)
def test_a_program_carries_a_test_that_it_passes(part):
    program = program_of(TorchCoder(model_of("vae", "conv, batch norm, padded", "categorical")), part)
    head, weights = read_program(program)
    test = {name: array_of(weights, told)[None] for name, told in head["test"].items()}
    given = run_program(program, test.pop("input"))
    assert given.keys() == test.keys() == head["outputs"].keys()
    for name, wanted in test.items():
        np.testing.assert_allclose(given[name], wanted, atol=1e-5)


def test_weights_stay_as_they_are_stored():
    model = model_of("vae", "conv", "bernoulli")
    head, _ = read_program(decoder_program(model))
    kinds = [step["weight"]["type"] for step in head["steps"] if "weight" in step]
    assert set(kinds) == {"f4"}, "float32 that half precision would round is not rounded"
    halves = {name: tensor.half().float() for name, tensor in model.state_dict().items()}
    model.load_state_dict(halves)
    head, _ = read_program(decoder_program(model))
    assert {step["weight"]["type"] for step in head["steps"] if "weight" in step} == {"f2"}


def test_the_same_model_has_the_same_program():
    assert decoder_program(model_of("vae", "conv", "bernoulli")) == decoder_program(
        model_of("vae", "conv", "bernoulli")
    )


@pytest.mark.parametrize("name", list_runs(ROOT / "checkpoints"))
def test_every_shipped_run_has_programs_that_agree_with_it(name):
    run = Library(ROOT / "checkpoints").open(name)
    decoder, encoder = (program_of(run.coder, part) for part in PARTS)
    rng = np.random.default_rng(5)
    few = 20 if max(run.image_shape) < 32 else 4  # numpy is slow; the browser's test takes many
    codes = run.latents.mean[rng.permutation(len(run))[:few]]
    latents = np.concatenate([codes, *(run.sample(law, few, rng) for law in LAWS)])
    images = run.coder.decode(latents)
    assert np.abs(run_program(decoder, latents)["pixels"] - images).max() <= PIXEL
    images = np.clip(images + rng.normal(0, 0.05, images.shape), 0, 1).astype(np.float32)
    posterior, given = run.coder.encode(images), run_program(encoder, images)
    deviation = run.latents.draw.std(0)
    assert (np.abs(given["mean"] - posterior.mean).max(0) <= CODE * deviation).all()
    if posterior.log_variance is not None:
        np.testing.assert_allclose(given["log_variance"], posterior.log_variance, atol=2e-3)


# --- models of one's own ----------------------------------------------------------------------------------------------


class OwnDecoder(nn.Module):
    """Much of what tutorials do, in one decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 32)
        self.norm1 = nn.BatchNorm1d(32)
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LeakyReLU(0.2)
        )
        self.drop = nn.Dropout(0.5)
        self.skip = nn.Conv2d(4, 4, 1, bias=False)
        self.out = nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = torch.relu(self.norm1(self.fc(z))).view(z.size(0), 2, 4, 4)
        h = self.drop(self.up(h))
        h = h + 0.5 * nn.functional.gelu(self.skip(h))
        return torch.sigmoid(self.out(h) - 0.25)


class OwnEncoder(nn.Module):
    """A strided convolution of an odd kernel, pooling, and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 5, stride=3, padding=2)
        self.pool = nn.MaxPool2d(2)
        self.mean, self.log_variance = nn.Linear(45, 3), nn.Linear(45, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.flatten(self.pool(self.conv(x).tanh()), 1)
        return self.mean(h), self.log_variance(h).clamp(-4, 4)


class OwnCoder:
    """A Coder around two torch modules, as a user writes one."""

    latent_dim, image_shape, levels = 3, (1, 16, 16), 256

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        self.encoder, self.decoder = encoder.eval(), decoder.eval()

    @torch.inference_mode()
    def encode(self, images: Images) -> Posterior:
        mean, log_variance = self.encoder(torch.from_numpy(images))
        return Posterior(mean.numpy(), log_variance.numpy())

    @torch.inference_mode()
    def decode(self, latents: Latents) -> Images:
        return self.decoder(torch.from_numpy(latents)).numpy()

    def program(self, part: str) -> bytes:
        return traced_decoder(self.decoder, self) if part == "decoder" else traced_encoder(self.encoder, self)


def own_coder() -> OwnCoder:
    torch.manual_seed(0)
    return OwnCoder(OwnEncoder(), OwnDecoder())


def test_a_torch_module_of_ones_own_is_traced():
    coder, rng = own_coder(), np.random.default_rng(0)
    latents = rng.standard_normal((12, 3)).astype(np.float32)
    images = coder.decode(latents)
    given = run_program(program_of(coder, "decoder"), latents)["pixels"]
    assert np.abs(given - images).max() <= PIXEL
    posterior, given = coder.encode(images), run_program(program_of(coder, "encoder"), images)
    assert posterior.log_variance is not None
    assert_codes_agree(given, {"mean": posterior.mean, "log_variance": posterior.log_variance})


@pytest.mark.parametrize(
    ("decoder", "word"),
    [
        (nn.Sequential(nn.Linear(3, 256), nn.Softmax(dim=1)), "Softmax"),
        (nn.Sequential(nn.Unflatten(1, (3, 1, 1)), nn.Conv2d(3, 3, 1, groups=3)), "groups=3"),
        (
            nn.Sequential(nn.Linear(3, 16), nn.Unflatten(1, (1, 4, 4)), nn.Upsample(scale_factor=4, mode="bilinear")),
            "bilinear",
        ),
        (nn.Sequential(nn.Linear(3, 100)), r"\(100,\)"),
    ],
)
def test_what_a_program_cannot_express_is_refused_by_name(decoder, word):
    with pytest.raises(ProgramError, match=word):
        traced_decoder(decoder, own_coder())


def test_a_module_whose_path_hangs_on_its_numbers_is_refused():
    class Branching(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return z if z.sum() > 0 else -z

    with pytest.raises(ProgramError, match="Branching"):
        traced_decoder(Branching(), own_coder())


def test_a_function_that_is_not_known_is_refused_by_name():
    class Sorted(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.cumsum(z, dim=1)

    with pytest.raises(ProgramError, match="cumsum"):
        traced_decoder(Sorted(), own_coder())


def test_a_model_without_programs_says_so():
    with pytest.raises(ProgramError, match="LinearCoder"):
        program_of(linear_coder(), "decoder")


def test_a_family_that_no_entry_names_is_refused():
    class Own(Autoencoder):
        pass

    model = Own(model_of("ae", "mlp", "bernoulli").config)
    with pytest.raises(ProgramError, match="Own"):
        encoder_program(model)


def test_weights_that_are_not_finite_are_refused():
    model = model_of("ae", "mlp", "bernoulli")
    with torch.no_grad():
        next(model.parameters())[0] = float("nan")
    with pytest.raises(ProgramError, match="not finite"):
        encoder_program(model)
