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


@pytest.mark.skipif(shutil.which("node") is None and not CI, reason="the page's code is run by Node.js")
@pytest.mark.parametrize("dataset", ["mnist", "digits"])
def test_the_page_prepares_a_drawing_as_the_server_does(dataset, tmp_path):
    form = source_of(dataset).character
    assert form is not None
    told = {"size": form.size, "box": form.box, "by_mass": form.by_mass, "faint": FAINT}
    for seed in range(4):
        drawn = drawing(seed)
        (tmp_path / "ink.json").write_text(json.dumps((drawn / 255).ravel().tolist()))
        code = f"""
          import {{ readFileSync }} from "node:fs";
          import {{ characterOf }} from "./explorer/ui/static/latent/character.js";
          const ink = Float32Array.from(JSON.parse(readFileSync("{tmp_path / "ink.json"}", "utf8")));
          console.log(JSON.stringify(Array.from(characterOf(ink, {SIDE}, {json.dumps(told)}))));
        """
        done = subprocess.run(["node", "--input-type=module", "--eval", code], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        image = np.reshape(json.loads(done.stdout), (form.size, form.size))
        wanted = character_image(drawn, form)[0]
        assert np.abs(image - wanted).mean() < 0.02
        assert np.corrcoef(image.ravel(), wanted.ravel())[0, 1] > 0.99


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
