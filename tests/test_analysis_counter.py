"""Numbers that a seed decides, in Python and in the browser."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis.counter import CounterGenerator, philox
from tests.conftest import CI, ROOT

SEEDS = st.integers(0, 2**53 - 1)


def test_philox_gives_the_words_that_its_authors_state():
    """From the known answers of Random123, kat_vectors, philox4x32 with 10 rounds."""
    assert [int(word[0]) for word in philox(0, 0, np.array([0]))] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@given(seed=SEEDS, count=st.integers(1, 40), more=st.integers(0, 40))
def test_a_longer_draw_begins_with_a_shorter_one(seed, count, more):
    short = CounterGenerator(seed).standard_normal(count)
    np.testing.assert_array_equal(CounterGenerator(seed).standard_normal(count + more)[:count], short)
    whole = CounterGenerator(seed)
    parts = np.concatenate([whole.standard_normal(count), whole.standard_normal(more)])
    np.testing.assert_array_equal(CounterGenerator(seed).standard_normal(count + more), parts)


def test_normal_numbers_are_normal_and_seeds_differ():
    numbers = CounterGenerator(7).standard_normal((200, 500))
    assert abs(numbers.mean()) < 0.02
    assert abs(numbers.std() - 1) < 0.01
    assert abs((numbers**4).mean() - 3) < 0.1
    assert abs((numbers[:, 0] * numbers[:, 1]).mean()) < 0.3
    assert abs((numbers.ravel() * CounterGenerator(8).standard_normal(100_000)).mean()) < 0.02


def test_choices_have_their_probabilities():
    weights = np.array([0.1, 0.0, 0.6, 0.3])
    chosen = CounterGenerator(3).choice(4, 50_000, weights)
    np.testing.assert_allclose(np.bincount(chosen, minlength=4) / 50_000, weights, atol=0.01)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_of_another_size_is_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        CounterGenerator(seed)


@pytest.mark.skipif(shutil.which("node") is None and not CI, reason="the page's code is run by Node.js")
def test_the_browser_draws_the_same_numbers():
    seeds, weights = [0, 1, 99_999, 2**32 - 1, 2**32, 2**53 - 1], [0.2, 0.5, 0.05, 0.25]
    code = f"""
      import {{ componentsDrawn, normals }} from "./explorer/ui/static/latent/counter.js";
      const drawn = (seed) => [Array.from(normals(seed, 301)), componentsDrawn(seed, 100, {weights})];
      console.log(JSON.stringify({json.dumps(seeds)}.map(drawn)));
    """
    command = ["node", "--input-type=module", "--eval", code]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    for seed, (numbers, chosen) in zip(seeds, found, strict=True):
        generator = CounterGenerator(seed)
        np.testing.assert_allclose(numbers, generator.standard_normal(301), rtol=0, atol=1e-12)
        np.testing.assert_array_equal(chosen, generator.choice(4, 100, np.array(weights)))
