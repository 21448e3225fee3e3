"""Programs say what the models do: torch and numpy agree, and what cannot be said is refused by name."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.arrays import Images, Latents, Posterior
from explorer.checkpoint import list_runs
from explorer.coder import TorchCoder
from explorer.config import FAMILIES, ModelConfig
from explorer.images import to_bytes
from explorer.library import LAWS, Library
from explorer.models import Autoencoder, DiagonalGaussian, TopDown, build_model
from explorer.models.normalisation import BatchNorm
from explorer.program import PARTS, ProgramError
from explorer.program.models import decoder_program, encoder_program, program_of
from explorer.program.running import RunningProgram
from explorer.program.traced import traced_decoder, traced_encoder
from tests.conftest import CI, ROOT
from tests.fakes import linear_coder
from tests.interpreter import array_of, read_program, run_program
from tests.test_models import NETS as FITTED

PIXEL = 1 / 255
"""Most that a decoded pixel may differ."""

CODE = 1e-3
"""Most that a code may differ, in standard deviations of the codes of its dimension."""

NETS: dict[str, dict[str, Any]] = {
    **{name: FITTED[name] for name in ("mlp", "residual, padded", "residual, batch norm")},
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
}
LIKELIHOODS: dict[str, dict[str, Any]] = {
    "bernoulli": {"likelihood": "bernoulli"},
    "gaussian": {"likelihood": "gaussian", "sigma": "learned"},
    "gaussian without sigmoid": {"likelihood": "gaussian", "output": "linear"},
    "categorical": {"likelihood": "categorical"},
}


COMBINATIONS = [(family, net, likelihood) for family in FAMILIES for net in NETS for likelihood in LIKELIHOODS]
EVERY = pytest.mark.parametrize(("family", "net", "likelihood"), COMBINATIONS)

SCRIPT = ROOT / "tests" / "js" / "run_programs.mjs"
NODE = shutil.which("node") or "node"
needs_node = pytest.mark.skipif(shutil.which("node") is None and not CI, reason="the page's code is run by Node.js")


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


def inputs_of(net: str) -> tuple[Tensor, Tensor]:
    """Latents and images to try."""
    latents = 2 * torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    return latents, torch.rand(20, *NETS[net]["image_shape"], generator=torch.Generator().manual_seed(2))


@EVERY
def test_a_program_says_what_the_model_does(family, net, likelihood):
    model, (latents, images) = model_of(family, net, likelihood), inputs_of(net)
    with torch.inference_mode():
        wanted = model.decode(latents).numpy()
    decoder, encoder = decoder_program(model), encoder_program(model)
    assert np.abs(run_program(decoder, latents.numpy())["pixels"] - wanted).max() <= PIXEL
    assert_codes_agree(run_program(encoder, images.numpy()), codes_of(model, images))
    with torch.inference_mode():  # as a saved run does, whose model came without its code
        assert np.abs(RunningProgram(decoder, "decoder")(latents)["pixels"].numpy() - wanted).max() <= PIXEL
        codes = RunningProgram(encoder, "encoder")(images)
    assert_codes_agree({name: value.numpy() for name, value in codes.items()}, codes_of(model, images))


def write_inputs(folder: Path, name: str, program: bytes, inputs: np.ndarray) -> None:
    """What `run_by_node` is to run; images go channels last."""
    (folder / f"{name}.program").write_bytes(program)
    last = inputs.transpose(0, 2, 3, 1) if inputs.ndim == 4 else inputs
    (folder / f"{name}.input").write_bytes(np.ascontiguousarray(last, dtype="<f4").tobytes())


def run_by_node(folder: Path) -> None:
    """Run all programs of a folder as the page does, by Node."""
    done = subprocess.run([NODE, SCRIPT, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def run_in_javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page's own code makes of every combination's programs."""
    folder = tmp_path_factory.mktemp("programs")
    for family, net, likelihood in COMBINATIONS:
        model, (latents, images) = model_of(family, net, likelihood), inputs_of(net)
        write_inputs(folder, f"{family} {net} {likelihood} d", decoder_program(model), latents.numpy())
        write_inputs(folder, f"{family} {net} {likelihood} e", encoder_program(model), images.numpy())
    run_by_node(folder)
    return folder


