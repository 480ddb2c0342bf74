"""Django's caches go through the scenario; ../doc.go tells how.

    caches.py django-pylibmc|django-pymemcache|django-redis PROTOCOL PORT
"""
import sys
import threading
from importlib import metadata

import django
from django.conf import settings
from report import run, want

library, protocol, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
BACKENDS = {
    "django-pylibmc": ("django.core.cache.backends.memcached.PyLibMCCache", "127.0.0.1:{}"),
    "django-pymemcache": ("django.core.cache.backends.memcached.PyMemcacheCache", "127.0.0.1:{}"),
    "django-redis": ("django_redis.cache.RedisCache", "redis://127.0.0.1:{}/0"),
}
backend, location = BACKENDS[library]
settings.configure(CACHES={"default": {"BACKEND": backend, "LOCATION": location.format(port), "KEY_PREFIX": f"{library}-{protocol}"}})
django.setup()

from django.core.cache import cache, caches  # noqa: E402  they are made as settings say

# That of the package between Django and the server.
version = metadata.version(library if library == "django-redis" else library.removeprefix("django-"))

NEVER = "never"  # what get returns by default in what follows, since None can be a value


def outcome(call, *args, **kwargs):
    """What a call returns or raises."""
    try:
        return repr(call(*args, **kwargs))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def basic(c):
    c.set("s", "value")
    want("value", c.get("s"), "get")
    want(True, c.has_key("s"), "has_key")
    want(NEVER, c.get("missing", NEVER), "get")
    want(False, "missing" in c, "in")
    want(True, bool(c.delete("s")), "delete")
    want(False, bool(c.delete("s")), "delete")
    want(NEVER, c.get("s", NEVER), "get")


def types(c):
    for i, v in enumerate((b"", bytes(range(256)), "ünïcode", 0, -1, 1 << 62, None, 1.5, {"a": [1, b"2"]})):
        c.set(f"t{i}", v)
        want(v, c.get(f"t{i}", NEVER), "get")


def large(c):
    value = bytes(i * 7 % 251 for i in range(1_000_000))
    c.set("large", value)
    want(True, c.get("large") == value, "what was set is there")


def too_large(c):
    """memcached refuses it, whereupon Django deletes what there was; Redis takes it."""
    c.set("huge", "small")
    return f"{outcome(c.set, 'huge', bytes(2 << 20))}\n{c.get('huge', NEVER)!r:.20}"


def timeouts(c):
    seen = []
    for timeout in (None, 1000, 60 * 60 * 24 * 31, 60 * 60 * 24 * 365 * 2, 0, -1, -1000):
        for name, store in ("set", c.set), ("add", c.add):
            c.delete("e")
            seen.append(f"{name} {timeout} {outcome(store, 'e', 'v', timeout)} {c.get('e', NEVER)!r}")
            want("v" if timeout is None or timeout > 0 else NEVER, c.get("e", NEVER), f"get after {seen[-1]}")
    return "\n".join(seen)


def touch(c):
    seen = [outcome(c.touch, "missing", 10)]
    for timeout in (None, 1000, 60 * 60 * 24 * 31, 0, -1):
        c.set("touched", "v")
        seen.append(f"{timeout} {outcome(c.touch, 'touched', timeout)} {c.get('touched', NEVER)!r}")
    return "\n".join(seen)


def add(c):
    want(True, c.add("a", 1), "add")
    want(False, c.add("a", 2), "add")
    want(1, c.get("a"), "get")
    want(1, c.get_or_set("a", 3), "get_or_set")
    want(4, c.get_or_set("b", lambda: 4), "get_or_set")


def counter(c):
    c.set("n", 5)
    want(6, c.incr("n"), "incr")
    want(16, c.incr("n", 10), "incr")
    want(13, c.decr("n", 3), "decr")
    want(11, c.incr("n", -2), "incr")
    want(11, c.get("n"), "get")
    c.set("word", "w")
    return "\n".join((
        outcome(c.decr, "n", 20),  # memcached stops at 0
        outcome(c.incr, "missing"),
        outcome(c.decr, "missing"),
    ))


def many(c):
    names = [f"m{i}" for i in range(50)]
    values = {name: f"v{name}" for i, name in enumerate(names) if i % 5 != 3}
    for name, value in values.items():
        c.set(name, value)
    want(values, dict(c.get_many(names)), "get_many")
    c.delete_many(names)
    want({}, dict(c.get_many(names)), "get_many")


def set_many(c):
    values = {f"sm{i}": f"v{i}" for i in range(50)}
    want([], c.set_many(values, 1000) or [], "set_many")
    want(values, dict(c.get_many(values)), "get_many")


