"""The page on a network that was trained on pictures: a file comes to it as theirs did, served and in a file alike."""

from dataclasses import replace

import numpy as np
import pages
import pytest
from browsing import WAYS, Page

from convlet.datasets.readers.pictures import FITS
from convlet.explore import exporting
from convlet.explore.content import travelling
from convlet.explore.studio import Studio


def content(**changes):
    """Of a network on images that are no digits, though they are as large and have ten classes."""
    made = pages.content(pages.DIGITS, pages.digits())
    return replace(made, data=replace(made.data, kind=None), **changes)


@pytest.mark.parametrize(("shape", "fit"), [((28, 56), "crop"), ((28, 14), "pad")])
@pytest.mark.parametrize("way", WAYS)
def test_a_picture_of_other_proportions_is_fitted_as_the_runs_own_were(browser, tmp_path, way, shape, fit):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = 200, 40, 90  # the border, and so the ground of what is padded
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    made = content(fit=fit)
    (tmp_path / "page.html").write_text(exporting.page(made), "utf-8")
    with pages.served(Studio(made)) as address:
        page = Page(browser.new_page(), address.url if way == "served" else (tmp_path / "page.html").as_uri()).go()
        page.page.locator("input[type=file]").set_input_files(tmp_path / "picture.png")
        page.until("location.hash.includes('image=-1')")
        page.settle()
        seen = np.array(page.probe("image()"))
        assert page.complaints == []
        page.page.close()
    with Image.open(tmp_path / "picture.png") as picture:
        expected = np.asarray(FITS[fit](picture.convert("L"), (28, 28)), int)
    assert np.abs(seen - expected).max() <= 1


def test_only_digits_go_through_the_preparation_of_mnist():
    assert travelling(pages.content(pages.DIGITS, pages.digits())).description["digits"]
    assert not travelling(content()).description["digits"]
    assert travelling(content()).description["fit"] == "stretch"


def test_where_the_data_have_gone_the_names_of_the_classes_tell():
    made = replace(pages.content(pages.DIGITS, pages.digits()), data=None, shown=None)
    assert made.digits
    assert not replace(made, classes=tuple("abcdefghij")).digits
