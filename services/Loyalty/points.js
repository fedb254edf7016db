'use strict';

/** The events that points depend on. */
const types = ['order.paid', 'order.cancelled', 'order.returned'];

/** The account of a user without an order. */
const noPoints = { points: 0, orders: 0 };

/**
 * What an event makes of its order, and by how much it changes the user's account; undefined: it changes nothing. An order earns once, when it is paid, and
 * nothing any more once it is off, in whatever order the events come and however often.
 */
function apply(order, { type, data }) {
  if (type === 'order.paid') {
    const points = Math.floor(data.total);
    return order ? undefined : { order: { userId: data.userId, status: 'paid', points }, points, orders: 1 };
  }

  // An order that was never paid is kept as off, for an order.paid that the event has overtaken.
  if (order?.status === 'off') return undefined;
  return { order: { userId: order?.userId ?? data.userId, status: 'off', points: 0 }, points: -(order?.points ?? 0), orders: order ? -1 : 0 };
}

/** An account after a change. */
function add(account, change) {
  return { points: account.points + change.points, orders: account.orders + change.orders };
}

module.exports = { types, noPoints, apply, add };
