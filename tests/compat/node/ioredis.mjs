// ioredis.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { resp, tls } from './report.mjs';
import { counts, scenario } from './scenario.mjs';

await scenario({
  name: 'ioredis',
  package: 'ioredis',
  async connect(port, { name, db }) {
    const c = new Redis({ host: '127.0.0.1', port, protocol: resp, tls, ...(name && { connectionName: name }), ...(db && { db }) });
    c.on('error', () => {}); // without a listener it prints them; what fails is told by the command's promise
    await new Promise((resolve, reject) => {
      c.once('ready', resolve);
      c.once('error', reject);
    }).catch((err) => {
      c.disconnect(); // it would go on trying
      throw err;
    });
    return c;
  },
  ops: {
    ping: (c) => c.ping(),
    set: (c, k, v) => c.set(k, v),
    setex: (c, k, v, seconds) => c.set(k, v, 'EX', seconds),
    get: (c, k) => c.get(k),
    getBytes: (c, k) => c.getBuffer(k),
    ttl: (c, k) => c.ttl(k),
    strlen: (c, k) => c.strlen(k),
    incr: (c, k) => c.incr(k),
    hset: (c, k, fields) => c.hset(k, fields),
    hget: (c, k, f) => c.hget(k, f),
    hgetall: (c, k) => c.hgetall(k),
    sadd: (c, k, members) => c.sadd(k, members),
    smembers: (c, k) => c.smembers(k),
    zadd: (c, k, pairs) => c.zadd(k, ...pairs.flatMap(([member, score]) => [redisNumber(score), member])),
    zrange: (c, k) => c.zrange(k, 0, -1, 'WITHSCORES'),
    zscore: (c, k, m) => c.zscore(k, m),
    zincrby: (c, k, by, m) => c.zincrby(k, by, m),
    mset: (c, values) => c.mset(values),
    mget: (c, keys) => c.mget(keys),
    del: (c, keys) => c.del(keys),
    blpop: (c, k, seconds) => c.blpop(k, seconds),
    rpush: (c, k, v) => c.rpush(k, v),
    publish: (c, channel, payload) => c.publish(channel, payload),
    xgroup: (c, k, g) => c.xgroup('CREATE', k, g, '0', 'MKSTREAM'),
    xadd: (c, k, id, f, v) => c.xadd(k, id, f, v),
    xreadgroup: (c, g, consumer, k) => c.xreadgroup('GROUP', g, consumer, 'COUNT', 3, 'BLOCK', 50, 'STREAMS', k, '>'),
    xack: (c, k, g, ids) => c.xack(k, g, ...ids),
    xpending: (c, k, g) => c.xpending(k, g),
    eval: (c, script, k, arg) => c.eval(script, 1, k, arg),
  },
  read: {
    zrange: (r) => pairs(r),
    zscore: (r) => number(r),
    zincrby: (r) => number(r),
  },
  pipeline: (c) => c.pipeline(),
  async exec(c, b) {
    return (await b.exec()).map(([err, reply]) => {
      if (err) throw err;
      return reply;
    });
  },
  transaction: (c) => c.multi(),
  async execTransaction(c, t) {
    const replies = await t.exec();
    return replies && replies.map(([err, reply]) => {
      if (err) throw err;
      return reply;
    });
  },
  watch: (c, k) => c.watch(k),
  async scan(c, pattern) {
    const all = [];
    for await (const keys of c.scanStream({ match: pattern, count: 50 })) all.push(...keys);
    return all;
  },
  async scanKey(c, k) {
    const all = [];
    for await (const pairs of c.hscanStream(k)) all.push(...pairs.filter((_, i) => i % 2 === 0));
    return all;
  },
  async subscribe(c, channel, pattern, message) {
    c.on('message', (channel, payload) => message(`${channel} ${payload}`));
    c.on('pmessage', (pattern, channel, payload) => message(`${pattern} ${channel} ${payload}`));
    await c.subscribe(channel);
    await c.psubscribe(pattern);
    return async () => {
      await c.unsubscribe(channel);
      await c.punsubscribe(pattern);
    };
  },
  stored: (c) => {
    c.defineCommand('counts', { numberOfKeys: 1, lua: counts('ioredis') });
    return (k, n) => c.counts(k, n);
  },
  call: (c, args) => c.call(...args),
  getName: (c) => c.client('GETNAME'),
  async clientInfo(c) {
    assert.match(await c.client('INFO'), /^id=\d+/);
  },
  async serverInfo(c) {
    assert.match(await c.info(), /redis_version:/);
  },
  async quit(c) {
    const ended = new Promise((resolve) => c.once('end', resolve));
    assert.equal(await c.quit(), 'OK');
    await ended;
  },
  drop: (c) => c.disconnect(),
});

function redisNumber(n) {
  return Number.isFinite(n) ? n : n > 0 ? '+inf' : '-inf';
}

function number(r) {
  if (r === null) return null;
  return r === 'inf' ? Infinity : r === '-inf' ? -Infinity : Number(r);
}

function pairs(r) {
  const flat = r.flat();
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], number(flat[2 * i + 1])]);
}
