// The scenario that every library goes through; ../doc.go tells how. A library is an object:
//
//	name         what it is called here, and the prefix of its keys
//	package      its name at npm
//	connect      (port, { name, db } or {}) => a client that is connected
//	ops          command: (client or pipeline, ...args) => what the library offers for it
//	read         command: (natural reply) => the form that the scenario checks, where it is not that already
//	pipeline     (client) => an empty pipeline; exec: (client, pipeline) => its replies, in natural form
//	transaction  (client) => an empty transaction; execTransaction: (client, transaction) => its replies, or null
//	watch        (client, key) => nothing; from here on a transaction fails if the key changes
//	scan         (client, pattern) => all keys that have it; scanKey: (client, key) => the fields of a hash
//	subscribe    (client, channel, pattern, message(string)) => a function that ends it; undefined if the library has none
//	stored       (client) => the script counts as a function of key and argument, by the library's own means (EVALSHA ...)
//	call         (client, words) => the natural reply to a command that the library does not know
//	getName      (client) => its name
//	clientInfo   (client) => nothing: it checks what the library has to ask about a client; serverInfo, about the server
//	quit         (client) => nothing: a clean end; drop: the same for a client with which that failed
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { port, protocol, run, show, version } from './report.mjs';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const large = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7) % 251));
const scores = [['lowest', -Infinity], ['tenth', 0.1], ['half', 1.5], ['huge', 1e21], ['highest', Infinity]];
const script = "return {KEYS[1], ARGV[1], 42, false, {'nested', redis.call('GET', KEYS[1])}}";

// counts is another script for each library, since one that a server knows already is not loaded again.
export const counts = (name) => `-- ${name}\nreturn redis.call("INCRBY", KEYS[1], ARGV[1])`;

function sorted(list) {
  return [...list].sort();
}

