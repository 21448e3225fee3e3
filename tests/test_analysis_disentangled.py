"""Disentanglement scores against codes whose scores are known: perfect, rotated, doubled, noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.analysis.disentangled import (
    Disentanglement,
    Factor,
    complete,
    disentangled,
    disentanglement,
    mutual_information_gap,
    separated_predictability,
)
from explorer.errors import ShapeError

COUNT = 1500
RNG = np.random.default_rng(0)
AMOUNTS = RNG.uniform(-1, 1, (COUNT, 2)).astype(np.float32)
KINDS = RNG.integers(0, 2, COUNT).astype(np.float64)


def amounts(values: np.ndarray = AMOUNTS) -> list[Factor]:
    return [Factor(name=str(k), values=column.astype(np.float64), is_class=False) for k, column in enumerate(values.T)]


def scored(codes: np.ndarray, factors: list[Factor]) -> Disentanglement:
    found = disentanglement(codes.astype(np.float32), factors)
    assert found is not None
    return found


def turned(codes: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return codes @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_a_perfect_code_has_the_highest_scores():
    found = scored(AMOUNTS, amounts())
    assert min(found.disentanglement or 0, found.completeness or 0, found.informativeness) > 0.97
    assert found.sap is not None and found.sap > 0.99
    assert found.mig is not None and found.mig > 0.8, "20 equal bins lose a little of an amount"
    assert (found.factors, found.count) == (("0", "1"), COUNT)


def test_a_rotated_code_tells_as_much_and_is_entangled():
    found = scored(turned(AMOUNTS, 45), amounts())
    assert found.informativeness > 0.9
    assert max(found.disentanglement or 0, found.completeness or 0, found.mig or 0, found.sap or 0) < 0.1


def test_noise_tells_nothing():
    found = scored(np.random.default_rng(9).standard_normal((COUNT, 4)), amounts())
    assert max(found.informativeness, found.mig or 0, found.sap or 0) < 0.05


def test_a_factor_on_two_dimensions_is_not_complete_but_disentangled():
    codes = np.column_stack([AMOUNTS[:, 0] + AMOUNTS[:, 0] ** 3, AMOUNTS[:, 0], AMOUNTS[:, 1]])
    found = scored(codes, amounts())
    assert found.disentanglement is not None and found.disentanglement > 0.95
    assert found.mig is not None and found.mig < 0.5 and found.sap is not None and found.sap < 0.6


def test_classes_are_told_by_thresholds():
    codes = np.column_stack([KINDS + RNG.normal(0, 0.01, COUNT), RNG.standard_normal(COUNT)])
    factor = Factor(name="kind", values=KINDS, is_class=True)
    assert separated_predictability(codes.astype(np.float32), [factor]) == pytest.approx(0.48, abs=0.03), "1 - a coin"
    assert mutual_information_gap(codes.astype(np.float32), [factor]) > 0.95
    found = scored(codes, [factor])
    assert found.informativeness > 0.98 and found.disentanglement is None, "of one factor it has no meaning"


def test_importances_of_the_paper_give_the_entropies_of_the_paper():
    assert disentangled(np.eye(3)) == complete(np.eye(3)) == 1
    assert disentangled(np.ones((3, 3))) == pytest.approx(0) == complete(np.ones((3, 3)))
    half = np.array([[0.5, 0], [0.5, 0], [0, 1]])  # one factor on two of three dimensions
    assert disentangled(half) == pytest.approx(1)
    assert complete(half) == pytest.approx((1 - np.log(2) / np.log(3) + 1) / 2)
    dead = np.array([[1.0, 0], [0, 1], [0, 0]])
    assert disentangled(dead) == 1, "a dimension that matters to no factor has no weight"


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.1, 50), shift=st.floats(-9, 9), swap=st.booleans())
def test_gaps_do_not_depend_on_scale_place_and_order_of_dimensions(scale: float, shift: float, swap: bool):
    codes = turned(AMOUNTS, 20).astype(np.float32)
    moved = codes[:, ::-1] if swap else codes
    for score in (mutual_information_gap, separated_predictability):
        assert score((moved * scale + shift).astype(np.float32), amounts()) == pytest.approx(
            score(codes, amounts()), abs=0.01
        )


def test_unknown_values_take_no_part_and_what_does_not_differ_is_left_out():
    holed = AMOUNTS.copy()
    holed[::3, 0] = np.nan
    found = scored(AMOUNTS, amounts(holed))
    assert found.sap is not None and found.sap > 0.99
    same = Factor(name="same", values=np.ones(COUNT), is_class=False)
    few = Factor(name="few", values=np.where(np.arange(COUNT) < 9, KINDS, np.nan), is_class=False)
    assert scored(AMOUNTS, [*amounts(), same, few]).factors == ("0", "1")
    assert disentanglement(AMOUNTS, [same, few]) is None


def test_a_code_of_one_dimension_has_no_gaps():
    found = scored(AMOUNTS[:, :1], amounts())
    assert (found.completeness, found.mig, found.sap) == (None, None, None)


def test_another_number_of_images_is_refused():
    with pytest.raises(ShapeError, match="factor 0 has the shape"):
        disentanglement(AMOUNTS[:9], amounts())
