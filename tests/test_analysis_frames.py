import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.analysis.frames import EIGENVALUE_FLOOR, fit_frame
from explorer.errors import ShapeError

ROOT = Path(__file__).resolve().parent.parent


def skewed_codes(seed: int, dim: int, count: int = 400) -> np.ndarray:
    """Codes off the origin whose standard deviations lie between 0.5 and 5, along axes of their own."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
    return rng.standard_normal((count, dim)) * rng.uniform(0.5, 5, dim) @ turn + rng.standard_normal(dim) * 10


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 12))
def test_unwhitening_undoes_whitening(seed, dim):
    codes = skewed_codes(seed, dim)
    frame = fit_frame(codes)
    np.testing.assert_allclose(frame.unwhiten(frame.whiten(codes)), codes, atol=1e-4, rtol=1e-5)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 12))
def test_whitened_codes_have_mean_zero_and_covariance_one(seed, dim):
    codes = skewed_codes(seed, dim, 500)
    whitened = fit_frame(codes, floor=0).whiten(codes)
    np.testing.assert_allclose(whitened.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(whitened, rowvar=False).reshape(dim, dim), np.eye(dim), atol=1e-4)


def test_a_frame_of_standard_codes_changes_next_to_nothing():
    codes = np.random.default_rng(0).standard_normal((20_000, 3))
    frame = fit_frame(codes)
    np.testing.assert_allclose(frame.to_white, np.eye(3), atol=0.03)
    np.testing.assert_allclose(frame.from_white @ frame.from_white, frame.covariance, atol=1e-12)
    np.testing.assert_allclose(frame.deviations, codes.std(0), rtol=1e-3)


def test_a_dead_axis_is_floored_and_not_divided_by():
    codes = np.random.default_rng(0).standard_normal((500, 3)) * [5, 1, 0]
    frame = fit_frame(codes)
    assert np.isfinite(frame.to_white).all()
    values = np.linalg.eigvalsh(frame.covariance)
    np.testing.assert_allclose(values[0], values[-1] * EIGENVALUE_FLOOR, rtol=1e-6)


def test_codes_that_are_all_alike_still_have_a_frame():
    frame = fit_frame(np.full((10, 2), 3.0))
    np.testing.assert_allclose(frame.unwhiten(np.zeros((1, 2))), [[3, 3]])
    assert np.isfinite(frame.whiten(np.ones((1, 2)))).all()


def test_the_white_law_has_the_density_of_its_gaussian():
    frame = fit_frame(skewed_codes(1, 2))
    points = np.array([[0.0, 0.0], [5.0, -3.0]])
    offset = points - frame.mean
    expected = -0.5 * (
        (offset @ np.linalg.inv(frame.covariance) * offset).sum(1)
        + np.linalg.slogdet(frame.covariance)[1]
        + 2 * np.log(2 * np.pi)
    )
    np.testing.assert_allclose(frame.log_density(points), expected, rtol=1e-8)


@pytest.mark.parametrize("codes", [np.zeros((1, 2)), np.zeros(4), np.zeros((5, 0)), np.array([[0.0], [np.nan]])])
def test_a_frame_refuses_what_has_no_covariance(codes):
    with pytest.raises(ShapeError, match="a frame is fitted to"):
        fit_frame(codes)


def test_the_analysis_room_opens_without_heavy_libraries():
    rooms = sorted(path.stem for path in (ROOT / "explorer" / "analysis").glob("*.py"))
    assert "holes" in rooms
    imports = "".join(f"import explorer.analysis.{room}\n" for room in rooms if room != "__init__")
    heavy = "import sys; print(*{'torch', 'sklearn', 'scipy', 'gradio', 'plotly'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", imports + heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