export function scenario(lib) {
  const key = (name) => `${lib.name}-${protocol}:${name}`;
  version(lib.package);
  let c;

  // apart hands a body a client of its own, which is closed whatever happens.
  async function apart(options, body) {
    const client = await lib.connect(port, options);
    try {
      return await body(client);
    } finally {
      await lib.quit(client).catch(() => lib.drop?.(client));
    }
  }
  const does = (op, ...args) => doesOn(c, op, ...args);
  async function doesOn(client, op, ...args) {
    const reply = await lib.ops[op](client, ...args);
    return lib.read[op] ? lib.read[op](reply) : reply;
  }
  async function want(expected, op, ...args) {
    assert.deepEqual(await does(op, ...args), expected, `${op} ${String(args[0]).slice(0, 40)}`);
  }

  const steps = [
    ['connect', async () => {
      c = await lib.connect(port, {});
    }],
    ['ping', () => want('PONG', 'ping')],
    ['expiry', async () => {
      await want('OK', 'setex', key('s'), 'value', 1000);
      await want('value', 'get', key('s'));
      const ttl = await does('ttl', key('s'));
      assert.ok(ttl > 0 && ttl <= 1000, `TTL ${ttl}`);
    }],
    ['binary', async () => {
      const binary = Buffer.concat([Buffer.from(key('b')), everyByte]); // a key of them too
      await want('OK', 'set', binary, everyByte);
      await want(everyByte, 'getBytes', binary);
    }],
    ['large', async () => {
      await want('OK', 'set', key('large'), large);
      await want(large.length, 'strlen', key('large'));
      assert.ok(large.equals(await does('getBytes', key('large'))), 'other bytes than those set');
    }],
    ['missing', async () => {
      await want(null, 'get', key('missing'));
      await want(null, 'hget', key('missing'), 'f');
      await want({}, 'hgetall', key('missing'));
    }],
    ['counter', async () => {
      for (const n of [1, 2, 3]) await want(n, 'incr', key('n'));
    }],
    ['hash', async () => {
      await want(3, 'hset', key('h'), { f: 'v', g: '', 2: 'w' });
      await want({ f: 'v', g: '', 2: 'w' }, 'hgetall', key('h'));
      await want('v', 'hget', key('h'), 'f');
    }],
    ['set', async () => {
      await want(3, 'sadd', key('set'), ['a', 'b', 'c']);
      assert.deepEqual(sorted(await does('smembers', key('set'))), ['a', 'b', 'c']);
    }],
    ['sorted set', async () => {
      await want(scores.length, 'zadd', key('z'), scores);
      await want(scores, 'zrange', key('z'));
      for (const [member, score] of scores) await want(score, 'zscore', key('z'), member);
      await want(null, 'zscore', key('z'), 'missing');
      await want(2.5, 'zincrby', key('z'), 1, 'half');
    }],
    ['multi-key', async () => {
      const keys = Array.from({ length: 50 }, (_, i) => key(`m${i}`));
      const there = (i) => i % 5 !== 3;
      await want('OK', 'mset', Object.fromEntries(keys.map((k, i) => [k, `v${i}`]).filter((_, i) => there(i))));
      await want(keys.map((_, i) => (there(i) ? `v${i}` : null)), 'mget', keys);
      await want(40, 'del', keys);
      await want(0, 'del', keys);
    }],
    ['pipeline', async () => {
      const b = lib.pipeline(c);
      const expected = [];
      const adds = (reply, op, ...args) => {
        lib.ops[op](b, ...args);
        expected.push([op, reply]);
      };
      for (let i = 0; i < 100; i++) {
        adds('OK', 'set', key(`p${i}`), `v${i}`);
        adds(`v${i}`, 'get', key(`p${i}`));
        adds(i + 1, 'incr', key('pn'));
        adds(1, 'hset', key(`ph${i}`), { f: `v${i}` });
        adds({ f: `v${i}` }, 'hgetall', key(`ph${i}`));
        adds(null, 'get', key(`missing${i}`));
        adds(1, 'zadd', key(`pz${i}`), [['m', i / 4]]);
        adds(i / 4, 'zscore', key(`pz${i}`), 'm');
        adds([['m', i / 4]], 'zrange', key(`pz${i}`));
        adds([`v${i}`, null, `v${i}`], 'mget', [key(`p${i}`), key(`missing${i}`), key(`p${i}`)]);
      }
      const replies = await lib.exec(c, b);
      assert.equal(replies.length, expected.length);
      for (const [i, [op, reply]] of expected.entries()) {
        const got = lib.read[op] ? lib.read[op](replies[i]) : replies[i];
        assert.deepEqual(got, reply, `reply ${i}, to ${op}`);
      }
    }],
    ['wrong type', async () => {
      const err = await does('hget', key('s'), 'f').then(() => assert.fail('HGET of a string succeeded'), (err) => err);
      assert.match(err.message, /WRONGTYPE/);
      return show(err);
    }],
    ['script', () => want([key('s'), 'arg', 42, null, ['nested', 'value']], 'eval', script, key('s'), 'arg')],
    ['stored script', async () => {
      const stored = lib.stored(c);
      assert.equal(await stored(key('sn'), '2'), 2);
      assert.equal(await stored(key('sn'), '40'), 42);
    }],
    ['generic', async () => {
      // What comes back where the library does not know the command decides what a reply is by its type on the wire alone.
      await want(1, 'sadd', key('one'), ['a']);
      const replies = [];
      for (const args of [
        ['GET', key('s')], ['GET', key('missing')], ['HGETALL', key('h')], ['SMEMBERS', key('one')],
        ['SISMEMBER', key('one'), 'a'], ['ZRANGE', key('z'), '0', '-1', 'WITHSCORES'], ['ZSCORE', key('z'), 'half'],
        ['ZSCORE', key('z'), 'highest'], ['MGET', key('s'), key('missing')], ['EVAL', script, '1', key('s'), 'arg'],
      ]) replies.push(`${args[0]} ${show(await lib.call(c, args))}`);
      return replies.join('\n');
    }],
    ['errors', async () => {
      const seen = [];
      for (const args of [
        ['INCR', key('s')], ['GET', key('h')], ['EVALSHA', '0'.repeat(40), '1', key('s')],
        ['EVAL', "return redis.error_reply('MINE of a script')", '1', key('s')], ['GET', key('s'), 'too', 'many'],
      ]) seen.push(await lib.call(c, args).then(show, show));
      await want('value', 'get', key('s'));
      return seen.join('\n');
    }],
    ['unknown command', async () => {
      const seen = await lib.call(c, ['NOSUCH', key('s')]).then(show, show);
      await want('value', 'get', key('s'));
      return seen;
    }],
    ['MULTI', async () => {
      const t = lib.transaction(c);
      lib.ops.set(t, key('{t}'), 'v');
      lib.ops.incr(t, key('{t}n'));
      lib.ops.get(t, key('{t}'));
      assert.deepEqual(await lib.execTransaction(c, t), ['OK', 1, 'v']);
    }],
    ['MULTI over any keys', async () => {
      const t = lib.transaction(c);
      for (let i = 0; i < 8; i++) lib.ops.set(t, key(`t${i}`), 'v'); // of different servers, if there are several
      assert.deepEqual(await lib.execTransaction(c, t), Array(8).fill('OK'));
    }],
    ['WATCH conflict', () => apart({}, async (other) => {
      await want('OK', 'set', key('{w}'), 'before');
      for (const theirs of [true, false]) {
        await lib.watch(c, key('{w}'));
        if (theirs) await doesOn(other, 'set', key('{w}'), 'theirs');
        const t = lib.transaction(c);
        lib.ops.set(t, key('{w}'), 'mine');
        assert.deepEqual(await lib.execTransaction(c, t), theirs ? null : ['OK']);
        await want(theirs ? 'theirs' : 'mine', 'get', key('{w}'));
      }
    })],
    ['blocking pop', () => apart({}, async (other) => {
      await want(null, 'blpop', key('list'), 0.1);
      const popped = doesOn(other, 'blpop', key('list'), 5);
      await want(1, 'rpush', key('list'), 'v');
      assert.deepEqual(await popped, [key('list'), 'v']);
    })],
    ['pub/sub', () => apart({}, async (other) => {
      const seen = [];
      let done;
      const all = new Promise((resolve) => { done = resolve; });
      const unsubscribe = await lib.subscribe(other, key('channel'), key('ch*'), (message) => {
        seen.push(show(message));
        if (seen.length === 4) done();
      });
      for (const payload of ['hello', 'ünïcode']) await lib.ops.publish(c, key('channel'), payload);
      await all;
      await unsubscribe();
      return seen.sort().join('\n');
    })],
    ['SCAN', async () => {
      const keys = Array.from({ length: 200 }, (_, i) => key(`scan${i}`));
      await want('OK', 'mset', Object.fromEntries(keys.map((k) => [k, 'v'])));
      assert.deepEqual(sorted(new Set(await lib.scan(c, key('scan*')))), sorted(keys)); // SCAN may name a key twice
    }],
    ['SCAN of a key', async () => {
      assert.deepEqual(sorted(await lib.scanKey(c, key('h'))), ['2', 'f', 'g']);
    }],
    ['streams with groups', async () => {
      const k = key('stream');
      await want('OK', 'xgroup', k, 'g');
      for (let i = 1; i <= 5; i++) await want(`${i}-1`, 'xadd', k, `${i}-1`, 'f', `v${i}`);
      const seen = [show(await does('xreadgroup', 'g', 'one', k)), show(await does('xreadgroup', 'g', 'two', k))];
      await want(2, 'xack', k, 'g', ['1-1', '2-1']);
      seen.push(show(await does('xpending', k, 'g')), show(await does('xreadgroup', 'g', 'one', k))); // nothing is left
      return seen.join('\n');
    }],
    ['WAIT', async () => {
      assert.equal(await lib.call(c, ['WAIT', '0', '10']), 0);
    }],
    ['SELECT', () => apart({ db: 1 }, async (other) => {
      await doesOn(other, 'set', key('db'), 'one');
      assert.equal(await doesOn(other, 'get', key('db')), 'one');
      await want(null, 'get', key('db'));
    })],
    ['reconnect after CLIENT KILL', () => apart({}, async (victim) => {
      const id = await lib.call(victim, ['CLIENT', 'ID']);
      assert.equal(await lib.call(c, ['CLIENT', 'KILL', 'ID', String(id)]), 1);
      // The library may show that once; then it has another connection.
      let got;
      for (let i = 0; got !== 'value' && i < 500; i++) {
        got = await doesOn(victim, 'get', key('s')).catch((err) => err);
        if (got instanceof Error) await setTimeout(10);
      }
      assert.equal(got, 'value');
      assert.notEqual(await lib.call(victim, ['CLIENT', 'ID']), id);
    })],
    ['name', async () => {
      const named = await lib.connect(port, { name: 'compat' });
      assert.equal(await lib.getName(named), 'compat');
      await lib.quit(named);
    }],
    ['client info', () => lib.clientInfo(c)],
    ['server info', () => lib.serverInfo(c)],
    ['concurrent', async () => {
      const clients = await Promise.all([0, 1, 2, 3].map(() => lib.connect(port, {})));
      await Promise.all(clients.map(async (client) => {
        for (let i = 0; i < 25; i++) await doesOn(client, 'incr', key('shared'));
      }));
      await want('100', 'get', key('shared'));
      await Promise.all(clients.map((client) => lib.quit(client)));
    }],
    ['quit', () => lib.quit(c)],
  ];
  return run(steps.filter(([step]) => step !== 'pub/sub' || lib.subscribe));
}
