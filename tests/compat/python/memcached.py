"""pylibmc, libmemcached's binding, goes through the scenario; ../doc.go tells how.

    memcached.py pylibmc text|binary PORT
"""
import re
import sys
import threading

import pylibmc
from report import run, want

library, protocol, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


def key(name):
    return f"{library}-{protocol}:{name}"


def dial(kind=pylibmc.Client, **behaviors):
    return kind([f"127.0.0.1:{port}"], binary=protocol == "binary", behaviors=behaviors)


class Flagged(pylibmc.Client):
    """Stores bytes with the flags that come with them; pylibmc's own say which type a value has."""

    def serialize(self, value):
        return value

    def deserialize(self, value, flags):
        return value, flags


def outcome(call, *args, **kwargs):
    """What a call returns or raises, without what differs from one run to the next."""
    try:
        return repr(call(*args, **kwargs))
    except pylibmc.Error as e:
        return f"{type(e).__name__} {re.sub(r'0x[0-9a-f]+|host: .*', '', str(e))}"


def basic(c):
    want(True, c.set(key("s"), "value"), "set")
    want("value", c.get(key("s")), "get")
    want(None, c.get(key("missing")), "get")
    want("other", c.get(key("missing"), "other"), "get")
    want(False, key("missing") in c, "in")
    want(True, key("s") in c, "in")
    want(True, c.delete(key("s")), "delete")
    want(False, c.delete(key("s")), "delete")
    want(None, c.get(key("s")), "get")


def types(c):
    for i, v in enumerate((b"", bytes(range(256)), "ünïcode", 0, -1, 1 << 62, None, 1.5, {"a": [1, b"2"]})):
        want(True, c.set(key(f"t{i}"), v), "set")
        want(v, c.get(key(f"t{i}"), "missing"), "get")


def large(c):
    value = bytes(i * 7 % 251 for i in range(1_000_000))
    want(True, c.set(key("large"), value), "set")
    want(value, c.get(key("large")), "get")
    want(True, c.set(key("compressed"), value, min_compress_len=1000), "set")
    want(value, c.get(key("compressed")), "get")


def too_large(c):
    want(True, c.set(key("huge"), b"small"), "set")
    seen = outcome(c.set, key("huge"), bytes(2 << 20))
    want(None, c.get(key("huge")), "get")  # what was there before is gone
    return seen


def add_replace(c):
    seen = outcome(c.replace, key("a"), 1)  # the binary protocol tells why
    want(True, c.add(key("a"), 1), "add")
    want(False, c.add(key("a"), 2), "add")
    want(True, c.replace(key("a"), 3), "replace")
    want(3, c.get(key("a")), "get")
    return seen


def append_prepend(c):
    want(False, c.append(key("ap"), "x"), "append")
    want(False, c.prepend(key("ap"), "x"), "prepend")
    want(True, c.set(key("ap"), "b"), "set")
    want(True, c.append(key("ap"), "c"), "append")
    want(True, c.prepend(key("ap"), "a"), "prepend")
    want("abc", c.get(key("ap")), "get")


def counter(c):
    want(True, c.set(key("n"), 5), "set")
    want(6, c.incr(key("n")), "incr")
    want(6 + 2**31 - 1, c.incr(key("n"), 2**31 - 1), "incr")
    want(6, c.decr(key("n"), 2**31 - 1), "decr")
    want(0, c.decr(key("n"), 7), "decr")
    want(True, c.set(key("n"), 2**62), "set")
    return "\n".join((
        outcome(c.incr, key("n"), 2**31 - 1),
        outcome(c.incr, key("missing")),
        outcome(c.decr, key("missing")),
        outcome(c.incr, key("ap")),  # no number
        outcome(c.incr_multi, [key("n"), key("missing")]),
    ))


def times(c):
    """pylibmc's times have 32 bits without a sign: -1 is 4294967295, which is long ago, and -2 is 4294967294."""
    seen = []
    for time in (0, 1000, 60 * 60 * 24 * 31, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, -1, -2, -(2**31)):
        for name, store in ("set", c.set), ("add", c.add), ("replace", c.replace):
            c.delete(key("e"))
            if name == "replace":
                c.set(key("e"), "before")
            seen.append(f"{name} {time} {outcome(store, key('e'), 'v', time=time)} {c.get(key('e'))!r}")
    want(True, "set 0 True 'v'" in seen, f"{seen[0]}; a value that stays")
    if protocol == "text":
        want(True, "set -1 True None" in seen, "a value that is gone at once")
    return "\n".join(seen)


def touch(c):
    want(False, c.touch(key("missing"), 10), "touch")
    seen = []
    for time in (0, 1000, 2**31 - 1, -1, -2):
        c.set(key("touched"), "v")
        seen.append(f"{time} {outcome(c.touch, key('touched'), time)} {c.get(key('touched'))!r}")
    return "\n".join(seen)


def flags(_):
    c = dial(Flagged)
    seen = []
    for flags in (0, 1, 1 << 16, 1 << 31, 2**32 - 9):  # 8 says that the value is compressed
        seen.append(f"{flags} {outcome(c.set, key('f'), (b'v', flags))} {outcome(c.get, key('f'))}")
    want(f"{2**32 - 9} True (b'v', {2**32 - 9})", seen[-1], "flags")
    c.disconnect_all()
    return "\n".join(seen)


