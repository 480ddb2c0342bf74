"""Django Channels' layers as an application uses them: channels and groups; ../doc.go tells how.

    channels_app.py channels|channels-prefixed|channels-pubsub resp2 PORT

The first is the layer that keeps messages in sorted sets and lists, the second the same with one hash tag, the third that on pub/sub.
"""
import asyncio
import sys
from importlib import metadata

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from report import run, want

library, port = sys.argv[1], int(sys.argv[3])
loop = asyncio.new_event_loop()


def limited(coroutine, seconds=10):
    return loop.run_until_complete(asyncio.wait_for(coroutine, seconds))


async def receive(layer, name):
    """The next message that is no probe."""
    while (message := await layer.receive(name))["type"] == "probe":
        pass
    return message


async def new_channel(layer):
    """A channel that is in force. pub/sub's layer asks for it and does not wait, so that a message at once may come too early."""
    name = await layer.new_channel()
    if library == "channels-pubsub":
        probed = asyncio.ensure_future(layer.receive(name))
        while not probed.done():
            await layer.send(name, {"type": "probe"})
            await asyncio.wait({probed}, timeout=0.05)
    return name


def connect():
    hosts = [f"redis://127.0.0.1:{port}/0"]
    if library == "channels-pubsub":
        layer = RedisPubSubChannelLayer(hosts=hosts, prefix=library)
    else:
        layer = RedisChannelLayer(hosts=hosts, prefix="{%s}" % library if library.endswith("prefixed") else library)

    async def once():
        name = await new_channel(layer)
        await layer.send(name, {"type": "hello"})
        want("hello", (await receive(layer, name))["type"], "message")

    limited(once())
    return layer


async def channels(layer):
    names = [await new_channel(layer) for _ in range(20)]
    for name in names:
        for n in range(5):
            await layer.send(name, {"type": "count", "n": n, "bytes": b"\0\xff", "to": name})
    for name in names:
        got = [await receive(layer, name) for _ in range(5)]
        want([(n, name) for n in range(5)], [(m["n"], m["to"]) for m in got], "messages")


async def waits(layer):
    name = await new_channel(layer)
    waiter = asyncio.ensure_future(receive(layer, name))
    await asyncio.sleep(0)
    await layer.send(name, {"type": "late"})
    want("late", (await waiter)["type"], "message")


async def groups(layer):
    names = [await new_channel(layer) for _ in range(20)]
    for name in names:
        await layer.group_add("room", name)
    await layer.group_discard("room", names[0])
    got = asyncio.gather(*(receive(layer, name) for name in names[1:]))
    while not got.done():  # pub/sub's layer does not say when it has subscribed
        await layer.group_send("room", {"type": "chat", "text": "hello"})
        await asyncio.wait({got}, timeout=0.1)
    want(["hello"] * 19, [m["text"] for m in await got], "messages")


async def close(layer):
    if library == "channels-pubsub":
        await layer.flush()
    else:
        await layer.close_pools()


STEPS = {
    "channels": lambda layer: limited(channels(layer)),
    "a receiver that waits": lambda layer: limited(waits(layer)),
    "groups": lambda layer: limited(groups(layer)),
    "flush": lambda layer: limited(layer.flush()),
    "quit": lambda layer: limited(close(layer)),
}

run(connect, STEPS, metadata.version("channels-redis"))
