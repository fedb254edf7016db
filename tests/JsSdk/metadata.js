'use strict';

const assert = require('node:assert');
const { DaprServer, LogLevel } = require('@dapr/dapr');
const { connected, eventually, run } = require('./eventually');

run(async () => {
  const server = new DaprServer({ logger: { level: LogLevel.Error } });
  const { client } = server;
  await server.pubsub.subscribe('pubsub', 'orders', async () => {});
  await server.start();
  await connected();

  assert.strictEqual(await client.health.isHealthy(), true);

  const metadata = await client.metadata.get();
  assert.strictEqual(metadata.id, 'js-app');
  assert.match(metadata.runtimeVersion, /^\d+\.\d+\.\d+$/);
  const store = metadata.components.find(component => component.name === 'statestore');
  assert.deepStrictEqual([store.type, store.version], ['state.sqlite', 'v1']);
  for (const capability of ['ETAG', 'TRANSACTIONAL', 'ACTOR']) assert.ok(store.capabilities.includes(capability), capability);
  assert.deepStrictEqual(metadata.subscriptions.map(({ pubsubname, topic }) => [pubsubname, topic]), [['pubsub', 'orders']]);
  assert.strictEqual(metadata.appConnectionProperties.port, Number(process.env.APP_PORT));

  assert.strictEqual(await client.metadata.set('team', 'Лавка & co'), true);
  assert.strictEqual((await client.metadata.get()).extended.team, 'Лавка & co');

  await client.sidecar.shutdown();
  await eventually(async () => !(await client.health.isHealthy()), 'the end of the sidecar');
});