def many(c):
    names = [f"m{i}" for i in range(50)]
    values = {name: f"v{name}" for i, name in enumerate(names) if i % 5 != 3}
    prefix = key("")
    want([], c.set_multi(values, time=1000, key_prefix=prefix), "set_multi")
    want(values, c.get_multi(names, key_prefix=prefix), "get_multi")
    want({prefix + name: v for name, v in values.items()}, c.get_multi([prefix + name for name in names]), "get_multi")
    want(list(values), c.add_multi(dict.fromkeys(names, 1), key_prefix=prefix), "add_multi")  # those that are there already
    want(True, c.delete_multi(names, key_prefix=prefix), "delete_multi")
    want(False, c.delete_multi(names, key_prefix=prefix), "delete_multi")
    want({}, c.get_multi(names, key_prefix=prefix), "get_multi")
    want([], c.set_multi(values, key_prefix=prefix), "set_multi")


def cas(_):
    c = dial(cas=True)
    want((None, None), c.gets(key("missing")), "gets")
    want(True, c.set(key("cas"), "v"), "set")
    value, unique = c.gets(key("cas"))
    want("v", value, "gets")
    want(True, c.cas(key("cas"), "w", unique), "cas")
    want(False, c.cas(key("cas"), "x", unique), "cas")
    want("w", c.get(key("cas")), "get")
    want({key("cas"): "w"}, c.get_multi([key("cas"), key("missing")]), "get_multi")
    seen = outcome(c.cas, key("missing"), "v", unique)
    c.disconnect_all()
    return seen


def noreply(_):
    """Quiet commands of the binary protocol are told of errors, which libmemcached takes for the reply to what it sends next, if they
    come late enough: from a server that is 2 ms away, too. So there none fails.
    """
    c = dial(_noreply=True)
    if protocol == "binary":
        seen = [
            outcome(c.set, key("nr"), 5), outcome(c.get, key("nr")), outcome(c.replace, key("nr"), 9), outcome(c.get, key("nr")),
            outcome(c.incr, key("nr")), outcome(c.decr, key("nr"), 3), outcome(c.get, key("nr")), outcome(c.set, key("nr"), "b"),
            outcome(c.append, key("nr"), "c"), outcome(c.prepend, key("nr"), "a"), outcome(c.get, key("nr")),
            outcome(c.delete, key("nr")), outcome(c.get, key("nr")), outcome(c.add, key("nr"), 1), outcome(c.get, key("nr")),
        ]
        c.disconnect_all()
        return "\n".join(seen)
    seen = [
        outcome(c.set, key("nr"), 5), outcome(c.get, key("nr")),
        outcome(c.set, key("nr"), 6, time=-1), outcome(c.get, key("nr")),
        outcome(c.add, key("nr"), 7), outcome(c.add, key("nr"), 8), outcome(c.replace, key("nr"), 9), outcome(c.get, key("nr")),
        outcome(c.incr, key("nr")), outcome(c.decr, key("nr"), 3), outcome(c.incr, key("missing")), outcome(c.get, key("nr")),
        outcome(c.set, key("nr"), "b"), outcome(c.append, key("nr"), "c"), outcome(c.prepend, key("nr"), "a"),
        outcome(c.get, key("nr")),
        outcome(c.set, key("nrhuge"), bytes(2 << 20)), outcome(c.get, key("nrhuge")),
        outcome(c.delete, key("nr")), outcome(c.delete, key("nr")), outcome(c.get, key("nr")),
    ]
    c.disconnect_all()
    return "\n".join(seen)


def large_noreply(_):
    """Is written without a look at replies: 20 MB, then as much is read."""
    c = dial(_noreply=True, no_block=True, tcp_nodelay=True)
    values = {f"ln{i}": b"x" * 99_000 + b"%d" % i for i in range(200)}
    want([], c.set_multi(values, key_prefix=key("")), "set_multi")
    got = c.get_multi(list(values), key_prefix=key(""))
    want(True, values == got, "values are what was set")
    c.disconnect_all()


def concurrent(c):
    errors = []
    c.set(key("shared"), 0)

    def count():
        try:
            mine = dial()
            for _ in range(25):
                mine.incr(key("shared"))
            mine.disconnect_all()
        except Exception as e:  # it would end with its thread
            errors.append(e)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want([], errors, "errors")
    want(100, c.get(key("shared")), "get")


STEPS = {
    "basic": basic,
    "types": types,
    "large": large,
    "too large": too_large,
    "add, replace": add_replace,
    "append, prepend": append_prepend,
    "counter": counter,
    "times": times,
    "touch": touch,
    "flags": flags,
    "many": many,
    "cas": cas,
    "noreply": noreply,
    "large noreply": large_noreply,
    "concurrent": concurrent,
    "quit": lambda c: c.disconnect_all(),
}


def connect():
    c = dial()
    c.set(key("connect"), 1)  # it connects when it has something to send, and hides errors of a get
    return c


run(connect, STEPS, pylibmc.__version__)
