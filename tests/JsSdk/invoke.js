'use strict';

const assert = require('node:assert');
const { DaprServer, HttpMethod, LogLevel } = require('@dapr/dapr');
const { run } = require('./eventually');

const server = new DaprServer({ logger: { level: LogLevel.Error } });
const { invoker } = server.client;

run(async () => {
  // A listener cannot choose its status or content type; the Express app below it can.
  const express = server.getDaprClient().getServer();
  express.get('/words', (_, answer) => answer.type('text').send('plain words'));
  express.get('/nothing', (_, answer) => answer.status(204).end());
  express.post('/refuse', (_, answer) => answer.status(409).json({ problem: 'sold out' }));
  for (const method of Object.values(HttpMethod)) await server.invoker.listen('shop/echo', async request => ({ method, ...request }), { method });
  await server.invoker.listen('silent', async () => undefined);
  await server.start();

  for (const method of Object.values(HttpMethod)) await itReachesTheListener(method);
  await otherBodiesAreKept();
  await otherAnswersAreKept();
  await failuresAreTold();
});

async function itReachesTheListener(method) {
  const data = method === HttpMethod.GET ? undefined : { book: 'Война и мир', pages: [1, 2] };

  const answer = await invoker.invoke('js-app', 'shop/echo?size=2&q=a%20b', method, data, { headers: { 'x-customer': 'ann' } });

  assert.strictEqual(answer.method, method);
  assert.strictEqual(answer.query, '/shop/echo?size=2&q=a%20b');
  assert.strictEqual(answer.headers['x-customer'], 'ann');
  assert.deepStrictEqual(JSON.parse(answer.body), data ?? {});
  assert.strictEqual(answer.metadata.contentType, data && 'application/json');
}

async function otherBodiesAreKept() {
  const text = await invoker.invoke('js-app', 'shop/echo', HttpMethod.POST, 'plain words');
  assert.deepStrictEqual([JSON.parse(text.body), text.metadata.contentType], ['plain words', 'text/plain']);

  const bytes = await invoker.invoke('js-app', 'shop/echo', HttpMethod.POST, Buffer.from([0, 255, 10]));
  assert.deepStrictEqual([JSON.parse(bytes.body).data, bytes.metadata.contentType], [[0, 255, 10], 'application/octet-stream']);

  const large = 'x'.repeat(1_000_000);
  assert.strictEqual(JSON.parse((await invoker.invoke('js-app', 'shop/echo', HttpMethod.PUT, { large })).body).large, large);
}

async function otherAnswersAreKept() {
  assert.strictEqual(await invoker.invoke('js-app', 'words'), 'plain words');
  assert.strictEqual(await invoker.invoke('js-app', 'nothing'), '');
  assert.deepStrictEqual(await invoker.invoke('js-app', 'silent'), { closed: true });
}

async function failuresAreTold() {
  await assert.rejects(invoker.invoke('js-app', 'refuse', HttpMethod.POST, {}), /"error":"Conflict".*sold out.*"status":409/);
  await assert.rejects(invoker.invoke('js-app', 'missing'), /"status":404/);
  await assert.rejects(invoker.invoke('js-app', 'silent', HttpMethod.POST, {}), /"status":404/);
  await assert.rejects(invoker.invoke('nobody', 'words'), /ERR_DIRECT_INVOKE.*"status":500/);
}
