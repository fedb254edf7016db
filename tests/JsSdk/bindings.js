'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { DaprServer, LogLevel } = require('@dapr/dapr');
const { eventually, run } = require('./eventually');

const server = new DaprServer({ logger: { level: LogLevel.Error } });
const { binding } = server.client;
let ticks = 0;

run(async () => {
  const express = server.getDaprClient().getServer();
  express.get('/books/1', (_, answer) => answer.json({ title: 'Война и мир' }));
  express.post('/books', (request, answer) => answer.status(201).json({ added: request.body, by: request.headers['x-customer'] }));
  await server.binding.receive('ticks', async () => { ticks++; });
  await server.start();

  await filesAreWrittenAndRead();
  await theWebIsCalled();
  await failuresAreTold();
  await eventually(() => ticks >= 2, 'two ticks of the input binding');
});

async function filesAreWrittenAndRead() {
  const fileName = 'notes/today.txt';

  assert.deepStrictEqual(await binding.send('files', 'create', 'some words', { fileName }), { fileName });
  assert.strictEqual(fs.readFileSync(path.join(process.env.DATA_PATH, 'files', fileName), 'utf8'), 'some words');
  assert.strictEqual(await binding.send('files', 'get', undefined, { fileName }), 'some words');

  await binding.send('files', 'create', { pages: 2 }, { fileName: 'book.json' });
  assert.deepStrictEqual(await binding.send('files', 'get', undefined, { fileName: 'book.json' }), { pages: 2 });

  const listed = (await binding.send('files', 'list')).map(file => path.basename(file));
  assert.deepStrictEqual(listed.sort(), ['book.json', 'today.txt']);

  assert.strictEqual(await binding.send('files', 'delete', undefined, { fileName }), '');
  await assert.rejects(binding.send('files', 'get', undefined, { fileName }), /ERR_INVOKE_OUTPUT_BINDING.*file not found.*"status":500/);
}

async function theWebIsCalled() {
  assert.deepStrictEqual(await binding.send('web', 'get', undefined, { path: '/books/1' }), { title: 'Война и мир' });
  assert.deepStrictEqual(await binding.send('web', 'post', { title: 'Ася' }, { path: '/books', 'X-Customer': 'ann' }), { added: { title: 'Ася' }, by: 'ann' });
  await assert.rejects(binding.send('web', 'get', undefined, { path: '/missing' }), /ERR_INVOKE_OUTPUT_BINDING.*received status code 404.*"status":500/);
  assert.match(await binding.send('web', 'get', undefined, { path: '/missing', errorIfNot2XX: 'false' }), /Cannot GET \/missing/);
}

async function failuresAreTold() {
  await assert.rejects(binding.send('nowhere', 'create', 1), /find output binding nowhere.*"status":500/);
  await assert.rejects(binding.send('files', 'copy', 1), /does not support operation copy.*"status":500/);
  await assert.rejects(binding.send('ticks', 'create', 1), /find output binding ticks.*"status":500/);
}
