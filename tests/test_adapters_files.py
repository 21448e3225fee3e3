"""Models in files: a function of a Python file with weights, programs of torch, ONNX, and what libraries save."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import explorer.__main__ as command
from explorer.adapters import adapted, placed_model
from explorer.errors import ConfigError, ExplorerError
from explorer.library import Library
from explorer.program import PARTS
from explorer.program.models import program_of
from explorer.program.running import RunningProgram
from tests.own_models import Plain, Variational, images_in

CODE = '''
import torch
from beside import SHAPE

from tests.own_models import Plain


def make_model():
    torch.manual_seed(0)
    return Plain(SHAPE)


class Lit(Plain):
    """Has the one method of Lightning's modules that is used."""

    @classmethod
    def load_from_checkpoint(cls, path, map_location=None):
        model = cls()
        model.load_state_dict(torch.load(path, map_location=map_location, weights_only=True)["state_dict"])
        return model


def broken():
    raise RuntimeError("no luck")


def words():
    return "words"
'''


@pytest.fixture
def code(tmp_path: Path) -> str:
    """A Python file with models, which imports another one beside it."""
    (tmp_path / "beside.py").write_text("SHAPE = (1, 8, 8)\n")
    file = tmp_path / "net.py"
    file.write_text(CODE)
    return str(file)


def check_answers(model: object, like: Plain | None = None) -> None:
    """A model reconstructs the images of the plain one."""
    images = images_in(like or Plain()).numpy()
    coder, _ = adapted(model, images)
    np.testing.assert_allclose(coder.decode(coder.encode(images).mean), images, atol=0.06)  # some were cut off
    np.testing.assert_allclose(coder.encode(images[:1]).mean, coder.encode(images).mean[:1], atol=1e-5)


# --- code and weights -----------------------------------------------------------------------------------------------


def test_a_function_of_a_file_makes_a_model(code):
    check_answers(placed_model(f"{code}:make_model"))


@pytest.mark.parametrize("ending", [".pt", ".safetensors", ".ckpt"])
def test_weights_are_loaded_into_what_a_file_makes(code, tmp_path, ending):
    model = Plain()
    with torch.no_grad():
        model.into.weight.mul_(-1)
        model.into.bias.mul_(-1)
        model.out.weight.mul_(-1)
    weights = tmp_path / f"weights{ending}"
    if ending == ".safetensors":
        save_file(model.state_dict(), weights)
    else:
        torch.save({"state_dict": model.state_dict(), "epoch": 3} if ending == ".ckpt" else model.state_dict(), weights)
    made: Any = placed_model(f"{code}:{'Lit' if ending == '.ckpt' else 'make_model'}", weights)
    check_answers(made)
    assert torch.equal(made.modules[0].into.weight, model.into.weight)


WRONG = {
    "no file": ("nowhere.py:make_model", "there is no file nowhere.py"),
    "no name": ("{code}:make", "holds no make; it holds .*make_model"),
    "broken": ("{code}:broken", "fails: RuntimeError: no luck"),
    "words": ("{code}:words", "gives a text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_makes_no_model_is_one_sentence(code, name):
    place, words = WRONG[name]
    with pytest.raises(ConfigError, match=words) as caught:
        placed_model(place.format(code=code))
    assert "\n" not in str(caught.value)


def test_weights_of_another_model_or_none_are_one_sentence(code, tmp_path):
    place = f"{code}:make_model"
    torch.save(Plain(latent_dim=3).state_dict(), tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "text.pt").write_text("no weights")
    for file, words in (("other.pt", "size mismatch"), ("list.pt", "no weights by name"), ("text.pt", "cannot be")):
        with pytest.raises(ConfigError, match=words) as caught:
            placed_model(place, tmp_path / file)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="there is no file"):
        placed_model(place, tmp_path / "missing.pt")
    with pytest.raises(ConfigError, match="needs the code"):
        placed_model(str(tmp_path), tmp_path / "other.pt")
    for ending, words in ((".ckpt", "YourModule"), (".onnx", "encoder.onnx"), (".pt2", "encoder.pt2")):
        with pytest.raises(ConfigError, match=words):
            placed_model(str(tmp_path / f"x{ending}"))


def test_the_command_line_opens_a_model_with_its_images(code, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for row, image in enumerate(images_in(Plain()).numpy()):
        Image.fromarray(np.rint(image[0] * 255).astype(np.uint8)).save(folder / f"{row}.png")
    options = command.parser().parse_args(["--model", f"{code}:make_model", "--images", str(folder)])
    library = Library()
    command._hold(library, options)
    said = capsys.readouterr().out
    assert f"running the code of {code}" in said and "4 dimensions" in said
    assert library.names() == ["yours"] and library.open("yours").image_shape == (1, 8, 8)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--model", "net.py:make_model"],
        ["--images", "pictures"],
        ["--model", "a", "--images", "b", "--weights", "c", "--weights", "d"],
        ["--model", "a", "--images", "b", "--export", "c"],
        ["--model", "a", "--images", "b", "--pixel-range", "wide"],
        ["--model", "a", "--images", "b", "--image-size", "0x7"],
        ["--model", "a", "--images", "b", "--image-size", "64x64x3"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_meant_ends_with_2(wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(wrong)
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) <= 40


# --- programs -------------------------------------------------------------------------------------------------------


def test_a_torchscript_file_is_a_model(tmp_path):
    class Scripted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.plain_into, self.plain_out = Plain().into, Plain().out

        def forward(self, images):
            return self.plain_out(self.plain_into(images.flatten(1)))

        def encode(self, images):
            return self.plain_into(images.flatten(1))

        def decode(self, latents):
            return self.plain_out(latents).reshape(-1, 1, 8, 8)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have torch.export
        traced = torch.jit.trace_module(
            Scripted(),
            {"forward": torch.zeros(2, 1, 8, 8), "encode": torch.zeros(2, 1, 8, 8), "decode": torch.zeros(2, 4)},
        )
        torch.jit.save(traced, tmp_path / "net.ts")
        check_answers(str(tmp_path / "net.ts"))
    torch.save(Plain().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ConfigError, match=r"weights or a pickled object.*--weights"):
        placed_model(str(tmp_path / "weights.pt"))


class Half(torch.nn.Module):
    """One function of a model as a module."""

    def __init__(self, model: Plain, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, given):
        return getattr(self.model, self.name)(given)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_programs_of_torch_export_are_a_model_whatever_their_batch(tmp_path):
    model = Variational()
    for name, place, shape in (("encode", "encoder", (7, 1, 8, 8)), ("decode", "decoder", (7, 4))):
        program = torch.export.export(Half(model, name), (torch.zeros(shape),))  # for seven, and no other number
        torch.export.save(program, tmp_path / f"{place}.pt2")
    images = images_in(model).numpy()
    check_answers(str(tmp_path), model)
    coder, _ = adapted(str(tmp_path), images)
    np.testing.assert_allclose(coder.encode(images).mean, model.encode(torch.from_numpy(images))[0].detach(), atol=1e-5)
    assert coder.encode(images).log_variance is not None


def test_two_onnx_files_are_a_model(tmp_path):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    write_onnx(onnx, tmp_path)
    check_answers(str(tmp_path))


def write_onnx(onnx, folder: Path) -> None:
    """The plain model as two ONNX files, written by hand."""
    model, make = Plain(), onnx.helper
    arrays = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    for name, layer, given, wanted in (
        ("encoder", "into", ["n", 1, 8, 8], ["n", 4]),
        ("decoder", "out", ["n", 4], ["n", 64]),
    ):
        nodes = [
            make.make_node("Flatten", ["x"], ["flat"], axis=1),
            make.make_node("Gemm", ["flat", "weight", "bias"], ["y"], transB=1),
        ]
        kept = [onnx.numpy_helper.from_array(arrays[f"{layer}.{part}"], part) for part in ("weight", "bias")]
        ends = [make.make_tensor_value_info(key, 1, shape) for key, shape in (("x", given), ("y", wanted))]
        graph = make.make_graph(nodes, name, ends[:1], ends[1:], kept)
        made = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())


def test_a_missing_onnxruntime_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    for name in ("encoder", "decoder"):
        (tmp_path / f"{name}.onnx").write_bytes(b"")
    with pytest.raises(ConfigError, match="pip install onnxruntime"):
        placed_model(str(tmp_path))


def test_a_folder_without_a_model_says_what_it_would_need(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no model: it needs encoder\.pt2"):
        placed_model(str(tmp_path))
    for name in ("encoder", "decoder"):
        (tmp_path / f"{name}.pt2").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot be read as a program of torch.export"):
        placed_model(str(tmp_path))


# --- libraries ------------------------------------------------------------------------------------------------------


def test_pickled_networks_of_pythae_are_not_opened(tmp_path):
    pytest.importorskip("pythae")
    (tmp_path / "model_config.json").write_text("{}")
    (tmp_path / "encoder.pkl").write_bytes(b"")
    with pytest.raises(ConfigError, match="run code"):
        placed_model(str(tmp_path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["VAE", "AE", "BetaVAE"])
def test_models_of_pythae_open_as_they_are_and_as_they_were_saved(name, tmp_path):
    models = pytest.importorskip("pythae.models")
    config = getattr(models, f"{name}Config")(input_dim=(1, 8, 8), latent_dim=4)
    model = getattr(models, name)(config)
    images = images_in(Plain()).numpy()
    coder, _ = adapted(model, images)
    posterior = coder.encode(images)
    assert (posterior.log_variance is None) == (name == "AE")
    np.testing.assert_allclose(posterior.mean, model.encoder(torch.from_numpy(images)).embedding.detach(), atol=1e-5)
    for part in PARTS:
        RunningProgram(program_of(coder, part), part)  # which passes its own test
    model.save(str(tmp_path / "saved"))
    again, _ = adapted(str(tmp_path / "saved"), images)
    np.testing.assert_allclose(again.encode(images).mean, posterior.mean, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_autoencoders_of_diffusers_open_as_they_are_and_as_they_were_saved(tmp_path):
    diffusers = pytest.importorskip("diffusers")
    model = diffusers.AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        latent_channels=2,
        sample_size=16,
    )
    images = np.random.default_rng(0).random((32, 3, 16, 16), dtype=np.float32)
    coder, _ = adapted(model, images)
    assert (coder.latent_dim, getattr(coder, "latent_shape", None)) == (128, (2, 8, 8))
    assert coder.encode(images).log_variance is not None
    wanted = model.decode(model.encode(torch.from_numpy(images[:2]) * 2 - 1).latent_dist.mean).sample.detach()
    np.testing.assert_allclose(coder.decode(coder.encode(images[:2]).mean), (wanted / 2 + 0.5).clamp(0, 1), atol=1e-4)
    model.save_pretrained(tmp_path / "saved")
    again, _ = adapted(str(tmp_path / "saved"), images)
    np.testing.assert_allclose(again.encode(images).mean, coder.encode(images).mean, atol=1e-4)


def test_a_folder_of_diffusers_that_is_no_autoencoder_is_one_sentence(tmp_path):
    pytest.importorskip("diffusers")
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    with pytest.raises(ExplorerError, match="no autoencoder"):
        placed_model(str(tmp_path))


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_of_lightning_opens_through_its_class(tmp_path, code):
    lightning = pytest.importorskip("lightning")
    file = tmp_path / "lit.py"
    file.write_text(
        "import lightning\nfrom tests.own_models import Plain\n\n\nclass Lit(lightning.LightningModule):\n"
        "    def __init__(self, size=4):\n        super().__init__()\n        self.save_hyperparameters()\n"
        "        self.net = Plain(latent_dim=size)\n\n    def encode(self, images):\n"
        "        return self.net.encode(images)\n\n    def decode(self, latents):\n"
        "        return self.net.decode(latents)\n"
    )
    lit: Any = placed_model(f"{file}:Lit")
    made = lit.modules[0]
    checkpoint = {
        "state_dict": made.state_dict(),
        "hyper_parameters": {"size": 4},
        "pytorch-lightning_version": lightning.__version__,
    }
    torch.save(checkpoint, tmp_path / "lit.ckpt")
    check_answers(placed_model(f"{file}:Lit", tmp_path / "lit.ckpt"))
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
