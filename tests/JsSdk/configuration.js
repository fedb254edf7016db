'use strict';

// Over HTTP the SDK has no configuration; its app can still be told of changes.
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { DaprServer, LogLevel } = require('@dapr/dapr');
const { connected, eventually, run } = require('./eventually');

const api = `http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0/configuration`;
const file = path.join(process.env.DATA_PATH, 'configuration', 'settings.yaml');
const told = [];

run(async () => {
  const server = new DaprServer({ logger: { level: LogLevel.Error } });
  server.getDaprClient().getServer().post('/configuration/:store/:key', ({ params, body }, answer) => {
    told.push({ store: params.store, key: params.key, ...body });
    answer.sendStatus(200);
  });
  await server.start();
  await connected();

  await theSdkSaysThatItCannot(server.client.configuration);
  await itemsAreRead();
  await changesAreTold();
  await mistakesAreTold();
});

async function theSdkSaysThatItCannot(configuration) {
  const notSupported = { name: 'HTTPNotSupportedError' };
  await assert.rejects(configuration.get('settings', ['greeting']), notSupported);
  await assert.rejects(configuration.subscribe('settings', async () => {}), notSupported);
  await assert.rejects(configuration.subscribeWithKeys('settings', ['greeting'], async () => {}), notSupported);
  await assert.rejects(configuration.subscribeWithMetadata('settings', ['greeting'], {}, async () => {}), notSupported);
}

async function itemsAreRead() {
  const [greeting, colour] = [{ value: 'hello', version: '1' }, { value: 'green' }];
  assert.deepStrictEqual(await get('settings'), { greeting, colour });
  assert.deepStrictEqual(await get('settings?key=greeting&key=missing'), { greeting });
  assert.strictEqual((await fetch(`${api}/settings?key=missing`)).status, 204);
}

async function changesAreTold() {
  const { id: one } = await get('settings/subscribe?key=greeting');
  const { id: all } = await get('settings/subscribe');

  fs.writeFileSync(file, 'greeting: bonjour||2\ncolour: blue\n');
  await eventually(() => told.length === 3, 'the changes');
  const greeting = { value: 'bonjour', version: '2' };
  assert.deepStrictEqual(of(one), [{ store: 'settings', key: 'greeting', id: one, items: { greeting } }]);
  assert.deepStrictEqual(of(all).map(change => change.items).sort(byName), [{ colour: { value: 'blue' } }, { greeting }]);

  // Who subscribed first is told first: when the second one knows, the first one would.
  assert.deepStrictEqual(await get(`settings/${one}/unsubscribe`), { ok: true });
  fs.writeFileSync(file, 'colour: blue\n');
  await eventually(() => of(all).length === 3, 'the removal');
  assert.deepStrictEqual(of(all)[2].items, { greeting: {} });
  assert.strictEqual(of(one).length, 1);
}

async function mistakesAreTold() {
  assert.strictEqual((await get('nowhere')).errorCode, 'ERR_CONFIGURATION_STORE_NOT_FOUND');
  assert.match((await get('settings/nobody/unsubscribe')).message, /failed to unsubscribe/);
}

async function get(what) {
  return (await fetch(`${api}/${what}`)).json();
}

function of(id) {
  return told.filter(change => change.id === id);
}

function byName(one, other) {
  return Object.keys(one)[0].localeCompare(Object.keys(other)[0]);
}
