'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { Documents } = require('../state');

// Leaves the documents out of its first answer.
function stateWithout(leftOut, documents) {
  let answers = 0;
  return {
    getBulk: async (_, keys) => {
      answers++;
      return keys.map(key => answers === 1 && leftOut.includes(key) ? { key } : { key, ...documents[key] });
    },
  };
}

test('what a bulk read left out is asked for again', async () => {
  const documents = new Documents(stateWithout(['b'], { a: { data: 1 }, b: { data: 2 } }));

  assert.deepEqual(await documents.findAll(['a', 'b', 'c']), [1, 2, undefined]);
});

test('a document that is not there is undefined', async () => {
  const documents = new Documents(stateWithout([], {}));

  assert.equal(await documents.find('account-1'), undefined);
});

test('a document that could not be read is an error', async () => {
  const documents = new Documents(stateWithout([], { 'account-1': { error: 'the disk is full' } }));

  await assert.rejects(documents.find('account-1'), /the disk is full/);
});
