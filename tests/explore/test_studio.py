"""What the routes ask: evaluation with edits, live training with its time line, a worker that nobody can hold up."""

import socket
import threading
from concurrent.futures import InvalidStateError

import numpy as np
import pages
import pytest
import tiny

from convlet.engines import engine
from convlet.environment import THREADS
from convlet.errors import InputError, StorageError
from convlet.explore.content import of_run
from convlet.explore.edits import edited
from convlet.explore.sessions import Session
from convlet.explore.worker import MOST_WAITING, BusyError, Worker
from convlet.runs.evaluation import evaluate

# ------------------------------------------------------------------------------------------------ weights by hand


def test_a_silenced_filter_says_nothing_wherever_it_looks():
    made = pages.content(pages.DIGITS, pages.digits())
    parameters = edited(made.network, made.parameters, [["silence", "conv2d_1", 1]])
    program = engine("numpy").compile(made.network, parameters)
    outputs = program.activations(made.data.test.batch(slice(5))[0])["conv2d_1"]
    assert np.all(outputs[..., 1] == 0) and np.any(outputs[..., 0] != 0)
    assert np.any(made.parameters["conv2d_1/kernel"][..., 1] != 0), "the network's own weights stay as they are"


def test_an_edited_weight_is_the_only_one_that_differs():
    made = pages.content()
    parameters = edited(made.network, made.parameters, [["weight", "conv2d_1/kernel", 7, 0.5]])
    kernel, before = parameters["conv2d_1/kernel"].ravel(), made.parameters["conv2d_1/kernel"].ravel()
    assert np.flatnonzero(kernel != before).tolist() == [7] and kernel[7] == 0.5


def test_accuracy_with_edits_is_that_of_the_edited_network():
    edits = [["silence", "conv2d_1", 0], ["weight", "dense_1/bias", 1, 3.0]]
    with pages.studio() as studio:
        found = studio.evaluate(edits, None).result(30)
        program = engine("numpy").compile(tiny.NETWORK, edited(tiny.NETWORK, studio.content.parameters, edits))
    data = studio.content.data
    assert found == {"accuracy": evaluate(program, data.test).accuracy, "images": len(data.test)}


# --------------------------------------------------------------------------------------------------- live training


def finished(studio):
    return studio.session.phase in ("done", "failed")


def test_training_runs_to_its_end_and_leaves_a_time_line():
    with pages.studio(steps=400) as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: finished(studio))
        status = studio.status().description
        [each] = studio.session.contestants
    assert (status["phase"], status["contestants"][0]["step"]) == ("done", 400)
    steps = [moment.step for moment in each.moments]
    assert steps[0] == 0 and steps[-1] == 400 and steps == sorted(set(steps))
    assert each.moments[-1].trained > each.moments[0].trained


def test_live_training_goes_the_way_that_fit_goes():
    with pages.studio() as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: finished(studio))
        live = studio.session.contestants[0].program.state().parameters
        recipe = studio.content.recipe
    run = tiny.train(optimizer=recipe.optimizer, steps=30)
    for name, array in run.program.state().parameters.items():
        np.testing.assert_array_equal(array, live[name], err_msg=name)


def test_paused_training_takes_single_steps_and_goes_on():
    with pages.studio(steps=100_000) as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.contestants and studio.session.contestants[0].step > 3)
        studio.command("pause")
        pages.wait_until(lambda: studio.session.phase == "paused")
        before = studio.session.contestants[0].step
        studio.command("step").result(30)
        assert (studio.session.phase, studio.session.contestants[0].step) == ("paused", before + 1)
        assert studio.session.contestants[0].moments[-1].step == before + 1
        studio.command("resume").result(30)
        assert studio.session.phase == "running"
        pages.wait_until(lambda: studio.session.contestants[0].step > before + 3)
        studio.command("stop")
        pages.wait_until(lambda: studio.session.phase == "done")
        each = studio.session.contestants[0]
        assert each.moments[-1].step == each.step, "where it was stopped can be seen"


