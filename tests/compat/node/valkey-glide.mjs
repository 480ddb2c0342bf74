// valkey-glide.
import assert from 'node:assert/strict';
import {
  Batch, Decoder, GlideClient, InfoOptions, Logger, ProtocolVersion, Script, TimeUnit,
} from '@valkey/valkey-glide';
import { resp, tls } from './report.mjs';
import { counts, scenario } from './scenario.mjs';

Logger.init('error'); // it logs to stdout, which is for the steps

await scenario({
  name: 'valkey-glide',
  package: '@valkey/valkey-glide',
  connect(port, { name, db }) {
    return GlideClient.createClient({
      addresses: [{ host: '127.0.0.1', port }],
      requestTimeout: 10_000, // its 250 ms are too few for 1 MB on a machine that is busy with other tests
      protocol: resp === 2 ? ProtocolVersion.RESP2 : ProtocolVersion.RESP3,
      ...(tls && { useTLS: true, advancedConfiguration: { tlsAdvancedConfiguration: { rootCertificates: tls.ca } } }),
      ...(name && { clientName: name }),
      ...(db && { databaseId: db }),
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
    blpop: (c, k, seconds) => c.blpop([k], seconds),
    rpush: (c, k, v) => c.rpush(k, [v]),
    publish: (c, channel, payload) => c.publish(payload, channel),
    xgroup: (c, k, g) => c.xgroupCreate(k, g, '0', { mkStream: true }),
    xadd: (c, k, id, f, v) => c.xadd(k, [[f, v]], { id }),
    xreadgroup: (c, g, consumer, k) => c.xreadgroup(g, consumer, { [k]: '>' }, { count: 3, block: 50 }),
    xack: (c, k, g, ids) => c.xack(k, g, ids),
    xpending: (c, k, g) => c.xpending(k, g),
    eval: (c, script, k, arg) => c.customCommand(['EVAL', script, '1', k, arg]),
  },
  read: {
    hgetall: (r) => Object.fromEntries(r.map(({ field, key, value }) => [field ?? key, value])), // a batch names it key
    zrange: (r) => r.map(({ element, key, score, value }) => [element ?? key, score ?? value]),
  },
  pipeline: () => new Batch(false),
  exec: (c, b) => c.exec(b, true, { timeout: 10_000 }),
  transaction: () => new Batch(true),
  execTransaction: (c, t) => c.exec(t, true),
  watch: (c, k) => c.watch([k]),
  async scan(c, pattern) {
    const all = [];
    let cursor = '0';
    do {
      const [next, keys] = await c.scan(cursor, { match: pattern, count: 50 });
      all.push(...keys);
      cursor = next;
    } while (cursor !== '0');
    return all;
  },
  async scanKey(c, k) {
    const [, pairs] = await c.hscan(k, '0', { count: 1000 });
    return pairs.filter((_, i) => i % 2 === 0);
  },
  subscribe: resp === 3 && (async (c, channel, pattern, message) => { // of messages without RESP3 it makes nothing
    await c.subscribe([channel], 5_000);
    await c.psubscribe([pattern], 5_000);
    (async () => {
      for (;;) {
        const m = await c.getPubSubMessage();
        message(m.pattern ? `${m.pattern} ${m.channel} ${m.message}` : `${m.channel} ${m.message}`);
      }
    })().catch(() => {}); // it ends with the client
    return async () => {
      await c.unsubscribe([channel], 5_000);
      await c.punsubscribe([pattern], 5_000);
    };
  }),
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
