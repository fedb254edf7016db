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

  /** Takes events, one after the other: the orders and their users' accounts change together, or not at all. It throws what can pass later. */
  async take(events) {
    if (events.length === 0) return;

    await this.#documents.change(async read => {
      const orders = new Map((await read(events.map(orderKey))).map(document => [document.key, { document, data: document.data }]));
      const changes = [];
      for (const event of events) {
        const order = orders.get(orderKey(event));
        const change = apply(order.data, event);
        if (!change) continue;

        order.data = change.order;
        changes.push(change);
      }

      const users = new Map((await read(changes.map(userKey))).map(document => [document.key, { document, data: document.data }]));
      for (const change of changes) {
        const user = users.get(userKey(change));
        user.data = add(user.data ?? noPoints, change);
      }

      return [...orders.values(), ...users.values()].filter(({ document, data }) => data !== document.data).map(({ document, data }) => [document, data]);
    });
  }
}

function orderKey(event) {
  return keyOf('order', event.data.orderId);
}

function userKey(change) {
  return keyOf('user', change.order.userId);
}

module.exports = { Accounts };