def test_a_training_has_begun_when_that_is_answered_though_it_is_not_compiled(monkeypatch):
    held = threading.Event()

    def compiled(*arguments):
        held.wait(30)
        raise StorageError("enough")

    monkeypatch.setattr("convlet.explore.sessions.contestant", compiled)
    with pages.studio() as studio:
        studio.begin("again", None).result(30)
        assert (studio.session.phase, studio.session.number) == ("preparing", 1)
        held.set()


def test_a_training_that_nobody_waits_for_any_longer_is_not_begun_and_the_next_one_is():
    held = threading.Event()
    with pages.studio(steps=100_000) as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.phase == "running")
        studio.worker.ask(lambda: held.wait(30))
        assert studio.begin("again", None).cancel()  # as a route does that has waited too long
        held.set()
        studio.command("pause").result(30)
        assert (studio.session.phase, studio.session.number) == ("paused", 1)
        studio.begin("again", None).result(30)
        pages.wait_until(lambda: studio.session.phase == "running")
        assert studio.session.number == 2


def test_a_training_whose_beginning_cannot_be_told_has_failed():
    def broken():
        raise InvalidStateError

    session = Session()
    session.begin("again", [], "numpy", broken)
    assert (session.phase, session.kind) == ("failed", "InvalidStateError")


def test_questions_are_answered_while_it_trains():
    with pages.studio(steps=100_000) as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.phase == "running")
        before = studio.evaluate([], None).result(30)
        assert studio.session.phase == "running" and before["images"] == 11


def test_every_moment_can_be_seen_again_and_is_what_it_was():
    with pages.studio() as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: finished(studio))
        number = studio.session.number
        for moment in studio.session.contestants[0].moments:
            _, found = studio.moment([number, 0, moment.step])
            assert found is moment
        packet = studio.moment_packet([number, 0, 0])
        assert packet.description["network"]["image"] == list(tiny.SHAPE)
        with pytest.raises(InputError):
            studio.moment([number + 1, 0, 0])


def test_a_time_line_stays_short_and_keeps_its_newest_moment():
    with pages.studio(steps=2000) as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.phase == "running")
        each = studio.session.contestants[0]
        each.every = 1
        pages.wait_until(lambda: finished(studio))
    assert len(each.moments) <= 64 and each.moments[-1].step == 2000


def test_dense_and_convolutional_learn_from_the_same_few_images():
    with pages.studio(pages.DIGITS, pages.digits()) as studio:
        studio.begin("side by side", 50)
        pages.wait_until(lambda: studio.session.phase == "running" and studio.session.contestants[1].step > 1, 120)
        first, second = studio.session.contestants
        studio.command("stop")
    assert {first.name, second.name} == {"convolutional", "dense"}
    np.testing.assert_array_equal(first.data.train.images, second.data.train.images)
    assert len(first.data.train) == 50 and abs(first.step - second.step) <= 1


def test_batches_are_made_ahead_while_it_trains_and_no_longer(monkeypatch):
    def ahead():
        return [thread.name for thread in threading.enumerate()].count("batches ahead")

    monkeypatch.setenv(THREADS, "2")
    with pages.studio(steps=100_000) as studio:
        for number in (1, 2):  # what is begun anew has one such thread, not two
            studio.begin("again", None)
            pages.wait_until(lambda: studio.session.number == number)  # noqa: B023 (called here)
            pages.wait_until(lambda: studio.session.contestants and studio.session.contestants[0].step > 3)
            assert ahead() == 1
        studio.command("stop")
        pages.wait_until(lambda: finished(studio))
        assert ahead() == 0
        studio.begin("again", None)
        pages.wait_until(lambda: ahead() == 1)
    assert ahead() == 0


def test_a_training_that_cannot_be_is_named_by_its_kind(monkeypatch):
    def broken(*arguments):
        raise StorageError("/secret: no")

    monkeypatch.setattr("convlet.explore.sessions.engine", broken)
    with pages.studio() as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: finished(studio))
        words = studio.status().description
    assert (words["phase"], words["kind"]) == ("failed", "StorageError") and "secret" not in str(words)


