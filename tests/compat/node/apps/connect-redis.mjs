// connect-redis with express-session: a store of sessions; ../../doc.go tells how.
import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { port, resp, run, version } from '../report.mjs';

let client;
let store;
const call = (name, ...args) => promisify(store[name].bind(store))(...args);
const session = (user) => ({ user, cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000).toISOString() } });

version('connect-redis', import.meta.url);
await run([
  ['connect', async () => {
    client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: resp });
    client.on('error', () => {}); // without a listener the process would end
    await client.connect();
    store = new RedisStore({ client, prefix: `connect-redis-resp${resp}:` });
  }],
  ['set, get', async () => {
    for (let i = 0; i < 30; i++) {
      await call('set', `s${i}`, session(i));
      assert.equal((await call('get', `s${i}`)).user, i);
    }
    assert.equal(await call('get', 'missing'), null);
  }],
  ['touch', async () => {
    await call('touch', 's1', session(1));
    const ttl = await client.ttl(`connect-redis-resp${resp}:s1`);
    assert.ok(ttl > 0 && ttl <= 60, String(ttl));
  }],
  ['destroy', async () => {
    await call('destroy', 's2');
    assert.equal(await call('get', 's2'), null);
  }],
  ['ids, all, length', async () => {
    assert.equal((await call('ids')).length, 29);
    assert.equal((await call('all')).length, 29);
    assert.equal(await call('length'), 29);
  }],
  ['clear', async () => {
    await call('clear');
    assert.equal(await call('get', 's3'), null);
  }],
  ['quit', () => client.close()],
]);
