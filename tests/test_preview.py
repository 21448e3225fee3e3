"""A drawing while it grows: the page prepares it as the server prepares the finished one, in short."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from explorer.data import source_of
from explorer.data.own import FAINT, Place, Scene, _part, character_image
from tests.conftest import CI, ROOT

SIDE = 280


def drawing(seed: int) -> np.ndarray:
    """A thick soft stroke through random places, (SIDE, SIDE) in bytes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    ink = np.zeros((SIDE, SIDE))
    points = rng.uniform(60, 220, (4, 2))
    for start, end in zip(points, points[1:], strict=False):
        for t in np.linspace(0, 1, 60):
            place = start + t * (end - start)
            away = np.hypot(y - place[0], x - place[1])
            ink = np.maximum(ink, np.clip((16 - away) / 6, 0, 1))
    return np.rint(255 * ink).astype(np.uint8)


def photographed(seed: int) -> np.ndarray:
    """The same as dark ink on a page that is lit from one side, a frame of a camera: higher than wide, and noisy."""
    rng = np.random.default_rng(seed)
    ink = drawing(seed)[20:260].astype(float) / 255
    page = 0.9 - 0.2 * np.linspace(0, 1, ink.shape[1])[None] - 0.1 * np.linspace(0, 1, len(ink))[:, None]
    seen = page - 0.6 * ink + rng.normal(0, 0.01, ink.shape)
    return np.rint(255 * seen.clip(0, 1)).astype(np.uint8)


@pytest.mark.skipif(shutil.which("node") is None and not CI, reason="the page's code is run by Node.js")
@pytest.mark.parametrize("dataset", ["mnist", "digits"])
def test_the_page_prepares_a_character_as_the_server_does_to_the_pixel(dataset, tmp_path):
    form = source_of(dataset).character
    assert form is not None
    levels = 256 if dataset == "mnist" else 17
    told = {"size": form.size, "box": form.box, "by_mass": form.by_mass, "faint": FAINT}
    pictures = [each(seed) for seed in range(4) for each in (drawing, photographed)]
    pictures += [drawing(9)[40:240:25, 40:240:25], np.zeros((30, 40), np.uint8)]
    given = [{"grey": each.ravel().tolist(), "width": each.shape[1], "height": each.shape[0]} for each in pictures]
    (tmp_path / "pictures.json").write_text(json.dumps(given))
    code = f"""
      import {{ readFileSync }} from "node:fs";
      import {{ atLevel, characterOf }} from "./explorer/ui/static/latent/character.js";
      const pictures = JSON.parse(readFileSync("{tmp_path / "pictures.json"}", "utf8"));
      const images = pictures.map(({{ grey, width, height }}) => {{
        const image = characterOf(Uint8Array.from(grey), width, height, {json.dumps(told)});
        return image && Array.from(image, (value) => Math.round(atLevel(value, {levels}) * {levels - 1} / 255));
      }});
      console.log(JSON.stringify(images));
    """
    done = subprocess.run(["node", "--input-type=module", "--eval", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *images, small, nothing = json.loads(done.stdout)
    assert nothing is None
    for picture, image in zip(pictures, [*images, small], strict=False):
        wanted = np.rint(character_image(picture, form)[0] * (levels - 1))
        np.testing.assert_array_equal(np.reshape(image, wanted.shape), wanted)


@pytest.mark.skipif(shutil.which("node") is None and not CI, reason="the page's code is run by Node.js")
def test_the_page_crops_a_frame_where_the_server_does():
    rng = np.random.default_rng(0)
    cases = [
        (*map(int, rng.integers(80, 900, 2)), rng.choice([0.75, 1.0, 1.5]), *rng.uniform(0, 1, 2), rng.uniform(0.1, 1))
        for _ in range(200)
    ]
    code = f"""
      import {{ croppedBox }} from "./explorer/ui/static/latent/character.js";
      const boxes = {json.dumps(cases)}.map(([w, h, aspect, x, y, side]) => croppedBox(w, h, aspect, {{ x, y, side }}));
      console.log(JSON.stringify(boxes.map(({{ left, top, wide, high }}) => [left, top, wide, high])));
    """
    done = subprocess.run(["node", "--input-type=module", "--eval", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for box, (width, height, aspect, x, y, side) in zip(json.loads(done.stdout), cases, strict=True):
        form = Scene(image_shape=(3, 60, round(60 * float(aspect))))
        wanted, _ = _part((int(width), int(height)), form, Place(x, y, side))
        assert np.abs(np.array(box) - wanted).max() <= 1.5, "whole pixels there"
