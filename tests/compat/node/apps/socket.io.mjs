// socket.io as an application: two servers that reach each other's clients by the adapter's pub/sub; ../../doc.go tells how.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { port, resp, run, version } from '../report.mjs';

const servers = [];
const clients = [];
let refused;
process.on('unhandledRejection', (err) => { refused ??= err; }); // the adapter does not look how its subscriptions end

async function start() {
  const pub = createClient({ url: `redis://127.0.0.1:${port}`, RESP: resp });
  const sub = pub.duplicate();
  for (const c of [pub, sub]) c.on('error', () => {}); // without a listener the process would end
  await Promise.all([pub.connect(), sub.connect()]);
  const http = createServer();
  const io = new Server(http, { adapter: createAdapter(pub, sub, { key: `socket.io-resp${resp}` }) });
  io.on('connection', (socket) => socket.on('join', (room, done) => { socket.join(room); done(); }));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  servers.push({ io, http, redis: [pub, sub] });
}

version('@socket.io/redis-adapter', import.meta.url);
await run([
  ['connect', async () => {
    await start();
    await start();
    // A server that publishes before the other has subscribed is not heard.
    while (await servers[0].io.of('/').adapter.serverCount() < 2) if (refused) throw refused;
    for (const { http } of [...servers, ...servers]) {
      const client = connect(`http://127.0.0.1:${http.address().port}`, { transports: ['websocket'] });
      clients.push(client);
      await once(client, 'connect');
    }
  }],
  ['broadcast', async () => {
    const heard = Promise.all(clients.map((client) => once(client, 'news')));
    servers[0].io.emit('news', { text: 'ünïcode', bytes: Buffer.from([0, 255]) });
    for (const [{ text, bytes }] of await heard) {
      assert.equal(text, 'ünïcode');
      assert.deepEqual([...bytes], [0, 255]);
    }
  }],
  ['rooms', async () => {
    await Promise.all(clients.slice(0, 2).map((client) => client.emitWithAck('join', 'room')));
    const heard = Promise.all(clients.slice(0, 2).map((client) => once(client, 'said')));
    servers[1].io.to('room').emit('said', 1);
    await heard;
    assert.equal((await servers[1].io.in('room').fetchSockets()).length, 2);
  }],
  ['acknowledgements', async () => {
    for (const [i, client] of clients.entries()) client.on('asks', (done) => done(i));
    assert.deepEqual((await servers[0].io.timeout(5000).emitWithAck('asks')).sort(), [0, 1, 2, 3]);
  }],
  ['between servers', async () => {
    servers[1].io.on('sums', (a, b, done) => done(a + b));
    assert.deepEqual(await servers[0].io.serverSideEmitWithAck('sums', 1, 2), [3]);
  }],
  ['quit', async () => {
    for (const client of clients) client.close();
    for (const { io, redis } of servers) {
      await io.close();
      for (const c of redis) await c.close();
    }
  }],
]);
