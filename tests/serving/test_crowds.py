"""Many who ask at once: what waits together is computed together, and each is told its own."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import asking
import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the server is an extra: make test-extras")


def test_what_waits_together_is_computed_together_and_each_is_told_its_own():
    slow = asking.Slow()
    images = [asking.image(seed) for seed in range(9)]
    with asking.served(asking.predictor(slow), max_batch=5) as server, ThreadPoolExecutor(9) as pool:
        slow.hold()
        first = pool.submit(server.predict, json.dumps(images[0].tolist()))
        assert slow.begun.wait(30)
        asked = [images[1:2], images[2:4], *([image] for image in images[4:7]), images[7:]]  # two of them bring two
        others = [pool.submit(server.predict, json.dumps([image.tolist() for image in each])) for each in asked]
        asking.wait_until(lambda: server.metric("convlet_images_waiting") == 8)
        slow.may.set()
        answers = [each["probabilities"] for told in [first, *others] for each in told.result(30)[1]["predictions"]]
        assert server.metric("convlet_batch_images_count") == 3 and server.metric("convlet_batch_images_sum") == 9
    assert slow.batches in ([1, 5, 3], [1, 4, 4])  # as they came
    assert answers == asking.expected(*images)


def test_a_request_waits_for_others_where_it_is_told_to():
    slow = asking.Slow()
    with asking.served(asking.predictor(slow), max_wait=30_000, max_batch=2) as server, ThreadPoolExecutor(2) as pool:
        slow.batches.clear()
        answers = [pool.submit(server.predict, asking.BODY) for _ in range(2)]
        assert [each.result(20)[0] for each in answers] == [200, 200]
    assert slow.batches == [2]


def test_a_question_that_breaks_the_network_breaks_no_other():
    slow = asking.Slow()

    def answer(images):
        result = slow(images)
        if len(images) > 1 and (images == 1).all(axis=(1, 2, 3)).any():
            raise ArithmeticError
        return result

    with asking.served(asking.predictor(answer)) as server, ThreadPoolExecutor(3) as pool:
        slow.hold()
        pool.submit(server.predict, asking.BODY)
        assert slow.begun.wait(30)
        bad = pool.submit(server.predict, json.dumps([np.ones((5, 4)).tolist()] * 2))
        good = pool.submit(server.predict, asking.BODY)
        asking.wait_until(lambda: server.metric("convlet_images_waiting") == 3)
        slow.may.set()
        assert (bad.result(30)[0], good.result(30)[0]) == (500, 200)


def test_a_thousand_at_once_are_each_answered_rightly_or_told_to_come_again():
    images = [asking.image(seed) for seed in range(1000)]

    async def ask(port, image):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asking.request(json.dumps(image.tolist()).encode(), more="Connection: close\r\n"))
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.lower(), json.loads(body)

    async def everybody(port):
        return await asyncio.gather(*(ask(port, image) for image in images))

    with asking.served(max_waiting=100) as server:
        answers = asyncio.run(everybody(server.port))
        assert server.predict(asking.BODY)[0] == 200
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 1)
        counted = [server.metric(f'convlet_requests_total{{path="/predict",status="{each}"}}') for each in (200, 503)]
    found = {200: 1, 503: 0}
    for (status, head, body), wanted in zip(answers, asking.expected(*images), strict=True):
        found[status] += 1
        assert body["predictions"][0]["probabilities"] == wanted if status == 200 else b"retry-after: 1" in head
    assert counted == list(found.values()) and found[200] > 100


def test_who_comes_when_the_house_is_full_is_told_to_come_again():
    slow = asking.Slow()
    with asking.served(asking.predictor(slow), max_waiting=2) as server, ThreadPoolExecutor(2) as pool:
        slow.hold()
        inside = [pool.submit(server.predict, asking.BODY) for _ in range(2)]
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 3)
        status, headers, answer = server.ask("POST", "/predict", asking.BODY, {"content-type": "application/json"})
        assert (status, headers["retry-after"], answer["detail"]) == (503, "1", "2 requests are waiting already.")
        slow.may.set()
        assert [each.result(30)[0] for each in inside] == [200, 200]
        assert server.predict(asking.BODY)[0] == 200
