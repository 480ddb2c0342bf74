"""redis-py's Lock between threads; ../doc.go tells how.

    lock.py redis-py-lock resp2 PORT
"""
import sys
import threading
import time

import redis
from report import run, want

port = int(sys.argv[3])
NAME = "redis-py-lock-resp2:lock"


def excludes(c):
    inside, most = [], []

    def work():
        mine = redis.Redis(port=port)
        for _ in range(5):
            with mine.lock(NAME, timeout=10, sleep=0.001):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
        mine.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want([1] * 20, most, "who was inside together")


def waits(c):
    first, second = c.lock(NAME, timeout=10), c.lock(NAME, timeout=10)
    want(True, first.acquire(), "acquire")
    want(False, second.acquire(blocking=False), "acquire")
    want(False, second.acquire(blocking_timeout=0.05), "acquire")
    want((True, True, False), (first.locked(), first.owned(), second.owned()), "locked, owned")
    first.release()
    try:
        first.release()
    except redis.exceptions.LockError as e:
        return str(e)
    raise AssertionError("released twice")


def expires(c):
    lock = c.lock(NAME, timeout=0.05)
    want(True, lock.acquire(), "acquire")
    want(True, lock.extend(10), "extend")
    want(True, lock.reacquire(), "reacquire")
    deadline = time.monotonic() + 10
    while lock.locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        lock.release()
    except redis.exceptions.LockNotOwnedError as e:
        return str(e)
    raise AssertionError("released what had expired")


def connect():
    c = redis.Redis(port=port)
    c.ping()
    for i in range(20):  # keys on all servers
        with c.lock(f"{NAME}{i}", timeout=10):
            c.set(f"redis-py-lock-resp2:{i}", i)
    return c


run(connect, {"excludes": excludes, "waits": waits, "expires": expires, "quit": lambda c: c.close()}, redis.__version__)
