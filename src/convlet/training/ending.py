"""How training ends early: whatever ends it, what was earned is saved, and whoever hears of the end hears where.

What this is not: the usual end, where the loop has saved already.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from convlet.errors import GroupError, NumericsError
from convlet.runs.folder import abandon_run
from convlet.runs.run import Run
from convlet.signals import Stop, Stopped
from convlet.training.saving import Checkpoints

IN_REACH = " The network as trained so far is this exception's run (in a notebook: sys.last_value.run)."


@contextmanager
def saved_whatever_happens(run: Run, checkpoints: Checkpoints, stop: Stop, *, new: bool) -> Iterator[None]:
    """Save the run when an exception comes, whatever somebody's `watch` raises too, and let it say where it is kept.

    Not where a number went wrong: what led there is no state to go on from, and the last good one stays. Nor at a
    second Ctrl-C, which ends at once. A `new` run that fails before its first step, for want of memory perhaps, leaves
    no folder. Raises StorageError in place of Stopped where the run cannot be saved.
    """
    try:
        yield
    except NumericsError as error:
        error.run = run
        raise
    except Stopped as stopped:
        checkpoints.save()
        stopped.run, stopped.outcome = run, stopped_at(run)
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and stop.signal is not None:  # the second one
            raise
        if new and not run.history.steps and not isinstance(error, GroupError):
            error.add_note(_left_nothing(run))
        else:
            error.add_note(_kept(run, checkpoints))
        raise


@contextmanager
def stopped_together(stop: Stop) -> Iterator[None]:
    """Where all processes of a run were told to stop, the first to go is missed by the others: that is no failure."""
    try:
        yield
    except GroupError:
        stop.check()
        raise


def stopped_at(run: Run) -> str:
    """How far a run that a signal has stopped came, and where that is kept: Stopped's outcome."""
    return f" {_progress(run)}; {_where(run, IN_REACH)}"


def _left_nothing(run: Run) -> str:
    if run.run_dir is not None:
        abandon_run(run.run_dir)
    return "The run ended before its first step, so there is nothing to keep."


def _kept(run: Run, checkpoints: Checkpoints) -> str:
    """Save the run, if its last step is whole, and say so; else say what there is."""
    try:
        if run.program.state().step != run.history.steps:
            return f"The run broke off within step {run.history.steps + 1:,}, and is kept as it was saved last."
        checkpoints.save()
    except Exception as error:  # whatever it is, what ended training is what is to be heard of
        return f"The run could not be saved {_progress(run)}: {str(error) or type(error).__name__}"
    return f"The run ended {_progress(run)}; {_where(run)}"


def _progress(run: Run) -> str:
    return f"after step {run.history.steps:,} of {run.total_steps:,}"


def _where(run: Run, otherwise: str = "") -> str:
    if run.run_dir is None:
        return f"nothing was saved, for there is no run_dir.{otherwise}"
    return f"it is saved in {run.run_dir}: go on with resume (fit's resume=True, or convlet train --resume)."
