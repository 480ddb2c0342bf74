// BullMQ as an application: a queue, a worker with its blocking connection, events on a stream, a flow; ../../doc.go tells how. Its
// scripts make up keys from a queue's name, so before several servers all keys of a queue need one hash tag, as for a cluster.
import assert from 'node:assert/strict';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { port, resp, run, version } from '../report.mjs';

const options = { connection: { host: '127.0.0.1', port, protocol: resp }, prefix: `{bullmq-worker-resp${resp}}` };
const all = []; // what has to be closed
const open = (what) => {
  what.on('error', () => {}); // without a listener the process would end
  all.push(what);
  return what;
};
let queue;
let events;

version('bullmq', import.meta.url);
await run([
  ['connect', async () => {
    queue = open(new Queue('sums', options));
    events = open(new QueueEvents('sums', options));
    open(new Worker('sums', async (job) => {
      if (job.name === 'fails' && job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
      await job.updateProgress(50);
      const children = Object.values(await job.getChildrenValues());
      return children.reduce((sum, n) => sum + n, job.data.a + job.data.b);
    }, { ...options, concurrency: 4 }));
    await events.waitUntilReady();
    const job = await queue.add('sum', { a: 1, b: 2 });
    assert.equal(await job.waitUntilFinished(events, 10_000), 3);
  }],
  ['50 jobs with results', async () => {
    const jobs = await queue.addBulk(Array.from({ length: 50 }, (_, i) => ({ name: 'sum', data: { a: i, b: i } })));
    const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 10_000)));
    assert.deepEqual(results, Array.from({ length: 50 }, (_, i) => 2 * i));
  }],
  ['delayed, prioritized', async () => {
    const jobs = [await queue.add('sum', { a: 1, b: 1 }, { delay: 100 }), await queue.add('sum', { a: 2, b: 2 }, { priority: 3 })];
    assert.deepEqual(await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 10_000))), [2, 4]);
  }],
  ['retries', async () => {
    const job = await queue.add('fails', { a: 4, b: 4 }, { attempts: 3, backoff: 10 });
    assert.equal(await job.waitUntilFinished(events, 10_000), 8);
    const failed = await queue.add('fails', { a: 4, b: 4 }, { attempts: 1 });
    await assert.rejects(failed.waitUntilFinished(events, 10_000), /attempt 0/);
    assert.equal((await queue.getJobCounts('failed')).failed, 1);
  }],
  ['flow', async () => {
    const flows = open(new FlowProducer(options));
    const { job } = await flows.add({
      name: 'sum', queueName: 'sums', data: { a: 0, b: 0 },
      children: [1, 2, 3].map((n) => ({ name: 'sum', queueName: 'sums', data: { a: n, b: n } })),
    });
    assert.equal(await job.waitUntilFinished(events, 10_000), 12);
  }],
  ['scheduler', async () => {
    await queue.upsertJobScheduler('often', { every: 50 }, { name: 'sum', data: { a: 1, b: 1 } });
    await new Promise((resolve) => {
      let n = 0;
      events.on('completed', () => { if (++n === 3) resolve(); });
    });
    assert.equal(await queue.removeJobScheduler('often'), true);
  }],
  ['pause, clean', async () => {
    await queue.pause();
    assert.equal(await queue.isPaused(), true);
    await queue.resume();
    assert.ok((await queue.clean(0, 1000, 'completed')).length >= 50);
  }],
  ['quit', () => Promise.all(all.reverse().map((what) => what.close()))],
]);
