// rate-limiter-flexible: its limiters on Redis, with ioredis; ../../doc.go tells how.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { BurstyRateLimiter, RateLimiterRedis } from 'rate-limiter-flexible';
import { port, resp, run, version } from '../report.mjs';

const keyPrefix = `rate-limiter-flexible-resp${resp}`;
let storeClient;
const limiter = (more) => new RateLimiterRedis({ storeClient, keyPrefix, points: 3, duration: 60, ...more });

version('rate-limiter-flexible', import.meta.url);
await run([
  ['connect', async () => {
    storeClient = new Redis({ host: '127.0.0.1', port, protocol: resp });
    storeClient.on('error', () => {});
    const { remainingPoints } = await limiter().consume('connect');
    assert.equal(remainingPoints, 2);
  }],
  ['consume', async () => {
    for (let user = 0; user < 30; user++) {
      for (const left of [2, 1, 0]) assert.equal((await limiter().consume(`user${user}`)).remainingPoints, left);
      const refused = await limiter().consume(`user${user}`).then(() => null, (r) => r);
      assert.ok(refused.msBeforeNext > 0 && refused.msBeforeNext <= 60_000, String(refused));
    }
  }],
  ['get, penalty, reward, delete', async () => {
    await limiter().penalty('p', 2);
    await limiter().reward('p', 1);
    assert.equal((await limiter().get('p')).consumedPoints, 1);
    assert.equal(await limiter().get('missing'), null);
    assert.equal(await limiter().delete('p'), true);
    assert.equal(await limiter().get('p'), null);
  }],
  ['block, set', async () => {
    await limiter().block('blocked', 60);
    await assert.rejects(limiter().consume('blocked'), (r) => r.msBeforeNext > 0);
    await limiter().set('set', 2, 60);
    assert.equal((await limiter().consume('set')).remainingPoints, 0);
  }],
  ['concurrent', async () => {
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => limiter({ points: 10 }).consume('shared')));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10);
  }],
  ['bursty', async () => {
    const bursty = new BurstyRateLimiter(limiter({ points: 1 }), limiter({ keyPrefix: `${keyPrefix}:burst`, points: 2 }));
    for (let i = 0; i < 3; i++) await bursty.consume('b');
    await assert.rejects(bursty.consume('b'), (r) => r.msBeforeNext > 0);
  }],
  ['quit', () => storeClient.quit()],
]);
