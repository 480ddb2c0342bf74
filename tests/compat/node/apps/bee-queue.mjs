// Bee-Queue as an application: a queue, a worker and events by pub/sub; ../../doc.go tells how. Before several servers the keys of a
// queue need one hash tag, as for a cluster: the prefix in braces.
import assert from 'node:assert/strict';
import Queue from 'bee-queue';
import { port, run, version } from '../report.mjs';

const options = { redis: { host: '127.0.0.1', port }, prefix: '{bee-queue-resp2}', activateDelayedJobs: true };
let queue;
let worker;

const finished = (job) => new Promise((resolve, reject) => {
  job.on('succeeded', resolve);
  job.on('failed', reject);
});

async function result(data, set = (job) => job) {
  const job = set(queue.createJob(data));
  const done = finished(job);
  done.catch(() => {}); // it may fail while save has not returned
  await job.save();
  return done;
}

version('bee-queue', import.meta.url);
await run([
  ['connect', async () => {
    queue = new Queue('sums', { ...options, isWorker: false });
    worker = new Queue('sums', { ...options, getEvents: false });
    queue.on('error', () => {});
    worker.on('error', () => {});
    await Promise.all([queue.ready(), worker.ready()]);
    worker.process(4, async (job) => {
      if (job.data.fails) throw new Error('as it should');
      job.reportProgress(50);
      return job.data.a + job.data.b;
    });
    assert.equal(await result({ a: 1, b: 2 }), 3);
  }],
  ['50 jobs with results', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, (_, i) => result({ a: i, b: i })));
    assert.deepEqual(results, Array.from({ length: 50 }, (_, i) => 2 * i));
  }],
  ['an exception', async () => {
    await assert.rejects(result({ fails: true }), /as it should/);
    assert.equal((await queue.checkHealth()).failed, 1);
  }],
  ['delayed', async () => {
    assert.equal(await result({ a: 2, b: 2 }, (job) => job.delayUntil(Date.now() + 100)), 4);
  }],
  ['checkHealth', async () => {
    const { waiting, active, succeeded } = await queue.checkHealth();
    assert.deepEqual({ waiting, active, succeeded }, { waiting: 0, active: 0, succeeded: 52 });
  }],
  ['quit', () => Promise.all([queue.close(), worker.close()])],
]);
