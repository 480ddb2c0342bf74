// ioredis.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { counts, scenario } from './scenario.mjs';

await scenario({
  name: 'ioredis',
  async connect(port, name) {
    const c = new Redis({ host: '127.0.0.1', port, ...(name && { connectionName: name }) });
    await new Promise((resolve, reject) => {
      c.once('ready', resolve);
      c.once('error', reject);
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
