'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { Documents } = require('../state');

const stateOf = (bulk, single) => ({ getBulk: async (_, keys) => keys.map(key => ({ key, ...bulk[key] })), get: async (_, key) => single[key] ?? '' });

test('a document that a bulk read left out is no missing document', async () => {
  const documents = new Documents(stateOf({}, { 'account-1': { points: 3 } }));

  await assert.rejects(documents.find('account-1'), /account-1/);
});

test('a document that is not there is undefined', async () => {
  const documents = new Documents(stateOf({}, {}));

  assert.equal(await documents.find('account-1'), undefined);
});

test('a document that could not be read is an error', async () => {
  const documents = new Documents(stateOf({ 'account-1': { error: 'the disk is full' } }, {}));

  await assert.rejects(documents.find('account-1'), /the disk is full/);
});