def test_a_training_that_runs_out_of_memory_fails_and_questions_are_answered_still():
    def full(*arguments):
        raise MemoryError

    with pages.studio() as studio:
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.contestants and studio.session.contestants[0].step > 0)
        studio.session.contestants[0].ahead.next = full
        pages.wait_until(lambda: finished(studio))
        assert (studio.session.phase, studio.session.kind) == ("failed", "MemoryError")
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.phase == "running")


# ------------------------------------------------------------------------------------------------------ the worker


def test_a_question_that_fails_harms_nobody_else():
    worker = Worker(lambda: False)
    worker.start()
    bad, good = worker.ask(lambda: 1 / 0), worker.ask(lambda: 7)
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    assert good.result(10) == 7
    worker.end()


def test_more_questions_than_can_wait_are_refused():
    worker, held = Worker(lambda: False), threading.Event()
    worker.start()
    worker.ask(held.wait)
    pages.wait_until(lambda: not worker._questions)
    for _ in range(MOST_WAITING):
        worker.ask(lambda: None)
    with pytest.raises(BusyError):
        worker.ask(lambda: None)
    held.set()
    worker.end()


def test_an_idle_worker_does_nothing():
    asked = []
    worker = Worker(lambda: bool(asked.append(1)))
    worker.start()
    worker.ask(lambda: None).result(10)
    pages.wait_until(lambda: len(asked) == 2)  # once at its start, once after the question
    worker.end()
    worker.join(10)
    assert len(asked) == 2


# ---------------------------------------------------------------------------------------------------------- runs


def test_a_run_is_read_once_and_its_folder_may_go(tmp_path):
    import shutil

    data = tiny.save_npz(tmp_path / "data.npz", tiny.dataset(train=60))
    from commands import RECIPE, convlet

    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(source=data, shape=[5, 4, 1], units=3, batch=4, steps=40), "utf-8")
    convlet("train", recipe, "--engine", "numpy", "--run-dir", tmp_path / "run")
    content = of_run(tmp_path / "run", "numpy")
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StorageError):
        of_run(tmp_path / "run", "numpy")
    from convlet.explore.studio import Studio

    studio = Studio(content)
    assert studio.evaluate([], None).result(30)["accuracy"] == content.facts["accuracy"]
    studio.end()
    shown = content.shown
    assert shown is not None and content.wrong == content.facts["mistakes"] and len(shown) == content.facts["images"]


def test_a_run_whose_data_has_gone_is_opened_without_images(tmp_path):
    data = tiny.save_npz(tmp_path / "data.npz", tiny.dataset(train=60))
    from commands import RECIPE, convlet

    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(source=data, shape=[5, 4, 1], units=3, batch=4, steps=40), "utf-8")
    convlet("train", recipe, "--engine", "numpy", "--run-dir", tmp_path / "run")
    data.unlink()
    content = of_run(tmp_path / "run", "numpy")
    assert content.data is None and content.shown is None
    from convlet.explore.studio import Studio

    studio = Studio(content)
    with pytest.raises(InputError, match="data"):
        studio.evaluate([], None)
    with pytest.raises(InputError, match="cannot be found"):
        studio.begin("again", None)
    studio.end()


# -------------------------------------------------------------------------------------------------------- sockets


def test_a_slow_and_a_vanishing_client_do_not_stop_the_training():
    pytest.importorskip("uvicorn", reason="the page's server is an extra: make test-page")
    with pages.studio(steps=100_000) as studio, pages.served(studio) as address:
        studio.begin("again", None)
        pages.wait_until(lambda: studio.session.phase == "running")
        with socket.create_connection((address.host, address.port)) as slow:
            slow.sendall(b"POST /picture HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nabc")
            gone = socket.create_connection((address.host, address.port))
            gone.sendall(b"GET /content HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            gone.close()
            before = studio.session.contestants[0].step
            pages.wait_until(lambda: studio.session.contestants[0].step > before + 20)
            assert studio.session.phase == "running"
