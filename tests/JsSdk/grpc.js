'use strict';

// The SDK over gRPC, as client and as server: the app serves AppCallback, and asks its sidecar by gRPC alone.
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { CommunicationProtocolEnum, DaprServer, HttpMethod, StateConcurrencyEnum } = require('@dapr/dapr');
const { connected, eventually, run } = require('./eventually');

const grpc = { communicationProtocol: CommunicationProtocolEnum.GRPC, logger: { level: -1 } };
const server = new DaprServer({
  serverPort: process.env.APP_PORT,
  clientOptions: { ...grpc, daprPort: process.env.DAPR_GRPC_PORT },
  ...grpc,
});
const { client } = server;
const events = [];
let ticks = 0;

run(async () => {
  await server.pubsub.subscribe('pubsub', 'orders', async data => { events.push(data); });
  await server.invoker.listen('double', async ({ body }) => ({ doubled: JSON.parse(body).number * 2 }), { method: HttpMethod.POST });
  await server.binding.receive('ticks', async () => { ticks++; });
  await server.start();
  await connected();

  await stateIsKept();
  await eventsArrive();
  await theAppIsInvoked();
  await secretsAreRead();
  await locksAreTaken();
  await configurationIsReadAndFollowed();
  await filesAreWritten();
  await metadataIsSet();
  await eventually(() => ticks >= 1, 'a tick of the input binding');
});

async function stateIsKept() {
  const { state } = client;
  await state.save('statestore', [{ key: 'a', value: { n: 1 } }, { key: 'b', value: 'two' }]);
  assert.deepStrictEqual(await state.get('statestore', 'a'), { n: 1 });
  const items = await state.getBulk('statestore', ['a', 'b', 'c']);
  assert.deepStrictEqual(items.map(item => item.key).sort(), ['a', 'b', 'c']);

  const conflict = { key: 'a', value: 3, etag: 'old', options: { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE } };
  await assert.rejects(state.save('statestore', [conflict]), /etag mismatch/);

  await state.transaction('statestore', [
    { operation: 'upsert', request: { key: 'a', value: '4' } },
    { operation: 'delete', request: { key: 'b' } },
  ]);
  assert.strictEqual(await state.get('statestore', 'a'), 4);
  assert.strictEqual(await state.get('statestore', 'b'), '');
}

async function eventsArrive() {
  const { pubsub } = client;
  assert.deepStrictEqual(await pubsub.publish('pubsub', 'orders', { id: 7 }), {});
  await pubsub.publishBulk('pubsub', 'orders', [{ id: 8 }, { id: 9 }]);
  await eventually(() => events.length === 3, 'three events');
  assert.deepStrictEqual(events.map(event => event.id), [7, 8, 9]);
  await assert.rejects(pubsub.publish('nowhere', 'orders', {}), ({ error }) => /pubsub nowhere is not found/.test(error.message));
}

async function theAppIsInvoked() {
  assert.deepStrictEqual(await client.invoker.invoke('js-app', 'double', HttpMethod.POST, { number: 21 }), { doubled: 42 });
  await assert.rejects(client.invoker.invoke('nobody', 'double', HttpMethod.POST, {}), /nobody/);
}

async function secretsAreRead() {
  assert.deepStrictEqual(await client.secret.get('vault', 'token'), { token: 'abc' });
  await assert.rejects(client.secret.get('vault', 'missing'), /failed getting secret with key missing/);
}

async function locksAreTaken() {
  assert.deepStrictEqual(await client.lock.lock('locks', 'order', 'ann', 60), { success: true });
  assert.deepStrictEqual(await client.lock.lock('locks', 'order', 'bob', 60), { success: false });
  assert.strictEqual((await client.lock.unlock('locks', 'order', 'ann')).status, 0);
}

async function configurationIsReadAndFollowed() {
  const { configuration } = client;
  assert.strictEqual((await configuration.get('settings', ['greeting'])).items.greeting.value, 'hello');

  const told = [];
  const stream = await configuration.subscribeWithKeys('settings', ['colour'], async change => { told.push(change.items); });
  const file = path.join(process.env.DATA_PATH, 'configuration', 'settings.yaml');
  await eventually(() => {
    // Again and again: what is written before the stream stands is nothing new.
    fs.writeFileSync(file, `greeting: hello||1\ncolour: red-${Date.now()}\n`);
    return told.some(items => items.colour?.value.startsWith('red'));
  }, 'the new colour');
  stream.stop();
}

async function filesAreWritten() {
  await client.binding.send('files', 'create', 'a text', { fileName: 'grpc.txt' });
  assert.match(fs.readFileSync(path.join(process.env.DATA_PATH, 'files', 'grpc.txt'), 'utf8'), /a text/);
}

async function metadataIsSet() {
  assert.ok(await client.metadata.set('colour', 'green'));
  const metadata = await client.metadata.get();
  assert.strictEqual(metadata.id, 'js-app');
}
