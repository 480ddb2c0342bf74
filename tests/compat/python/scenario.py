"""redis-py goes through the scenario; ../doc.go tells how.

    scenario.py redis-py|redis-py-hiredis resp2 PORT

The first parses replies in Python, the second with hiredis.
"""
import hashlib
import math
import sys
import threading
import time

from report import CA, CERT, KEY, run, want

library, protocol, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if library == "redis-py":
    sys.modules["hiredis"] = None  # redis-py takes it whenever it can be imported
else:
    import hiredis  # noqa: F401  without it this would be the other run once more

import redis  # noqa: E402  the parser is chosen as it is imported

SCRIPT = "return {KEYS[1], ARGV[1], 42, false, {'nested', redis.call('GET', KEYS[1])}}"
# Another script for each library, since one that a server knows already is not loaded again.
COUNTS = f"-- {library}\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])"
SCORES = [("lowest", -math.inf), ("tenth", 0.1), ("half", 1.5), ("huge", 1e21), ("highest", math.inf)]


def key(name):
    return f"{library}-{protocol}:{name}"


def dial(**more):
    if CA:
        more.update(ssl=True, ssl_ca_certs=CA, ssl_certfile=CERT, ssl_keyfile=KEY, ssl_check_hostname=True)
    return redis.Redis(host="127.0.0.1", port=port, **more)


def binary(c):
    every = bytes(range(256))
    name = key("b").encode() + every  # a key of them too
    want(True, c.set(name, every), "SET")
    want(every, c.get(name), "GET")


def expiry(c):
    want(True, c.set(key("s"), "value", ex=1000), "SET")
    want(b"value", c.get(key("s")), "GET")
    ttl = c.ttl(key("s"))
    want(True, 0 < ttl <= 1000, f"TTL {ttl} up to 1000")


def large(c):
    value = bytes(i * 7 % 251 for i in range(1 << 20))
    want(True, c.set(key("large"), value), "SET")
    want(len(value), c.strlen(key("large")), "STRLEN")
    want(value, c.get(key("large")), "GET")


def missing(c):
    want(None, c.get(key("missing")), "GET")
    want(None, c.hget(key("missing"), "f"), "HGET")
    want({}, c.hgetall(key("missing")), "HGETALL")


def counter(c):
    want([1, 2, 3], [c.incr(key("n")) for _ in range(3)], "INCR")


def hash_(c):
    want(3, c.hset(key("h"), mapping={"f": "v", "g": "", "2": "w"}), "HSET")
    want({b"f": b"v", b"g": b"", b"2": b"w"}, c.hgetall(key("h")), "HGETALL")
    want(b"v", c.hget(key("h"), "f"), "HGET")


def set_(c):
    want(3, c.sadd(key("set"), "a", "b", "c"), "SADD")
    want({b"a", b"b", b"c"}, set(c.smembers(key("set"))), "SMEMBERS")


def sorted_set(c):
    want(len(SCORES), c.zadd(key("z"), dict(SCORES)), "ZADD")
    pairs = [(member.decode(), score) for member, score in c.zrange(key("z"), 0, -1, withscores=True)]
    want(SCORES, pairs, "ZRANGE")
    for member, score in SCORES:
        want(score, c.zscore(key("z"), member), "ZSCORE")
    want(None, c.zscore(key("z"), "missing"), "ZSCORE")
    want(2.5, c.zincrby(key("z"), 1, "half"), "ZINCRBY")


def many(c):
    values = {key(f"m{i}"): f"v{i}" for i in range(50) if i % 5 != 3}
    keys = [key(f"m{i}") for i in range(50)]
    want(True, c.mset(values), "MSET")
    want([values[k].encode() if k in values else None for k in keys], c.mget(keys), "MGET")
    want(40, c.delete(*keys), "DEL")
    want(0, c.delete(*keys), "DEL")


def large_pipeline(c):
    """Is written whole before the first reply is read: 20 MB each way."""
    v = b"x" * 100_000
    p = c.pipeline(transaction=False)
    for i in range(200):
        p.set(key(f"lp{i}"), v).get(key(f"lp{i}"))
    got = p.execute()
    want([True, v] * 200 == got, True, "replies")


