// memjs, which speaks memcached's binary protocol alone, goes through the scenarios; ../../doc.go tells how.
import assert from 'node:assert/strict';
import memjs from 'memjs';
import { port, run, version } from '../report.mjs';

const key = (name) => `memjs-binary:${name}`;
let c;

async function want(expected, name) {
  const { value } = await c.get(key(name));
  assert.equal(value && value.toString(), expected);
}

version('memjs', import.meta.url);
await run([
  ['connect', async () => {
    c = memjs.Client.create(`127.0.0.1:${port}`, { retries: 1, timeout: 5 });
    await c.set(key('connect'), 'v', {});
  }],
  ['basic', async () => {
    await c.set(key('s'), 'value', { expires: 1000 });
    await want('value', 's');
    await want(null, 'missing');
    assert.equal(await c.delete(key('s')), true);
    return String(await c.delete(key('s')));
  }],
  ['large', async () => {
    const value = Buffer.alloc(1_000_000, 'cashew');
    await c.set(key('large'), value, {});
    assert.ok(value.equals((await c.get(key('large'))).value));
  }],
  ['add, replace', async () => {
    const seen = [await c.replace(key('a'), '1', {}), await c.add(key('a'), '2', {}), await c.add(key('a'), '3', {})];
    await c.replace(key('a'), '4', {});
    await want('4', 'a');
    return seen.join('\n');
  }],
  ['append, prepend', async () => {
    await c.set(key('ap'), 'b', {});
    await c.append(key('ap'), 'c');
    await c.prepend(key('ap'), 'a');
    return String((await c.get(key('ap'))).value); // it takes one for the other
  }],
  ['counter', async () => {
    const seen = [await c.increment(key('n'), 1, { initial: 5 }), await c.increment(key('n'), 1, {}), await c.decrement(key('n'), 9, {})];
    return seen.map(({ value }) => value).join('\n');
  }],
  ['touch', async () => String(await c.touch(key('n'), 1000))],
  ['concurrent', async () => {
    await c.increment(key('shared'), 1, { initial: 0 });
    await Promise.all(Array.from({ length: 100 }, () => c.increment(key('shared'), 1, {})));
    await want('100', 'shared');
  }],
  ['quit', () => c.quit()],
]);
