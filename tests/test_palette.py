"""The colours of classes: told apart with any common sight, no model's own, and the same in figures and on the page."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from explorer.plots.style import (
    AUTOENCODER,
    CLASS_COLOURS,
    INKS,
    THEMES,
    VARIATIONAL,
    VIRIDIS,
    lit,
)

SIGHTS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What is left of linear RGB (Machado, Oliveira & Fernandes 2009, table 1, severity 1)."""

LEAST = {"usual": 18.0, "protanopia": 11.0, "deuteranopia": 11.0, "tritanopia": 11.0}
"""Least difference of two colours, CIEDE2000. About 2 is seen side by side; the ten of Petroff 2021, among them the
orange and blue that are the models' own here, have 17, 12, 13 and 13."""

PAGES = {"light": "#ffffff", "dark": "#0b0f19"}


def linear(colour: str) -> np.ndarray:
    """Linear RGB of "#rrggbb"."""
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, white D65."""
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    ratio = matrix @ rgb / matrix.sum(1)
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """CIEDE2000 of two L*a*b* colours (Sharma, Wu & Dalal 2005, https://doi.org/10.1002/col.20070)."""
    lightness, chroma = (one[0] + other[0]) / 2, (np.hypot(*one[1:]) + np.hypot(*other[1:])) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
    a1, a2 = stretch * one[1], stretch * other[1]
    c1, c2 = np.hypot(a1, one[2]), np.hypot(a2, other[2])
    h1, h2 = np.degrees(np.arctan2(one[2], a1)) % 360, np.degrees(np.arctan2(other[2], a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    middle = (c1 + c2) / 2
    weight = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    in_lightness = (other[0] - one[0]) / (1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2))
    in_chroma = (c2 - c1) / (1 + 0.045 * middle)
    in_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * middle * weight)
    rotation = -2 * np.sqrt(middle**7 / (middle**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(in_lightness**2 + in_chroma**2 + in_hue**2 + rotation * in_chroma * in_hue))


def seen(colour: str, sight: str) -> np.ndarray:
    """L*a*b* of a colour as somebody sees it."""
    return lab(np.clip(SIGHTS[sight] @ linear(colour), 0, 1))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ],
)
def test_differences_are_those_of_the_published_pairs(one, other, expected):
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", THEMES)
def test_no_two_classes_are_near_one_another_nor_near_a_models_own_colour(theme, sight):
    colours = CLASS_COLOURS[theme]
    assert len(set(colours)) == len(colours) == 10
    models = [lit(AUTOENCODER, theme), lit(VARIATIONAL, theme)]
    pairs = [*itertools.combinations(colours, 2), *itertools.product(colours, models)]
    least = min(pairs, key=lambda pair: difference(seen(pair[0], sight), seen(pair[1], sight)))
    assert difference(seen(least[0], sight), seen(least[1], sight)) >= LEAST[sight], least


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_is_seen_on_its_page(theme):
    def luminance(colour: str) -> float:
        return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour))

    for colour in (*CLASS_COLOURS[theme], *ramp(theme)):
        low, high = sorted((luminance(colour), luminance(PAGES[theme])))
        assert (high + 0.05) / (low + 0.05) > 1.3, colour


def ramp(theme: str) -> tuple[str, ...]:
    """Stops of the page's scale for numbers: without the end that would drown in the page."""
    return VIRIDIS[2:] if theme == "dark" else VIRIDIS[:-1]


@pytest.mark.parametrize("theme", THEMES)
def test_the_pages_style_sheet_has_the_colours_of_the_figures(root: Path, theme):
    text = (root / "explorer/ui/static/kit/kit.css").read_text(encoding="utf-8")
    light, dark = text.split(".dark .xp-host", 1)
    part = dark if theme == "dark" else light

    def token(name: str) -> str:
        found = re.search(rf"--xp-{name}: ([^;]+);", part)
        assert found is not None, name
        return found[1]

    assert [token(f"class-{number}") for number in range(10)] == list(CLASS_COLOURS[theme])
    assert token("ramp").split(", ") == list(ramp(theme))
    assert [token("ae"), token("vae")] == [lit(AUTOENCODER, theme), lit(VARIATIONAL, theme)]
    assert token("ink") == INKS[theme].text
    assert token("lonely") == INKS[theme].hole
