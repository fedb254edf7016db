'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { add, apply, noPoints } = require('../points');

const paid = event('order.paid', { lines: [{ productId: 'p', quantity: 1, price: 12.99 }], total: 12.99 });
const cancelled = event('order.cancelled', { reason: 'the customer asked for it' });
const returned = event('order.returned', { reason: 'nobody was at home' });

test('A paid order earns a point for every whole unit of its total', () => {
  for (const [total, points] of [[12.99, 12], [12, 12], [0.99, 0], [0, 0]]) {
    assert.deepStrictEqual(accountAfter([event('order.paid', { total })]), { points, orders: 1 });
  }
});

test('Whatever the order of the events, and however often they come, an order earns once, and nothing when it is off', () => {
  const duplicated = [paid, paid, cancelled, cancelled, returned, returned];
  for (const events of subsetsOf(duplicated)) {
    const isOff = events.includes(cancelled) || events.includes(returned);
    const expected = events.includes(paid) && !isOff ? { points: 12, orders: 1 } : noPoints;
    for (const interleaving of permutationsOf(events)) {
      assert.deepStrictEqual(accountAfter(interleaving), expected, interleaving.map(({ type }) => type).join(', '));
    }
  }
});

test('An event that changes nothing writes nothing', () => {
  const { order } = apply(undefined, paid);
  const { order: off } = apply(order, cancelled);

  assert.strictEqual(apply(order, paid), undefined);
  for (const late of [paid, cancelled, returned]) assert.strictEqual(apply(off, late), undefined);
});

test('The points of an order go from whom they went to', () => {
  const { order } = apply(undefined, paid);

  assert.strictEqual(apply(order, { ...cancelled, data: { ...cancelled.data, userId: 'somebody else' } }).order.userId, 'ann');
});

function event(type, data) {
  return { type, data: { orderId: 'o-1', userId: 'ann', ...data } };
}

function accountAfter(events) {
  let [order, account] = [undefined, noPoints];
  for (const event of events) {
    const change = apply(order, event);
    if (change) [order, account] = [change.order, add(account, change)];
  }

  return account;
}

function subsetsOf([first, ...rest]) {
  if (!first) return [[]];
  const without = subsetsOf(rest);
  return [...without, ...without.map(subset => [first, ...subset])];
}

function permutationsOf(list) {
  if (list.length === 0) return [[]];
  return list.flatMap((item, i) => permutationsOf(list.toSpliced(i, 1)).map(rest => [item, ...rest]));
}
