'use strict';

// Every script's clock: how long it waits for one thing, and how long it may take in all.
const PATIENCE_MS = 10_000;
const LIMIT_MS = 30_000;

/** The first answer that is true; fails when none comes. */
async function eventually(ask, what) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${PATIENCE_MS} ms for ${what}.`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/** Waits until the app's subscriptions, bindings and actors are active: from then on Lavka's sidecar is healthy. */
function connected() {
  const health = `http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0/healthz`;
  return eventually(async () => (await fetch(health)).ok, 'the sidecar to be connected to the app');
}

/** Runs a script's test. It ends the process, as the SDK would keep connections open. */
function run(test) {
  setTimeout(() => end(new Error(`It was not done after ${LIMIT_MS} ms.`)), LIMIT_MS);
  test().then(() => process.exit(0), end);
}

function end(error) {
  console.error(error);
  process.exit(1);
}

module.exports = { eventually, connected, run };
