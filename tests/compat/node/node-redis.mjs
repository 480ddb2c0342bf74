// node-redis: `npm install redis`.
import assert from 'node:assert/strict';
import { createClient, defineScript, RESP_TYPES, WatchError } from 'redis';
import { resp, tls } from './report.mjs';
import { counts, scenario } from './scenario.mjs';

const scripts = {
  counts: defineScript({
    SCRIPT: counts('node-redis'),
    NUMBER_OF_KEYS: 1,
    parseCommand(parser, key, n) {
      parser.pushKey(key);
      parser.push(n);
    },
    transformReply: (reply) => reply,
  }),
};

await scenario({
  name: 'node-redis',
  package: 'redis',
  async connect(port, { name, db }) {
    const c = createClient({
      url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`, ...(tls && { socket: { tls: true, ...tls } }), RESP: resp, scripts,
      ...(name && { name }), ...(db && { database: db }),
    });
    const failed = new Promise((_, reject) => c.once('error', reject));
    c.on('error', () => {}); // without a listener the process would end; what fails is told by the command's promise
    await Promise.race([c.connect(), failed]).catch((err) => {
      c.destroy(); // it would go on trying
      throw err;
    });
    return c;
  },
  ops: {
    ping: (c) => c.ping(),
    set: (c, k, v) => c.set(k, v),
    setex: (c, k, v, seconds) => c.set(k, v, { expiration: { type: 'EX', value: seconds } }),
    get: (c, k) => c.get(k),
    getBytes: (c, k) => c.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(k),
    ttl: (c, k) => c.ttl(k),
    strlen: (c, k) => c.strLen(k),
    incr: (c, k) => c.incr(k),
    hset: (c, k, fields) => c.hSet(k, fields),
    hget: (c, k, f) => c.hGet(k, f),
    hgetall: (c, k) => c.hGetAll(k),
    sadd: (c, k, members) => c.sAdd(k, members),
    smembers: (c, k) => c.sMembers(k),
    zadd: (c, k, pairs) => c.zAdd(k, pairs.map(([value, score]) => ({ value, score }))),
    zrange: (c, k) => c.zRangeWithScores(k, 0, -1),
    zscore: (c, k, m) => c.zScore(k, m),
    zincrby: (c, k, by, m) => c.zIncrBy(k, by, m),
    mset: (c, values) => c.mSet(values),
    mget: (c, keys) => c.mGet(keys),
    del: (c, keys) => c.del(keys),
    blpop: (c, k, seconds) => c.blPop(k, seconds),
    rpush: (c, k, v) => c.rPush(k, v),
    publish: (c, channel, payload) => c.publish(channel, payload),
    xgroup: (c, k, g) => c.xGroupCreate(k, g, '0', { MKSTREAM: true }),
    xadd: (c, k, id, f, v) => c.xAdd(k, id, { [f]: v }),
    xreadgroup: (c, g, consumer, k) => c.xReadGroup(g, consumer, { key: k, id: '>' }, { COUNT: 3, BLOCK: 50 }),
    xack: (c, k, g, ids) => c.xAck(k, g, ids),
    xpending: (c, k, g) => c.xPending(k, g),
    eval: (c, script, k, arg) => c.eval(script, { keys: [k], arguments: [arg] }),
  },
  read: {
    hgetall: (r) => ({ ...r }), // its objects have no prototype
    blpop: (r) => r && [r.key, r.element],
    zrange: (r) => r.map(({ value, score }) => [value, score]),
  },
  pipeline: (c) => c.multi(),
  exec: (c, b) => b.execAsPipeline(),
  transaction: (c) => c.multi(),
  execTransaction: (c, t) => t.exec().catch((err) => {
    if (err instanceof WatchError) return null;
    throw err;
  }),
  watch: (c, k) => c.watch(k),
  async scan(c, pattern) {
    const all = [];
    for await (const keys of c.scanIterator({ MATCH: pattern, COUNT: 50 })) all.push(...keys);
    return all;
  },
  async scanKey(c, k) {
    const all = [];
    for await (const pairs of c.hScanIterator(k)) all.push(...pairs.map(({ field }) => field));
    return all;
  },
  async subscribe(c, channel, pattern, message) {
    await c.subscribe(channel, (payload, channel) => message(`${channel} ${payload}`));
    await c.pSubscribe(pattern, (payload, channel) => message(`${pattern} ${channel} ${payload}`));
    return async () => {
      await c.unsubscribe(channel);
      await c.pUnsubscribe(pattern);
    };
  },
  stored: (c) => (k, n) => c.counts(k, n),
  call: (c, args) => c.sendCommand(args),
  getName: (c) => c.clientGetName(),
  async clientInfo(c) {
    assert.ok((await c.clientInfo()).id > 0);
  },
  async serverInfo(c) {
    assert.match(await c.info(), /redis_version:/);
  },
  quit: (c) => c.close(),
  drop: (c) => c.destroy(),
});
