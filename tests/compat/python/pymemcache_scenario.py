"""pymemcache goes through the scenarios; ../doc.go tells how.

    pymemcache_scenario.py pymemcache text PORT
"""
import ssl
import sys
import threading

import pymemcache
from report import CA, CERT, KEY, run, want

port = int(sys.argv[3])
tls = CA and ssl.create_default_context(cafile=CA)
if CERT:
    tls.load_cert_chain(CERT, KEY)


def key(name):
    return f"pymemcache-text:{name}"


def dial():
    return pymemcache.Client(("127.0.0.1", port), tls_context=tls)  # asks for no replies where it has need of none


def outcome(call, *args, **kwargs):
    """What a call returns or raises."""
    try:
        return repr(call(*args, **kwargs))
    except pymemcache.MemcacheError as e:
        return f"{type(e).__name__}: {e}"


def basic(c):
    want(True, c.set(key("s"), "value"), "set")
    want(b"value", c.get(key("s")), "get")
    want(None, c.get(key("missing")), "get")
    want(True, c.delete(key("s"), noreply=False), "delete")
    want(False, c.delete(key("s"), noreply=False), "delete")


def large(c):
    value = bytes(i * 7 % 251 for i in range(1_000_000))
    want(True, c.set(key("large"), value), "set")
    want(True, c.get(key("large")) == value, "what was set is there")


def add_replace(c):
    seen = [outcome(call, key("a"), n, noreply=False) for n, call in enumerate((c.replace, c.add, c.add, c.replace))]
    want(b"3", c.get(key("a")), "get")
    return "\n".join(seen)


def append_prepend(c):
    seen = outcome(c.append, key("ap"), "x", noreply=False)
    c.set(key("ap"), "b")
    c.append(key("ap"), "c")
    c.prepend(key("ap"), "a")
    want(b"abc", c.get(key("ap")), "get")
    return seen


def counter(c):
    c.set(key("n"), 5)
    want(6, c.incr(key("n"), 1), "incr")
    return "\n".join((outcome(c.decr, key("n"), 100), outcome(c.incr, key("missing"), 1), outcome(c.incr, key("ap"), 1)))


def times(c):
    seen = []
    for time in (0, 1000, 60 * 60 * 24 * 31, -1, 2**31, 2**32 - 1):
        seen.append(f"{time} {outcome(c.set, key('e'), 'v', time, noreply=False)} {c.get(key('e'))}")
    seen.append(outcome(c.touch, key("n"), 1000, noreply=False) + outcome(c.touch, key("missing"), 1000, noreply=False))
    return "\n".join(seen)


def many(c):
    values = {key(f"m{i}"): f"v{i}" for i in range(50)}
    want([], c.set_many(values), "set_many")
    want({k: v.encode() for k, v in values.items()}, c.get_many([*values, key("missing")]), "get_many")
    want(True, c.delete_many(list(values)), "delete_many")
    want({}, c.get_many(list(values)), "get_many")


def cas(c):
    c.set(key("cas"), "v")
    value, unique = c.gets(key("cas"))
    seen = [outcome(c.cas, key("cas"), v, unique) for v in ("w", "x")]
    want(b"w", c.get(key("cas")), "get")
    return "\n".join(seen + [outcome(c.cas, key("missing"), "v", unique)])


def noreply(c):
    for i in range(200):
        c.set(key(f"nr{i}"), "v" * 10_000)
    want(200, len(c.get_many([key(f"nr{i}") for i in range(200)])), "values")


def concurrent(c):
    c.set(key("shared"), 0, noreply=False)  # or it may come after the first that count

    def count():
        mine = dial()
        for _ in range(25):
            mine.incr(key("shared"), 1)
        mine.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want(b"100", c.get(key("shared")), "get")


STEPS = {
    "basic": basic,
    "large": large,
    "too large": lambda c: outcome(c.set, key("huge"), bytes(2 << 20), noreply=False),
    "add, replace": add_replace,
    "append, prepend": append_prepend,
    "counter": counter,
    "times": times,
    "many": many,
    "cas": cas,
    "noreply": noreply,
    "concurrent": concurrent,
    "quit": lambda c: c.quit(),
}


def connect():
    c = dial()
    c.version()  # it connects when it has something to send
    return c


run(connect, STEPS, pymemcache.__version__)
