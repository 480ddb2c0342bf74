"""Celery as an application: a worker, broker and results on the same Redis; ../doc.go tells how.

    celery_app.py celery|celery-prefixed resp2 PORT

The second has all its keys begin with one hash tag.
"""
import os
import subprocess
import sys
import time

import celery
from celery import chain, chord, group
from report import run, want

library, protocol, port = sys.argv[1], sys.argv[2], int(sys.argv[3])

app = celery.Celery("celery_app", broker=f"redis://127.0.0.1:{port}/0", backend=f"redis://127.0.0.1:{port}/0")
app.conf.task_default_queue = library
app.conf.broker_connection_max_retries = 2
if library == "celery-prefixed":
    app.conf.broker_transport_options = {"global_keyprefix": "{celery-prefixed}"}

LIMIT = 10  # s for a result


@app.task(name="add")
def add(a, b):
    return a + b


@app.task(name="total")
def total(numbers):
    return sum(numbers)


@app.task(name="fails")
def fails():
    raise ValueError("as it should")


@app.task(name="retried", bind=True, max_retries=3)
def retried(self):
    if self.request.retries < 1:
        raise self.retry(countdown=0.1)
    return self.request.retries


def worker():
    """The process that carries tasks out: this program, once more."""
    app.worker_main(["worker", "--pool=threads", "--concurrency=4", "--loglevel=ERROR"])


def connect():
    process = subprocess.Popen([sys.executable, "-B", __file__, *sys.argv[1:]], env={**os.environ, "COMPAT_WORKER": "1"})
    first = add.delay(1, 2)
    deadline = time.monotonic() + 3 * LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError("the worker ended")
        try:
            want(3, first.get(timeout=1), "result")
            return process
        except celery.exceptions.TimeoutError:
            pass
    process.terminate()
    raise AssertionError("no result of the first task")


def fifty(_):
    results = [add.delay(i, i) for i in range(50)]
    want([2 * i for i in range(50)], [r.get(timeout=LIMIT) for r in results], "results")


def failure(_):
    try:
        fails.delay().get(timeout=LIMIT)
    except ValueError as e:
        want("as it should", str(e), "error")
        return
    raise AssertionError("it succeeded")


def chords(_):
    for _ in range(5):  # by chance all keys of one are on one server
        want(90, chord([add.s(i, i) for i in range(10)])(total.s()).get(timeout=LIMIT), "result")


def forget(_):
    result = add.delay(1, 1)
    want(2, result.get(timeout=LIMIT), "result")
    result.forget()
    want("PENDING", add.AsyncResult(result.id).state, "state")


def control(_):
    """Goes by pub/sub to all workers."""
    want(1, len(app.control.ping(timeout=5, limit=1)), "workers that answer")
    inspected = app.control.inspect(timeout=5, limit=1).registered()
    want(True, "add" in str(inspected), "registered tasks")


def end(process):
    app.close()
    process.terminate()
    want(0, process.wait(timeout=LIMIT), "status of the worker")


STEPS = {
    "50 tasks with results": fifty,
    "an exception": failure,
    "a countdown": lambda _: want(5, add.apply_async((2, 3), countdown=0.2).get(timeout=LIMIT), "result"),
    "a retry": lambda _: want(1, retried.delay().get(timeout=LIMIT), "result"),
    "chain": lambda _: want(10, chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=LIMIT), "result"),
    "group": lambda _: want([3, 7], group(add.s(1, 2), add.s(3, 4))().get(timeout=LIMIT), "results"),
    "chord": chords,
    "forget": forget,
    "control": control,
    "the worker ends": end,
}

if __name__ == "__main__":
    if os.environ.get("COMPAT_WORKER"):
        worker()
    else:
        run(connect, STEPS, celery.__version__)
