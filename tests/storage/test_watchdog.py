"""The thread that watches over transactions; that it cuts one is held in test_connection.py."""

import threading
import time

from sqlalchemy import create_engine

from storage.watchdog import Deadline


def watchers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "deadline"}


def test_one_thread_watches_over_all_transactions_and_ends_when_there_are_none() -> None:
    before = watchers()
    deadline = Deadline(create_engine("postgresql+psycopg://nobody@localhost/nothing"), seconds=0.4)
    for _ in range(50):
        with deadline():
            assert len(watchers() - before) == 1
    end = time.monotonic() + 20
    while watchers() - before and time.monotonic() < end:
        time.sleep(0.05)
    assert not watchers() - before
    with deadline():
        assert len(watchers() - before) == 1


def test_a_transaction_that_begins_while_the_thread_sleeps_has_its_whole_time() -> None:
    cut: list[float] = []

    class Noting(Deadline):
        def _cut(self) -> None:
            cut.append(time.monotonic())

    deadline = Noting(create_engine("postgresql+psycopg://nobody@localhost/nothing"), seconds=0.6)
    with deadline():
        pass
    time.sleep(0.4)  # the thread is to wake before the next transaction is over its time, and to sleep again
    began = time.monotonic()
    with deadline():
        while not cut and time.monotonic() < began + 20:
            time.sleep(0.02)
    assert len(cut) == 1
    assert cut[0] - began >= 0.6
