"""Randomness: a pure function of seed, purpose, epoch and step, and the very numbers of the published generator."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.initializers import TruncatedNormal
from convlet.descriptions.layers import Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.errors import InputError
from convlet.randomness import entries, generator, kept

PURPOSES = ("initial values", "shuffle", "dropout")
counts = st.integers(0, 2**64 - 1)
SPLIT_MIX = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def words(seed, purpose, **where):
    return generator(seed, purpose, **where).integers(0, 2**64, 8, dtype=np.uint64).tolist()


def philox(counter, key):
    """Philox 4x64-10 as its paper defines it (Salmon et al., SC 2011, sections 3.2 and 4.3), in whole numbers."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        high_a, low_a = divmod(0xD2E7470EE14C6C93 * a, 2**64)
        high_c, low_c = divmod(0xCA5A826395121157 * c, 2**64)
        a, b, c, d = high_c ^ b ^ k, low_c, high_a ^ d ^ m, low_a
        k, m = (k + 0x9E3779B97F4A7C15) % 2**64, (m + 0xBB67AE8584CAA73B) % 2**64
    return [a, b, c, d]


@given(st.integers(0, 2**63 - 1), st.sampled_from(PURPOSES), counts, counts)
def test_the_numbers_are_those_of_philox_at_step_and_epoch(seed, purpose, epoch, step):
    key = (seed, PURPOSES.index(purpose))
    expected = [*philox((1, step, epoch, 0), key), *philox((2, step, epoch, 0), key)]
    assert words(seed, purpose, epoch=epoch, step=step) == expected


def test_the_same_arguments_give_the_same_numbers():
    assert words(3, "shuffle", epoch=1, step=2) == words(3, "shuffle", epoch=1, step=2)


def test_any_other_argument_gives_other_numbers():
    streams = [
        words(seed, purpose, epoch=epoch, step=step)
        for seed, purpose, epoch, step in itertools.product((0, 1, 2), PURPOSES, (0, 1, 2), (0, 1, 2))
    ]
    drawn = list(itertools.chain(*streams))
    assert len(set(drawn)) == len(drawn)


def test_a_generator_is_fresh_each_time_and_owns_its_state():
    first = generator(0, "dropout")
    first.random(100)
    assert words(0, "dropout") == generator(0, "dropout").integers(0, 2**64, 8, dtype=np.uint64).tolist()


def test_numpys_global_state_plays_no_part_and_is_not_touched():
    np.random.seed(0)
    before, numbers = np.random.get_state()[1].tolist(), words(1, "shuffle")
    assert np.random.get_state()[1].tolist() == before
    np.random.seed(1)
    assert words(1, "shuffle") == numbers


def test_the_shuffle_of_seed_7_epoch_2():
    assert generator(7, "shuffle", epoch=2).permutation(10).tolist() == [8, 5, 3, 4, 7, 1, 9, 6, 2, 0]


def test_the_dropout_numbers_of_seed_7_step_700():
    numbers = generator(7, "dropout", step=700).random(3, np.float32)
    assert numbers.tolist() == [0.38509494066238403, 0.18243539333343506, 0.9146646857261658]


def test_the_first_truncated_normals_of_seed_0():
    numbers = TruncatedNormal(0.1).draw((4,), generator(0, "initial values"))
    expected = [0.015929546600623283, -0.17741885208017216, 0.13265118818830893, 0.12048090979493156]
    assert numbers.tolist() == pytest.approx(expected, rel=1e-15)


def test_the_initial_values_of_seed_0():
    """They follow from the parameters' names, so a layer's name is part of what makes a run repeatable."""
    parameters = Sequential([Conv2D(2, 2), Flatten(), Dense(2)], (2, 2, 1)).initial_parameters(0)
    assert parameters["conv2d_1/kernel"].ravel()[:2].tolist() == [0.04165196046233177, 0.42295554280281067]
    assert parameters["dense_1/kernel"].ravel()[:2].tolist() == [1.1604368686676025, 0.23064148426055908]


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "7", None, True])
def test_a_seed_is_a_whole_number_of_63_bits(seed):
    from convlet.errors import InputError

    with pytest.raises(InputError) as error:
        generator(seed, "shuffle")
    assert str(error.value) == f"seed={seed!r}: expected a whole number from 0 to 2**63 - 1."


@pytest.mark.parametrize("seed", [0, 2**63 - 1, np.int64(5), np.uint8(5)])
def test_any_whole_number_of_63_bits_is_a_seed(seed):
    assert words(seed, "shuffle") == words(int(seed), "shuffle")


@pytest.mark.parametrize(("rate", "first_kept"), [(0.5, 32768), (0.25, 16384), (1 / 65536, 1), (0.999999, 65535)])
def test_the_drawn_part_of_65536_that_is_the_rate_itself_is_kept_and_the_one_below_dropped(rate, first_kept):
    class Stream:
        """Draws two words of 64 bits: eight parts of sixteen bits."""

        @property
        def bit_generator(self):
            return self

        def random_raw(self, count):
            drawn = [0, first_kept - 1, first_kept, 65535, 0, 0, 65535, 65535]
            return np.array(drawn, "<u2").view("<u8")[:count].astype(np.uint64)

    assert kept(Stream(), (2, 4), rate).tolist() == [[False, False, True, True], [False, False, True, True]]


def test_entries_are_those_of_split_mix_from_a_number_of_philox_on(monkeypatch):
    """The published numbers of SplitMix64 from 1234567 on; and their place in the table."""
    monkeypatch.setattr(
        "convlet.randomness._beginning", lambda *key: 1234567 if key == (5, "augmentation", 3, 2) else 0
    )
    row = entries(5, "augmentation", epoch=3, step=2, rows=np.array([0]), columns=np.arange(5))
    assert row.tolist() == [(number >> 11) / 2**53 for number in SPLIT_MIX]
    places = entries(
        5, "augmentation", epoch=3, step=2, rows=np.array([[0], [2**39]]), columns=np.array([1, 2**24 - 1])
    )
    assert places.shape == (2, 2) and places[0, 0] == row[1] and len(np.unique(places)) == 4


def test_each_seed_epoch_and_step_has_a_table_of_its_own():
    where = itertools.product((0, 1, 2**62), (0, 1, 2), (0, 1, 2))
    rows, columns = np.arange(4)[:, np.newaxis], np.arange(4)
    tables = [entries(s, "augmentation", epoch=e, step=t, rows=rows, columns=columns) for s, e, t in where]
    assert len(np.unique(tables)) == np.size(tables)
    again = entries(0, "augmentation", epoch=0, step=0, rows=rows[::-1], columns=columns)
    assert np.array_equal(again[::-1], tables[0])


def test_entries_are_spread_evenly():
    numbers = entries(0, "augmentation", epoch=0, rows=np.arange(10_000)[:, np.newaxis], columns=np.arange(4))
    assert numbers.min() >= 0 and numbers.max() < 1
    assert np.histogram(numbers, 20, (0, 1))[0].min() > 1850
    assert abs(np.corrcoef(numbers.T) - np.eye(4)).max() < 0.05


def test_a_row_of_a_table_does_not_run_into_the_next():
    with pytest.raises(InputError, match=r"images: 16,777,217 random numbers for one; at most 16,777,216"):
        entries(0, "augmentation", epoch=0, rows=np.array([0]), columns=np.array([2**24]))
