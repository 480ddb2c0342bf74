// valkey-glide.
import assert from 'node:assert/strict';
import { Batch, Decoder, GlideClient, InfoOptions, Logger, Script, TimeUnit } from '@valkey/valkey-glide';
import { counts, scenario } from './scenario.mjs';

Logger.init('error'); // it logs to stdout, which is for the steps

await scenario({
  name: 'valkey-glide',
  connect(port, name) {
    return GlideClient.createClient({
      addresses: [{ host: '127.0.0.1', port }],
      requestTimeout: 10_000, // its 250 ms are too few for 1 MB on a machine that is busy with other tests
      ...(name && { clientName: name }),
    });
  },
  ops: {
    ping: (c) => c.ping(),
    set: (c, k, v) => c.set(k, v),
    setex: (c, k, v, seconds) => c.set(k, v, { expiry: { type: TimeUnit.Seconds, count: seconds } }),
    get: (c, k) => c.get(k),
    getBytes: (c, k) => c.get(k, { decoder: Decoder.Bytes }),
    ttl: (c, k) => c.ttl(k),
    strlen: (c, k) => c.strlen(k),
    incr: (c, k) => c.incr(k),
    hset: (c, k, fields) => c.hset(k, fields),
    hget: (c, k, f) => c.hget(k, f),
    hgetall: (c, k) => c.hgetall(k),
    sadd: (c, k, members) => c.sadd(k, members),
    smembers: (c, k) => c.smembers(k),
    zadd: (c, k, pairs) => c.zadd(k, pairs.map(([element, score]) => ({ element, score: boundary(score) }))),
    zrange: (c, k) => c.zrangeWithScores(k, { start: 0, end: -1 }),
    zscore: (c, k, m) => c.zscore(k, m),
    zincrby: (c, k, by, m) => c.zincrby(k, by, m),
    mset: (c, values) => c.mset(values),
    mget: (c, keys) => c.mget(keys),
    del: (c, keys) => c.del(keys),
    eval: (c, script, k, arg) => c.customCommand(['EVAL', script, '1', k, arg]),
  },
  read: {
    hgetall: (r) => Object.fromEntries(r.map(({ field, key, value }) => [field ?? key, value])), // a batch names it key
    zrange: (r) => r.map(({ element, key, score, value }) => [element ?? key, score ?? value]),
  },
  pipeline: () => new Batch(false),
  exec: (c, b) => c.exec(b, true, { timeout: 10_000 }),
  stored: (c) => {
    const script = new Script(counts('valkey-glide'));
    return (k, n) => c.invokeScript(script, { keys: [k], args: [n] });
  },
  call: (c, args) => c.customCommand(args),
  getName: (c) => c.clientGetName(),
  async clientInfo(c) {
    assert.ok((await c.clientId()) > 0);
  },
  async serverInfo(c) {
    assert.match(await c.info([InfoOptions.Server]), /redis_version:/);
  },
  async quit(c) {
    c.close();
  },
});

function boundary(score) {
  return Number.isFinite(score) ? score : score > 0 ? '+inf' : '-inf';
}