def pipeline(c):
    p = c.pipeline(transaction=False)
    expected = []
    for i in range(100):
        v = f"v{i}".encode()
        for reply, _ in (
            (True, p.set(key(f"p{i}"), v)),
            (v, p.get(key(f"p{i}"))),
            (i + 1, p.incr(key("pn"))),
            (1, p.hset(key(f"ph{i}"), "f", v)),
            ({b"f": v}, p.hgetall(key(f"ph{i}"))),
            (None, p.get(key(f"missing{i}"))),
            (1, p.zadd(key(f"pz{i}"), {"m": i / 4})),
            (i / 4, p.zscore(key(f"pz{i}"), "m")),
            ([(b"m", i / 4)], p.zrange(key(f"pz{i}"), 0, -1, withscores=True)),
            ([v, None, v], p.mget(key(f"p{i}"), key(f"missing{i}"), key(f"p{i}"))),
        ):
            expected.append(reply)
    got = p.execute()
    want(len(expected), len(got), "number of replies")
    for i, reply in enumerate(expected):
        want(reply, got[i], f"reply {i}")


def wrong_type(c):
    try:
        c.hget(key("s"), "f")
    except redis.ResponseError as e:
        want(True, str(e).startswith("WRONGTYPE"), f"{e} begins with WRONGTYPE")
        return f"{type(e).__name__}: {e}"
    raise AssertionError("HGET of a string succeeded")


def script(c):
    got = c.eval(SCRIPT, 1, key("s"), "arg")
    want([key("s").encode(), b"arg", 42, None, [b"nested", b"value"]], got, "EVAL")


def stored_script(c):
    sha = hashlib.sha1(COUNTS.encode()).hexdigest()
    for n, arg in (2, 2), (42, 40):
        try:
            got = c.evalsha(sha, 1, key("sn"), arg)
        except redis.exceptions.NoScriptError:
            got = c.eval(COUNTS, 1, key("sn"), arg)
        want(n, got, "EVALSHA")


def registered_script(c):
    counts = c.register_script(COUNTS + " -- registered")  # SCRIPT LOAD where the server does not know it
    want(1, counts(keys=[key("rn")], args=[1]), "registered script")


def generic(c):
    """What comes back without the library's method for it depends on the command's name and the types on the wire."""
    want(1, c.sadd(key("one"), "a"), "SADD")
    seen = []
    for words in (
        ("GET", key("s")),
        ("GET", key("missing")),
        ("HGETALL", key("h")),
        ("SMEMBERS", key("one")),
        ("SISMEMBER", key("one"), "a"),
        ("ZRANGE", key("z"), "0", "-1", "WITHSCORES"),
        ("ZSCORE", key("z"), "half"),
        ("ZSCORE", key("z"), "highest"),
        ("MGET", key("s"), key("missing")),
        ("EVAL", SCRIPT, "1", key("s"), "arg"),
    ):
        seen.append(f"{words[0]} {c.execute_command(*words)!r}")
    return "\n".join(seen)


def outcome(call, *args, **kwargs):
    """What a call returns or raises."""
    try:
        return repr(call(*args, **kwargs))
    except redis.RedisError as e:
        return f"{type(e).__name__}: {e}"


def errors(c):
    seen = [
        outcome(c.incr, key("s")),
        outcome(c.get, key("h")),
        outcome(c.evalsha, "0" * 40, 1, key("s")),
        outcome(c.eval, "return redis.error_reply('MINE of a script')", 1, key("s")),
        outcome(c.execute_command, "GET", key("s"), "too", "many"),
    ]
    want(b"value", c.get(key("s")), "GET")
    return "\n".join(seen)


def unknown_command(c):
    seen = outcome(c.execute_command, "NOSUCH", key("s"))
    want(b"value", c.get(key("s")), "GET")
    return seen


def multi(c):
    p = c.pipeline()
    p.set(key("{t}"), "v").incr(key("{t}n")).get(key("{t}"))
    want([True, 1, b"v"], p.execute(), "EXEC")


def multi_anywhere(c):
    p = c.pipeline()
    for i in range(8):
        p.set(key(f"t{i}"), "v")  # of different servers, if there are several
    want([True] * 8, p.execute(), "EXEC")


def watch(c):
    name = key("{w}")
    c.set(name, "before")
    with dial() as other:
        for theirs in True, False:
            with c.pipeline() as p:
                p.watch(name)
                if theirs:
                    other.set(name, "theirs")
                p.multi()
                p.set(name, "mine")
                seen = outcome(p.execute)
            want(theirs, seen.startswith("WatchError"), f"a change while it is watched: {theirs}; {seen}")
            want(b"theirs" if theirs else b"mine", c.get(name), "GET")


def blocking_pop(c):
    want(None, c.blpop(key("list"), 0.1), "BLPOP")
    popped = []
    with dial() as other:
        waiter = threading.Thread(target=lambda: popped.append(other.blpop(key("list"), 5)))
        waiter.start()
        c.rpush(key("list"), "v")
        waiter.join()
    want([(key("list").encode(), b"v")], popped, "BLPOP")


