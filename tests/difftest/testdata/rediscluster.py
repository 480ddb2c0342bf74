"""Uses redis-py's client of clusters as applications do: python3 rediscluster.py HOST PORT NODES"""

import sys

from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, ResponseError

host, port, nodes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def want(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r}; want {expected!r}")


r = RedisCluster(startup_nodes=[ClusterNode(host, port)], decode_responses=True)
r.flushall(target_nodes=r.get_random_node())
want("nodes", len(r.get_nodes()), nodes)
want("primaries", len(r.get_primaries()), nodes)
for i in range(200):
    want("SET", r.set(f"py:{i}", i), True)
    want("GET", r.get(f"py:{i}"), str(i))
want("MGET", r.mget("{py}a", "{py}b"), [None, None])
want("mget of any", r.mget_nonatomic([f"py:{i}" for i in range(20)]), [str(i) for i in range(20)])
want("mset of any", set(r.mset_nonatomic({"py:x": 1, "py:y": 2, "py:z": 3})), {True})
want("EXISTS", r.exists("py:x", "py:y", "py:z", "py:0"), 4)
want("DEL", r.delete("py:x", "py:y", "py:z"), 3)
pipe = r.pipeline()
for i in range(100):
    pipe.incr(f"py:count:{i}")
want("pipeline", pipe.execute(), [1] * 100)
want("EVAL", r.eval("return {KEYS[1], ARGV[1]}", 1, "py:k", "a"), ["py:k", "a"])
want("keyslot", r.cluster_keyslot("{py}a"), r.keyslot("{py}a"))
want("cluster info", r.cluster_info(target_nodes=r.get_random_node())["cluster_state"], "ok")
want("countkeysinslot", r.cluster_countkeysinslot(r.keyslot("py:0")) >= 1, True)
want("info", r.info(target_nodes=r.get_random_node())["cluster_enabled"], 1)
try:
    r.execute_command("SINTER", "py:a", "py:b")
    sys.exit("SINTER of keys of two slots succeeds")
except (ResponseError, RedisClusterException):
    pass
p = r.pubsub()
p.subscribe("py:channel")
want("subscribed", p.get_message(timeout=10)["type"], "subscribe")
r.publish("py:channel", "hello")
want("message", p.get_message(timeout=10)["data"], "hello")
p.close()

read = RedisCluster(startup_nodes=[ClusterNode(host, port)], decode_responses=True, read_from_replicas=True)  # which says READONLY
want("READONLY", read.get("py:0"), "0")
