'use strict';

const assert = require('node:assert');
const { DaprClient, LogLevel } = require('@dapr/dapr');
const { run } = require('./eventually');

const client = new DaprClient({ logger: { level: LogLevel.Error } });

run(async () => {
  assert.deepStrictEqual(await client.secret.get('environment', 'WORD'), { WORD: 'sesame' });
  assert.deepStrictEqual(await client.secret.get('environment', 'MISSING'), { MISSING: '' });
  assert.deepStrictEqual(await client.secret.getBulk('environment'), { WORD: { WORD: 'sesame' } });

  assert.deepStrictEqual(await client.secret.get('vault', 'token', 'metadata.version_id=1'), { token: 'abc' });
  assert.deepStrictEqual(await client.secret.get('vault', 'database:password'), { 'database:password': 'пароль' });
  assert.deepStrictEqual(await client.secret.getBulk('vault'), { token: { token: 'abc' }, 'database:password': { 'database:password': 'пароль' } });

  await assert.rejects(client.secret.get('vault', 'missing'), /ERR_SECRET_GET.*"status":500/);
  await assert.rejects(client.secret.get('nowhere', 'token'), /ERR_SECRET_STORE_NOT_FOUND.*"status":401/);
  await assert.rejects(client.secret.getBulk('nowhere'), /ERR_SECRET_STORE_NOT_FOUND.*"status":401/);
});
