'use strict';

const { setTimeout: delay } = require('node:timers/promises');
const { StateConcurrencyEnum } = require('@dapr/dapr');
const { add, apply, noPoints } = require('./points');

const store = 'statestore';

/** The orders' and users' documents in the state store. */
class Accounts {
  #state;

  /** @param state The SDK's state client. */
  constructor(state) {
    this.#state = state;
  }

  /** A user's points, and how many orders earned them. */
  async find(userId) {
    return (await this.#read(keyOf('user', userId))).data ?? noPoints;
  }

  /** Takes an event: the order and its user's account change together, or not at all. It throws what can pass later. */
  async take(event) {
    for (let failed, attempt = 1; ; attempt++) {
      const order = await this.#read(keyOf('order', event.data.orderId));
      const change = apply(order.data, event);
      if (!change) return;

      const account = await this.#read(keyOf('user', change.order.userId));

      // Dapr tells an ETag conflict in a transaction as a plain failure: it was one if somebody has saved meanwhile.
      const etags = `${order.etag} ${account.etag}`;
      if (failed?.etags === etags) throw failed.error;

      try {
        await this.#state.transaction(store, [upsert(order, change.order), upsert(account, add(account.data ?? noPoints, change))]);
        return;
      } catch (error) {
        failed = { error, etags };
      }

      // Whoever else wants the account tries again, too.
      await delay(Math.random() * 5 * Math.min(attempt, 10));
    }
  }

  // state.get knows no ETags over HTTP, getBulk does.
  async #read(key) {
    const [item] = await this.#state.getBulk(store, [key]);
    if (item.error) throw new Error(item.error);
    return { key, data: item.data ?? undefined, etag: item.etag };
  }
}

function upsert({ key, etag }, value) {
  // Without an ETag, the first write is one that finds no document.
  return { operation: 'upsert', request: { key, value, etag, options: { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE } } };
}

/** Dapr has || in its own keys, and takes none that has it. */
function keyOf(kind, id) {
  return `${kind}-${id.replace(/[%|]/g, encodeURIComponent)}`;
}

module.exports = { Accounts };
