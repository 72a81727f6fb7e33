"""How many examples Hypothesis draws for a test that wants more, or fewer, than the others. No tests are here."""

from hypothesis import settings

USUAL = 50  # of a test that says nothing, in the profile of every day


def examples(count):
    """Settings for so many examples a day: as much more where we roam, as much less where a few must do."""
    return settings(max_examples=max(1, count * settings().max_examples // USUAL))