def versions(c):
    c.set("v", "one", version=1)
    c.set("v", "two", version=2)
    want("one", c.get("v"), "get")
    want("two", c.get("v", version=2), "get")
    want(2, c.incr_version("v"), "incr_version")
    want(NEVER, c.get("v", NEVER), "get")
    want("one", c.get("v", version=2), "get")


def keys(c):
    for name in "ü", "k" * 200:
        c.set(name, 1)
        want(1, c.get(name), "get")


def noreply(_):
    """pymemcache by itself asks for no replies where it can; Django has it ask."""
    import pymemcache

    c = pymemcache.Client(("127.0.0.1", port), key_prefix=f"{library}-{protocol}:".encode())
    seen = [outcome(c.set, "nr", 5), outcome(c.get, "nr")]
    for expire in (0, 1000, -1, -1000, 2**31, 2**32 - 1, 2**63 - 1):
        seen += (expire, outcome(c.set, "nr", "v", expire), outcome(c.get, "nr"))
    for flags in (1, 2**16, 2**32 - 1):
        seen += (flags, outcome(c.set, "nr", "v", flags=flags), outcome(c.get, "nr"))
    seen += (
        outcome(c.add, "nr", 7), outcome(c.replace, "nr", 9), outcome(c.get, "nr"),
        outcome(c.incr, "nr", 1, noreply=True), outcome(c.decr, "nr", 2, noreply=True), outcome(c.get, "nr"),
        outcome(c.incr, "nr", 2**64 - 1), outcome(c.incr, "missing", 1, noreply=True), outcome(c.incr, "nr", 2),
        outcome(c.append, "nr", "x"), outcome(c.prepend, "nr", "y"), outcome(c.get, "nr"),
        outcome(c.incr, "nr", 1), outcome(c.incr, "nr", 1, noreply=True), outcome(c.get, "nr"),
        outcome(c.cas, "nr", "z", b"0"), outcome(c.cas, "missing", "z", b"0"), outcome(c.cas, "nr", "z", b"0", noreply=True),
        outcome(c.set_many, {f"nr{i}": i for i in range(20)}), outcome(c.get_many, [f"nr{i}" for i in range(25)]),
        outcome(c.delete_many, [f"nr{i}" for i in range(10)]), outcome(c.get_many, [f"nr{i}" for i in range(25)]),
        outcome(c.touch, "nr", 1000), outcome(c.touch, "nr", -1), outcome(c.get, "nr"), outcome(c.delete, "nr"),
    )
    c.quit()
    return "\n".join(map(str, seen))


def ttls(c):
    want(NEVER, c.get("ttl", NEVER), "get")
    want(0, c.ttl("ttl"), "ttl")
    c.set("ttl", "v", timeout=1000)
    want(True, 0 < c.ttl("ttl") <= 1000, "ttl up to 1000")
    want(True, bool(c.persist("ttl")), "persist")
    want(None, c.ttl("ttl"), "ttl")
    want(True, bool(c.expire("ttl", 10)), "expire")
    want(True, 0 < c.pttl("ttl") <= 10_000, "pttl up to 10,000")


def lock(c):
    with c.lock("lock", timeout=100):
        want(False, c.lock("lock", timeout=100).acquire(blocking=False), "acquire")


def pattern(c):
    c.set("pattern", 1)
    want(1, c.delete_pattern("pat*"), "delete_pattern")
    want(NEVER, c.get("pattern", NEVER), "get")


def concurrent(c):
    errors = []
    c.set("shared", 0)

    def count():
        try:
            mine = caches["default"]  # each thread has its own
            for _ in range(25):
                mine.incr("shared")
            mine.close()
        except Exception as e:  # it would end with its thread
            errors.append(e)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want([], errors, "errors")
    want(100, c.get("shared"), "get")


STEPS = {
    "basic": basic,
    "types": types,
    "large": large,
    "too large": too_large,
    "timeouts": timeouts,
    "touch": touch,
    "add": add,
    "counter": counter,
    "many": many,
    "set_many": set_many,
    "versions": versions,
    "keys": keys,
    "concurrent": concurrent,
}
if library == "django-pymemcache":
    STEPS["noreply"] = noreply
if library == "django-redis":
    STEPS |= {"ttls": ttls, "lock": lock, "pattern": pattern}
STEPS["quit"] = lambda c: c.close()


def connect():
    cache.get("missing")  # it connects when it has something to send
    return cache


run(connect, STEPS, version)
