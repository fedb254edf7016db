'use strict';

const assert = require('node:assert');
const { DaprClient, StateConcurrencyEnum, StateConsistencyEnum } = require('@dapr/dapr');
const { eventually, run } = require('./eventually');

// Failures that the tests want are not to be printed: -1 is below LogLevel.Error.
const client = new DaprClient({ logger: { level: -1 } });
const firstWrite = { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE };
const strong = { consistency: StateConsistencyEnum.CONSISTENCY_STRONG };

run(async () => {
  for (const store of ['statestore', 'memory']) {
    await anyJsonIsKept(store);
    await manyKeysAreReadAtOnce(store);
    await anOldEtagIsRefused(store);
    await firstWriteNeedsThatThereIsNothing(store);
    await ttlEnds(store);
    await aTransactionIsAllOrNothing(store);
    await mistakesAreTold(store);
  }
});

async function anyJsonIsKept(store) {
  const values = { object: { a: [1, { b: null }] }, list: [1, 'two', null], text: 'Привет ☃', number: 12.5, yes: true, no: false, zero: 0, nothing: null };
  const items = Object.entries(values).map(([key, value]) => ({ key, value, options: strong }));

  assert.deepStrictEqual(await client.state.save(store, items), {});

  for (const [key, value] of Object.entries(values)) assert.deepStrictEqual(await client.state.get(store, key, strong), value, key);
  assert.strictEqual(await client.state.get(store, 'missing'), '');
  assert.deepStrictEqual(await client.state.delete(store, 'text'), {});
  assert.strictEqual(await client.state.get(store, 'text'), '');

  await client.state.save(store, [{ key: 'a key: ключ', value: 1 }]);
  assert.strictEqual(await client.state.get(store, 'a key: ключ'), 1);
}

async function manyKeysAreReadAtOnce(store) {
  await client.state.save(store, [{ key: 'one', value: 1 }, { key: 'two', value: { n: 2 } }]);

  const items = byKey(await client.state.getBulk(store, ['one', 'two', 'three'], { parallelism: 2 }));

  assert.deepStrictEqual([items.one.data, items.two.data, items.three.data], [1, { n: 2 }, undefined]);
}

async function anOldEtagIsRefused(store) {
  await client.state.save(store, [{ key: 'versioned', value: 1 }]);
  const old = await etagOf(store, 'versioned');
  assert.deepStrictEqual(await client.state.save(store, [{ key: 'versioned', value: 2, etag: old, options: firstWrite }]), {});

  assertFailed(await client.state.save(store, [{ key: 'versioned', value: 3, etag: old, options: firstWrite }]), 409, 'ERR_STATE_SAVE');
  assertFailed(await client.state.delete(store, 'versioned', { etag: old, ...firstWrite }), 409, 'ERR_STATE_DELETE');
  assert.strictEqual(await client.state.get(store, 'versioned'), 2);

  assert.deepStrictEqual(await client.state.delete(store, 'versioned', { etag: await etagOf(store, 'versioned'), ...firstWrite }), {});
  assert.strictEqual(await client.state.get(store, 'versioned'), '');
}

async function firstWriteNeedsThatThereIsNothing(store) {
  // A new item each time: the SDK changes the one it is given.
  const save = () => client.state.save(store, [{ key: 'first', value: 1, options: firstWrite }]);

  assert.deepStrictEqual(await save(), {});
  assertFailed(await save(), 409, 'ERR_STATE_SAVE');
}

async function ttlEnds(store) {
  await client.state.save(store, [{ key: 'own ttl', value: 1, metadata: { ttlInSeconds: '1' } }]);
  await client.state.save(store, [{ key: 'ttl of the request', value: 1 }], { metadata: { ttlInSeconds: '1' } });

  assert.strictEqual(await client.state.get(store, 'own ttl'), 1);
  for (const key of ['own ttl', 'ttl of the request']) await eventually(async () => (await client.state.get(store, key)) === '', `the end of '${key}'`);
}

async function aTransactionIsAllOrNothing(store) {
  await client.state.save(store, [{ key: 'stock', value: 5 }, { key: 'cart', value: ['book'] }]);
  const old = await etagOf(store, 'stock');

  await client.state.transaction(store, [
    { operation: 'upsert', request: { key: 'stock', value: 4, etag: old, options: firstWrite } },
    { operation: 'upsert', request: { key: 'order', value: { items: 1 }, metadata: { ttlInSeconds: '60' } } },
    { operation: 'delete', request: { key: 'cart' } },
  ]);
  const items = byKey(await client.state.getBulk(store, ['stock', 'order', 'cart']));
  assert.deepStrictEqual([items.stock.data, items.order.data, items.cart.data], [4, { items: 1 }, undefined]);

  await assert.rejects(client.state.transaction(store, [
    { operation: 'delete', request: { key: 'order' } },
    { operation: 'upsert', request: { key: 'stock', value: 3, etag: old, options: firstWrite } },
  ]), failure(500, 'ERR_STATE_TRANSACTION'));
  assert.deepStrictEqual(await client.state.get(store, 'order'), { items: 1 });
  assert.strictEqual(await client.state.get(store, 'stock'), 4);
}

async function mistakesAreTold(store) {
  assertFailed(await client.state.save('nowhere', [{ key: 'k', value: 1 }]), 400, 'ERR_STATE_STORE_NOT_FOUND');
  assertFailed(await client.state.save(store, [{ key: '', value: 1 }]), 400, 'ERR_MALFORMED_REQUEST');
  assertFailed(await client.state.save(store, [{ key: 'k', value: 1, metadata: { ttlInSeconds: 'soon' } }]), 500, 'ERR_STATE_SAVE');
  await assert.rejects(client.state.get('nowhere', 'k'), failure(400, 'ERR_STATE_STORE_NOT_FOUND'));
  await assert.rejects(client.state.get(store, 'a||b'), failure(400, 'ERR_MALFORMED_REQUEST'));
  await assert.rejects(client.state.query(store, { filter: {} }), failure(500, 'ERR_STATE_STORE_NOT_SUPPORTED'));
}

async function etagOf(store, key) {
  return (await client.state.getBulk(store, [key]))[0].etag;
}

function byKey(items) {
  return Object.fromEntries(items.map(item => [item.key, item]));
}

// Saving and deleting do not throw: the SDK hands back the error.
function assertFailed(answer, status, code) {
  assert.match(String(answer.error), failure(status, code));
}

function failure(status, code) {
  return new RegExp(`${code}.*"status":${status}`);
}
