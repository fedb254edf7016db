'use strict';

// The SDK has no jobs; its app can still take them.
const assert = require('node:assert');
const { DaprServer, LogLevel } = require('@dapr/dapr');
const { connected, eventually, run } = require('./eventually');

const api = `http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0-alpha1/jobs`;
const fired = { once: [], thrice: [], stubborn: [], removed: [] };

run(async () => {
  const server = new DaprServer({ logger: { level: LogLevel.Error } });
  assert.strictEqual(server.client.jobs, undefined);
  server.getDaprClient().getServer().post('/job/:name', ({ params, body }, answer) => {
    const times = fired[params.name].push(body);
    answer.sendStatus(params.name === 'stubborn' && times < 3 ? 500 : 200);
  });
  await server.start();
  await connected();

  await aJobFiresWithItsData();
  await aJobRepeats();
  await aFailedJobComesAgain();
  await aJobCanBeReadReplacedAndRemoved();
  await mistakesAreTold();
});

async function aJobFiresWithItsData() {
  assert.strictEqual((await post('once', { dueTime: '100ms', data: { order: 7, note: 'срочно' } })).status, 204);

  await eventually(() => fired.once.length, 'the job');
  await eventually(async () => (await fetch(`${api}/once`)).status === 500, 'the job to be gone');
  assert.deepStrictEqual(fired.once, [{ order: 7, note: 'срочно' }]);
}

async function aJobRepeats() {
  await post('thrice', { schedule: '@every 1s', dueTime: '0s', repeats: 3 });

  await eventually(async () => (await fetch(`${api}/thrice`)).status === 500, 'the last time');
  assert.strictEqual(fired.thrice.length, 3);
}

async function aFailedJobComesAgain() {
  await post('stubborn', { dueTime: '0s', data: [1, 2], failurePolicy: { constant: { interval: '0.1s', maxRetries: 5 } } });

  await eventually(() => fired.stubborn.length === 3, 'the third try');
  assert.deepStrictEqual(fired.stubborn, [[1, 2], [1, 2], [1, 2]]);
}

async function aJobCanBeReadReplacedAndRemoved() {
  assert.strictEqual((await post('removed', { schedule: '@every 1h', data: 'words' })).status, 204);
  assert.strictEqual((await post('removed', { schedule: '@every 2h' })).status, 409);
  assert.strictEqual((await post('removed', { schedule: '@every 2h', data: { n: 1 }, overwrite: true })).status, 204);

  const job = await (await fetch(`${api}/removed`)).json();
  assert.deepStrictEqual([job.name, job.schedule, job.data.value], ['removed', '@every 2h', { n: 1 }]);

  assert.strictEqual((await fetch(`${api}/removed`, { method: 'DELETE' })).status, 204);
  assert.strictEqual((await (await fetch(`${api}/removed`)).json()).errorCode, 'DAPR_SCHEDULER_GET_JOB');
  assert.deepStrictEqual(fired.removed, []);
}

async function mistakesAreTold() {
  assert.strictEqual((await (await post('wrong', {})).json()).errorCode, 'DAPR_SCHEDULER_SCHEDULE_EMPTY');
  assert.strictEqual((await (await post('wrong', { schedule: 'now and then' })).json()).errorCode, 'DAPR_SCHEDULER_SCHEDULE_JOB');
}

function post(name, job) {
  return fetch(`${api}/${name}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(job) });
}
