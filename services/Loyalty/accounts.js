'use strict';

const { add, apply, noPoints } = require('./points');
const { keyOf } = require('./state');

/** The orders' and users' documents in the state store. */
class Accounts {
  #documents;

  constructor(documents) {
    this.#documents = documents;
  }

  /** A user's points, and how many orders earned them. */
  async find(userId) {
    return (await this.#documents.find(keyOf('user', userId))) ?? noPoints;
  }

  /** Takes an event: the order and its user's account change together, or not at all. It throws what can pass later. */
  take(event) {
    return this.#documents.change(async read => {
      const order = await read(keyOf('order', event.data.orderId));
      const change = apply(order.data, event);
      if (!change) return [];

      const account = await read(keyOf('user', change.order.userId));
      return [[order, change.order], [account, add(account.data ?? noPoints, change)]];
    });
  }
}

module.exports = { Accounts };
