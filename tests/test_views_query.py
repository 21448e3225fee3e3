"""Values of a query: one way to write a number, whoever asks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import ShapeError
from explorer.views.query import choice, number, parsed, theme_of, whole


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_every_number_that_python_or_a_browser_writes_is_read_as_itself(value):
    assert parsed(repr(value)) == value
    assert parsed(f"{value:.6e}") == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("text", ["1e-3", "0.001", "1E-3", "+0.001", ".001", "1.e-3"])
def test_a_thousandth_may_be_written_in_any_usual_way(text):
    assert number({"level": text}, "level", 0, 1) == 0.001


@pytest.mark.parametrize(
    "text", ["", " ", "nan", "inf", "-inf", "1e999", "0x1", "1_0", " 1", "1 ", "٣", "1,5", "--1", "1e", ".", "1" * 40]
)
def test_what_is_no_number_is_refused_in_a_sentence(text):
    with pytest.raises(ShapeError, match="^level must be a number from 0 to 20.$"):
        number({"level": text}, "level", 0, 20, default=1)


@pytest.mark.parametrize("text", ["-1e-9", "1.0000001", "-1"])
def test_a_number_out_of_range_is_refused(text):
    with pytest.raises(ShapeError):
        number({"level": text}, "level", 0, 1)


def test_a_number_that_is_not_given_is_the_default_or_refused():
    assert number({}, "level", 0, 1, default=0.02) == 0.02
    with pytest.raises(ShapeError):
        number({}, "level", 0, 1)


@pytest.mark.parametrize("text", ["", "-1", "6", "1.0", "1e0", "٣", "0" * 20, "+1"])
def test_what_is_no_whole_number_in_range_is_refused(text):
    with pytest.raises(ShapeError, match="^n must be a whole number from 0 to 5.$"):
        whole({"n": text}, "n", 0, 5, default=1)


@given(st.integers(0, 2**63 - 1))
def test_a_whole_number_is_itself(value):
    assert whole({"seed": str(value)}, "seed", 0, 2**63 - 1, default=0) == value


def test_a_choice_is_one_of_its_words_and_the_sentence_names_them():
    assert choice({"of": "b"}, "of", ("a", "b"), "a") == "b"
    assert choice({}, "of", ("a", "b"), "a") == "a"
    with pytest.raises(ShapeError, match="^of must be a or b.$"):
        choice({}, "of", ("a", "b"))
    with pytest.raises(ShapeError, match="^of must be one of a, b, c.$"):
        choice({"of": "d"}, "of", ("a", "b", "c"), "a")


def test_the_theme_is_light_where_nothing_is_said():
    assert theme_of({}) == "light"
    assert theme_of({"theme": "dark"}) == "dark"
    with pytest.raises(ShapeError, match="theme"):
        theme_of({"theme": "red"})
