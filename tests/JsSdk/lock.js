'use strict';

const assert = require('node:assert');
const { DaprClient, LogLevel } = require('@dapr/dapr');
const { eventually, run } = require('./eventually');

// LockStatus is not exported by the SDK.
const SUCCESS = 0;
const DOES_NOT_EXIST = 1;
const BELONGS_TO_OTHERS = 2;

const { lock } = new DaprClient({ logger: { level: LogLevel.Error } });

run(async () => {
  assert.deepStrictEqual(await lock.lock('locks', 'order', 'ann', 60), { success: true });
  assert.deepStrictEqual(await lock.lock('locks', 'order', 'bob', 60), { success: false });
  assert.deepStrictEqual(await lock.lock('locks', 'order', 'ann', 60), { success: false }, 'a lock is not reentrant');
  assert.deepStrictEqual(await lock.lock('locks', 'other order', 'bob', 60), { success: true });

  assert.deepStrictEqual(await lock.unlock('locks', 'order', 'bob'), { status: BELONGS_TO_OTHERS });
  assert.deepStrictEqual(await lock.unlock('locks', 'order', 'ann'), { status: SUCCESS });
  assert.deepStrictEqual(await lock.unlock('locks', 'order', 'ann'), { status: DOES_NOT_EXIST });
  assert.deepStrictEqual(await lock.lock('locks', 'order', 'bob', 60), { success: true });

  await lock.lock('locks', 'short', 'ann', 1);
  await eventually(async () => (await lock.lock('locks', 'short', 'bob', 60)).success, "the end of ann's lock");
  assert.deepStrictEqual(await lock.unlock('locks', 'short', 'ann'), { status: BELONGS_TO_OTHERS });

  await assert.rejects(lock.lock('nowhere', 'order', 'ann', 60), /ERR_LOCK_STORE_NOT_FOUND.*"status":400/);
  await assert.rejects(lock.lock('locks', 'order', 'ann', 0), /ERR_MALFORMED_REQUEST.*"status":400/);
  await assert.rejects(lock.unlock('locks', '', 'ann'), /ERR_MALFORMED_REQUEST.*"status":400/);
});