@needs_node
@EVERY
def test_the_page_computes_what_the_model_does(family, net, likelihood, run_in_javascript):
    model, (latents, images) = model_of(family, net, likelihood), inputs_of(net)
    with torch.inference_mode():
        wanted = to_bytes(model.decode(latents).numpy()).transpose(0, 2, 3, 1)
    name = f"{family} {net} {likelihood}"
    pixels = np.fromfile(run_in_javascript / f"{name} d.pixels", dtype=np.uint8).reshape(wanted.shape)
    assert np.abs(pixels.astype(int) - wanted).max() <= 1
    codes = codes_of(model, images)
    given = {key: np.fromfile(run_in_javascript / f"{name} e.{key}", "<f4").reshape(-1, 5) for key in codes}
    assert_codes_agree(given, codes)


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


class OtherDecoder(nn.Module):
    """The layers that `OwnDecoder` leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Sequential(nn.Linear(2, 8), nn.ELU(0.7)), nn.Linear(1, 8)
        self.body = nn.Sequential(
            nn.Unflatten(1, (4, 2, 2)),
            nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(2, 1)),
            nn.GELU(approximate="tanh"),
            nn.UpsamplingNearest2d(scale_factor=9),
            nn.AvgPool2d(3, stride=2),
            nn.ConvTranspose2d(6, 5, (2, 5), stride=(3, 1), padding=(1, 2)),
            nn.Hardtanh(-0.5, 0.8),
        )
        self.finish = nn.Conv2d(3, 1, 1)

    def forward(self, z: Tensor) -> Tensor:
        a, b = z.split([2, 1], dim=1)
        maps = self.body(torch.cat([self.low(a), self.high(b).exp()], dim=1))
        pair, rest = maps[:, :2], maps[:, 2:4] * maps[:, 3:5]
        joined = torch.cat([pair, rest[:, 1:]], dim=1)
        image = self.finish(nn.functional.interpolate(joined, scale_factor=2.0))
        return torch.sigmoid(image / 2)


class OwnCoder:
    """A Coder around two torch modules, as a user writes one."""

    latent_dim, levels = 3, 256

    def __init__(self, encoder: nn.Module, decoder: nn.Module, image_shape: tuple[int, int, int] = (1, 16, 16)) -> None:
        self.encoder, self.decoder, self.image_shape = encoder.eval(), decoder.eval(), image_shape

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


@needs_node
def test_every_layer_that_is_known_is_computed_alike(tmp_path):
    torch.manual_seed(1)
    coder = OwnCoder(OwnEncoder(), OtherDecoder(), (1, 96, 16))
    latents = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)
    images = coder.decode(latents)
    program = traced_decoder(coder.decoder, coder)
    assert np.abs(run_program(program, latents)["pixels"] - images).max() <= 1e-5
    write_inputs(tmp_path, "other", program, latents)
    run_by_node(tmp_path)
    pixels = np.fromfile(tmp_path / "other.pixels", dtype=np.uint8).reshape(12, 96, 16, 1)
    assert np.abs(pixels.astype(int) - to_bytes(images).transpose(0, 2, 3, 1)).max() <= 1


@needs_node
def test_the_page_computes_a_module_of_ones_own(tmp_path):
    coder, rng = own_coder(), np.random.default_rng(0)
    latents = rng.standard_normal((12, 3)).astype(np.float32)
    images = coder.decode(latents)
    write_inputs(tmp_path, "decoder", program_of(coder, "decoder"), latents)
    write_inputs(tmp_path, "encoder", program_of(coder, "encoder"), images)
    run_by_node(tmp_path)
    pixels = np.fromfile(tmp_path / "decoder.pixels", dtype=np.uint8).reshape(12, 16, 16, 1)
    assert np.abs(pixels.astype(int) - to_bytes(images).transpose(0, 2, 3, 1)).max() <= 1
    posterior = coder.encode(images)
    assert posterior.log_variance is not None
    wanted = {"mean": posterior.mean, "log_variance": posterior.log_variance}
    given = {name: np.fromfile(tmp_path / f"encoder.{name}", "<f4").reshape(-1, 3) for name in wanted}
    assert_codes_agree(given, wanted)


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
