"""RQ as an application: a worker in a process of its own carries out jobs; ../doc.go tells how.

    rq_app.py rq resp2 PORT
"""
import os
import subprocess
import sys
import time

import redis
import rq
import rq_app  # as the worker knows this file
from report import run, want
from rq.job import JobStatus

port = int(sys.argv[3])


def add(a, b):
    return a + b


def fails():
    raise ValueError("as it should")


def finished(job, limit=20):
    """The job once it has ended."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if job.get_status(refresh=True) in (JobStatus.FINISHED, JobStatus.FAILED):
            job.refresh()
            return job
        time.sleep(0.01)
    raise AssertionError(f"a job is {job.get_status()}")


def connect():
    connection = redis.Redis(port=port)
    queue = rq.Queue("default", connection=connection)
    process = subprocess.Popen([sys.executable, "-B", __file__, *sys.argv[1:]], env={**os.environ, "COMPAT_WORKER": "1"})
    try:
        want(3, finished(queue.enqueue(rq_app.add, 1, 2)).result, "result")
    except BaseException:
        process.terminate()
        raise
    return connection, queue, process


def fifty(c):
    jobs = [c[1].enqueue(rq_app.add, i, i) for i in range(50)]
    want([2 * i for i in range(50)], [finished(job).result for job in jobs], "results")


def failure(c):
    job = finished(c[1].enqueue(rq_app.fails))
    want(True, job.get_status() == JobStatus.FAILED, "it failed")
    want(True, "as it should" in job.exc_info, "the error is kept")
    want([job.id], c[1].failed_job_registry.get_job_ids(), "jobs that failed")


def dependent(c):
    first = c[1].enqueue(rq_app.add, 1, 2)
    want(7, finished(c[1].enqueue(rq_app.add, 3, 4, depends_on=first)).result, "result")


def workers(c):
    want(1, rq.Worker.count(connection=c[0]), "workers")
    want(0, c[1].count, "jobs in the queue")


def end(c):
    rq.command.send_shutdown_command(c[0], rq.Worker.all(connection=c[0])[0].name)  # by pub/sub
    want(0, c[2].wait(timeout=20), "status of the worker")
    c[0].close()


STEPS = {
    "50 jobs with results": fifty,
    "an exception": failure,
    "a job after another": dependent,
    "workers": workers,
    "a command ends the worker": end,
}

if __name__ == "__main__":
    if os.environ.get("COMPAT_WORKER"):
        # A process for each job takes longer than the jobs, and RQ has no worker on this platform's threads.
        rq.SimpleWorker(["default"], connection=redis.Redis(port=port)).work(logging_level="ERROR")
    else:
        run(connect, STEPS, rq.VERSION)