def pubsub(c):
    with dial() as other, other.pubsub() as s:
        s.subscribe(key("channel"))
        want("subscribe", s.get_message(timeout=5)["type"], "first reply")
        s.psubscribe(key("ch*"))
        want("psubscribe", s.get_message(timeout=5)["type"], "second reply")
        for payload in b"hello", b"\0\xff":
            c.publish(key("channel"), payload)
        got = [s.get_message(timeout=5) for _ in range(4)]
        s.unsubscribe()
        s.punsubscribe()
        got += [s.get_message(timeout=5) for _ in range(2)]
        return "\n".join(sorted(map(repr, got)))


def scan(c):
    names = [key(f"scan{i}").encode() for i in range(200)]
    p = c.pipeline(transaction=False)
    for name in names:
        p.set(name, "v")
    p.execute()
    want(sorted(names), sorted(set(c.scan_iter(key("scan*"), 50))), "SCAN")


def scan_key(c):
    want(3, len(list(c.hscan_iter(key("h")))), "fields that HSCAN finds")


def streams(c):
    name = key("stream")
    want(True, c.xgroup_create(name, "g", "0", mkstream=True), "XGROUP CREATE")
    for i in range(5):
        want(b"%d-1" % (i + 1), c.xadd(name, {"f": f"v{i}"}, f"{i + 1}-1"), "XADD")
    seen = [repr(c.xreadgroup("g", consumer, {name: ">"}, 3, 50)) for consumer in ("one", "two")]
    want(2, c.xack(name, "g", "1-1", "2-1"), "XACK")
    seen += [repr(c.xpending(name, "g")), repr(c.xreadgroup("g", "one", {name: ">"}, 3, 50))]
    seen.append(repr(c.xautoclaim(name, "g", "two", 0)))
    return "\n".join(seen)


def database(c):
    with dial(db=1) as other:
        other.set(key("db"), "one")
        want(b"one", other.get(key("db")), "GET")
    want(None, c.get(key("db")), "GET of what is in another database")


def reconnect(c):
    """Has another client end a client's connection; the library may show that, and then has another one."""
    with dial() as victim:
        id = victim.client_id()
        want(1, c.execute_command("CLIENT", "KILL", "ID", id), "CLIENT KILL")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                want(b"value", victim.get(key("s")), "GET")
                want(True, victim.client_id() != id, "another connection")
                return
            except redis.ConnectionError:
                pass
        raise AssertionError("it did not connect again")


def name(_):
    with dial(client_name="compat") as named:
        got = named.client_getname()
        want("compat", got.decode() if isinstance(got, bytes) else got, "CLIENT GETNAME")


def client_info(c):
    want(True, int(c.client_info()["id"]) > 0, "CLIENT INFO has an id")


def server_info(c):
    want(True, "redis_version" in c.info(), "INFO has redis_version")


def concurrent(c):
    errors = []

    def count():
        try:
            with dial() as mine:
                for _ in range(25):
                    mine.incr(key("shared"))
        except Exception as e:  # it would end with its thread
            errors.append(e)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want([], errors, "errors")
    want(b"100", c.get(key("shared")), "GET")


STEPS = {
    "ping": lambda c: want(True, c.ping(), "PING"),
    "expiry": expiry,
    "binary": binary,
    "large": large,
    "missing": missing,
    "counter": counter,
    "hash": hash_,
    "set": set_,
    "sorted set": sorted_set,
    "multi-key": many,
    "pipeline": pipeline,
    "large pipeline": large_pipeline,
    "wrong type": wrong_type,
    "script": script,
    "stored script": stored_script,
    "registered script": registered_script,
    "generic": generic,
    "errors": errors,
    "unknown command": unknown_command,
    "MULTI": multi,
    "MULTI over any keys": multi_anywhere,
    "WATCH conflict": watch,
    "blocking pop": blocking_pop,
    "pub/sub": pubsub,
    "SCAN": scan,
    "SCAN of a key": scan_key,
    "streams with groups": streams,
    "WAIT": lambda c: want(0, c.wait(0, 10), "WAIT"),
    "SELECT": database,
    "reconnect after CLIENT KILL": reconnect,
    "name": name,
    "client info": client_info,
    "server info": server_info,
    "concurrent": concurrent,
    "quit": lambda c: c.close(),
}


def connect():
    c = dial()
    c.ping()  # it connects when it has something to send
    return c


run(connect, STEPS, redis.__version__)
