// BullMQ, the side that adds jobs. Its scripts take keys of a queue and make up more of them, so before several servers all
// keys of a queue need one hash tag: the prefix in braces, as for a cluster.
import assert from 'node:assert/strict';
import { Queue } from 'bullmq';
import { port, resp, run, version } from './report.mjs';

version('bullmq');
const options = { connection: { host: '127.0.0.1', port, protocol: resp }, prefix: `{bull-resp${resp}}` };
let queue;

await run([
  ['connect', async () => {
    queue = new Queue('mail', options);
    const failed = new Promise((_, reject) => queue.once('error', reject));
    queue.on('error', () => {}); // without a listener the process would end
    await Promise.race([queue.waitUntilReady(), failed]);
  }],
  ['add', async () => {
    const job = await queue.add('greet', { to: 'Ada', text: 'ünïcode' }, { jobId: 'first' });
    assert.equal(job.id, 'first');
  }],
  ['getJob', async () => {
    const job = await queue.getJob('first');
    assert.equal(job.name, 'greet');
    assert.deepEqual(job.data, { to: 'Ada', text: 'ünïcode' });
    assert.equal(await job.getState(), 'waiting');
    assert.equal(await queue.getJob('missing'), undefined);
  }],
  ['add delayed and prioritized', async () => {
    await queue.add('later', { n: 1 }, { delay: 3_600_000 });
    await queue.add('sooner', { n: 2 }, { priority: 3 });
  }],
  ['getJobCounts', async () => {
    const { waiting, delayed, prioritized, active, failed } = await queue.getJobCounts();
    assert.deepEqual({ waiting, delayed, prioritized, active, failed },
      { waiting: 1, delayed: 1, prioritized: 1, active: 0, failed: 0 });
  }],
  ['addBulk', async () => {
    const jobs = await queue.addBulk(Array.from({ length: 50 }, (_, i) => ({ name: 'greet', data: { i } })));
    assert.equal(new Set(jobs.map((job) => job.id)).size, 50);
    assert.equal((await queue.getJobCounts('waiting')).waiting, 51);
  }],
  ['getJobs', async () => {
    const jobs = await queue.getJobs(['waiting'], 0, 9, true);
    assert.equal(jobs[0].id, 'first');
  }],
  ['concurrent', async () => {
    const queues = [0, 1, 2, 3].map((i) => new Queue(`mail${i}`, options));
    await Promise.all(queues.map(async (q, i) => {
      for (let n = 0; n < 10; n++) await q.add('greet', { i, n });
      assert.equal((await q.getJobCounts('waiting')).waiting, 10);
      await q.close();
    }));
  }],
  ['quit', () => queue.close()],
]);
