"""Live training on the page, in a real browser: what is started, paused, stepped and scrubbed there."""

import numpy as np
import pages
import pytest
from browsing import Page

from convlet.engines import engine


def test_training_is_live_and_its_time_line_shows_the_network_as_it_was(open_page, studio):
    page = open_page("served", "view=train&image=5")
    before = page.numbers(".bars .share")
    page.click("text=Train it again")
    page.until("/^(Step|Done)/.test(document.querySelector('.train [role=status]').textContent)")
    page.until("document.querySelector('.train [role=status]').textContent.startsWith('Done')", 120)
    page.page.wait_for_selector(".timeline input")
    assert page.page.locator(".train svg polyline").count() >= 3
    page.settle()
    learnt = page.numbers(".bars .share")
    assert learnt != before
    page.page.locator(".timeline input").fill("0")
    page.until("location.hash.includes(encodeURIComponent(',0,0'))")
    page.page.wait_for_timeout(300)
    first = page.numbers(".bars .share")
    initial = studio.content.network.initial_parameters(0)
    logits = engine("numpy").compile(studio.content.network, initial).predict(studio.content.shown.batch([5])[0])[0]
    shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert first == pytest.approx(shares.tolist(), abs=0.051)
    page.page.reload()
    page.page.wait_for_selector("body[data-ready=yes]")
    page.until("document.querySelector('.timeline output').textContent === 'step 0'")
    page.page.wait_for_timeout(300)
    assert page.numbers(".bars .share") == first and page.fragment()["moment"].endswith(",0,0")
    page.click("text=Back to the network that was opened")
    page.settle()
    assert page.numbers(".bars .share") == before


def test_training_is_paused_stepped_gone_on_with_and_stopped_from_the_page(browser):
    with pages.studio(pages.DIGITS, pages.digits(), steps=100_000) as made, pages.served(made) as address:
        context = browser.new_context()
        page = Page(context.new_page(), address.url).go("view=train&lang=en")
        page.click("text=Train it again")
        page.click("#panel button >> text=Pause")
        page.until("document.querySelector('.train [role=status]').textContent.startsWith('Paused')")
        paused = made.session.contestants[0].step
        page.click("#panel button >> text=One step")
        page.until(f"document.querySelector('.train [role=status]').textContent.includes('step {paused + 1:,} of')")
        page.click("#panel button >> text=Go on")
        pages.wait_until(lambda: made.session.contestants[0].step > paused + 2)
        page.click("#panel button >> text=Stop")
        page.until("document.querySelector('.train [role=status]').textContent.startsWith('Done')")
        stopped = made.session.contestants[0].step
        page.until(f"document.querySelector('.timeline output').textContent === 'step {stopped:,}'")
        assert page.complaints == []
        context.close()


def test_a_fresh_network_learns_while_one_watches_and_is_there_to_be_drawn_on(browser):
    with pages.studio(pages.DIGITS, pages.digits(), steps=150, fresh=True) as fresh, pages.served(fresh) as address:
        context = browser.new_context()
        page = Page(context.new_page(), address.url)
        page.page.goto(address.url)
        page.page.wait_for_selector("body[data-ready=yes]")
        page.until("document.querySelector('.train [role=status]').textContent.startsWith('Done')", 120)
        page.until("new URLSearchParams(location.hash.slice(1)).get('moment')?.endsWith(',150')")
        page.page.wait_for_timeout(300)
        image, _ = fresh.content.shown.batch([0])
        logits = fresh.session.contestants[0].program.predict(image)[0]
        shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)
        page.page.reload()
        page.page.wait_for_selector("body[data-ready=yes]")
        page.settle()
        page.page.wait_for_timeout(300)
        assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)
        page.page.locator("#network [data-layer=conv2d_1] canvas").first.click(position={"x": 9, "y": 9})
        page.settle()
        assert page.text("#panel .explain h2").startswith("Why is this number")
        assert page.complaints == []
        context.close()


def test_a_file_does_not_offer_what_needs_a_server(open_page):
    page = open_page("file")
    assert page.page.locator("[data-view=train]").count() == 0
