'use strict';

const assert = require('node:assert');
const { DaprPubSubStatusEnum: Status, DaprServer } = require('@dapr/dapr');
const { connected, eventually, run } = require('./eventually');

// Failures that the tests want are not to be printed: -1 is below LogLevel.Error.
const server = new DaprServer({ logger: { level: -1 } });
const { pubsub } = server.client;
const brokers = ['pubsub', 'log'];
const received = {};

run(async () => {
  for (const broker of brokers) await subscribe(broker);
  await server.pubsub.subscribe('pubsub', 'news/*', take('pubsub', 'news/*'));
  await server.start();
  await connected();

  for (const broker of brokers) {
    await dataArrivesAsItWasSent(broker);
    await anEventCarriesItsOrigin(broker);
    await eventsAreRoutedByTheirFields(broker);
    await rawPayloadsArriveAsTheyWereSent(broker);
    await retriedEventsComeAgain(broker);
    await whatIsNotTakenGoesToTheDeadLetters(broker);
    await manyEventsArePublishedAtOnce(broker);
    await manyEventsAreTakenAtOnce(broker);
    await mistakesAreTold(broker);
  }

  await aPatternTakesItsTopics();
});

async function subscribe(broker) {
  const raw = { rawPayload: true };
  await server.pubsub.subscribe(broker, 'plain', take(broker, 'plain'));
  await server.pubsub.subscribe(broker, 'orders/eu', take(broker, 'orders/eu'));
  await server.pubsub.subscribe(broker, 'envelope', take(broker, 'envelope'), '', raw);
  await server.pubsub.subscribe(broker, 'raw', take(broker, 'raw'), '', raw);
  await server.pubsub.subscribe(broker, 'unwrapped', take(broker, 'unwrapped'));

  const rules = [{ match: "event.type == 'order.paid'", path: 'paid' }, { match: 'event.data.total > 100', path: 'large' }];
  await server.pubsub.subscribeWithOptions(broker, 'routed', { route: { default: 'others', rules } });
  for (const route of ['paid', 'large', 'others']) server.pubsub.subscribeToRoute(broker, 'routed', route, take(broker, route));

  await server.pubsub.subscribe(broker, 'moody', take(broker, 'moody', times => times < 3 ? Status.RETRY : Status.SUCCESS));
  for (const status of [Status.DROP, Status.RETRY]) {
    await server.pubsub.subscribeWithOptions(broker, status, { deadLetterTopic: `${status}-dead`, callback: take(broker, status, () => status) });
    await server.pubsub.subscribe(broker, `${status}-dead`, take(broker, `${status}-dead`));
  }

  await server.pubsub.subscribe(broker, 'many', take(broker, 'many'));
  await server.pubsub.subscribeBulk(broker, 'batches', take(broker, 'batches', times => times === 1 ? Status.RETRY : Status.SUCCESS), { maxMessagesCount: 10, maxAwaitDurationMs: 50 });
}

async function dataArrivesAsItWasSent(broker) {
  const sent = [{ text: 'Привет ☃', list: [1, null, { a: true }] }, ['a', 2], 'plain words', '{"text":"json as text"}'];
  for (const data of sent) assert.deepStrictEqual(await pubsub.publish(broker, 'plain', data), {});
  await pubsub.publish(broker, 'plain', Buffer.from('some bytes'));
  await pubsub.publish(broker, 'plain', '<xml/>', { contentType: 'application/xml', metadata: { partitionKey: 'a', colour: 'green' } });

  const events = await all(broker, 'plain', 6);

  assert.deepStrictEqual(sorted(events.map(event => event.data)), sorted([...sent, 'some bytes', '<xml/>']));
  assert.ok(events.every(event => event.headers.pubsubname === broker));
  assert.ok(events.some(event => event.headers.colour === 'green'), 'metadata arrives as headers');

  await pubsub.publish(broker, 'orders/eu', { n: 1 });
  assert.deepStrictEqual((await all(broker, 'orders/eu', 1))[0].data, { n: 1 });
}

// A raw subscription shows the whole CloudEvent, of which the SDK otherwise keeps only the data.
async function anEventCarriesItsOrigin(broker) {
  await pubsub.publish(broker, 'envelope', { n: 1 }, { metadata: { 'cloudevent.type': 'order.paid', 'cloudevent.id': 'e-1' } });
  await pubsub.publish(broker, 'envelope', { id: 'e-2', source: 'elsewhere', type: 'order.sent', specversion: '1.0', data: { n: 2 }, custom: 'kept' });

  const [one, two] = (await all(broker, 'envelope', 2)).map(event => event.data).sort((a, b) => a.id.localeCompare(b.id));

  const { time, traceid, traceparent, tracestate, ...event } = one;
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.deepStrictEqual(event, {
    id: 'e-1', source: 'js-app', type: 'order.paid', specversion: '1.0', datacontenttype: 'application/json', pubsubname: broker, topic: 'envelope', data: { n: 1 },
  });
  assert.deepStrictEqual([two.id, two.source, two.type, two.custom, two.topic, two.data], ['e-2', 'elsewhere', 'order.sent', 'kept', 'envelope', { n: 2 }]);
}

async function eventsAreRoutedByTheirFields(broker) {
  await pubsub.publish(broker, 'routed', { total: 500 }, { metadata: { 'cloudevent.type': 'order.paid' } });
  await pubsub.publish(broker, 'routed', { id: '1', source: 's', type: 'order.paid', specversion: '1.0', data: { total: 1 } });
  await pubsub.publish(broker, 'routed', { total: 101 });
  await pubsub.publish(broker, 'routed', { total: 100 });

  assert.deepStrictEqual(sorted((await all(broker, 'paid', 2)).map(event => event.data)), sorted([{ total: 500 }, { total: 1 }]));
  assert.deepStrictEqual((await all(broker, 'large', 1))[0].data, { total: 101 });
  assert.deepStrictEqual((await all(broker, 'others', 1))[0].data, { total: 100 });
}

async function rawPayloadsArriveAsTheyWereSent(broker) {
  const raw = { metadata: { rawPayload: 'true' } };
  await pubsub.publish(broker, 'raw', { n: 1 }, raw);
  await pubsub.publish(broker, 'raw', 'plain words', raw);
  assert.deepStrictEqual(sorted((await all(broker, 'raw', 2)).map(event => event.data)), sorted([{ n: 1 }, 'plain words']));

  await pubsub.publish(broker, 'unwrapped', { n: 2 }, raw);
  assert.deepStrictEqual((await all(broker, 'unwrapped', 1))[0].data, { n: 2 });
}

async function retriedEventsComeAgain(broker) {
  await pubsub.publish(broker, 'moody', { n: 1 });

  assert.deepStrictEqual((await all(broker, 'moody', 3)).map(event => event.data), [{ n: 1 }, { n: 1 }, { n: 1 }]);
}

async function whatIsNotTakenGoesToTheDeadLetters(broker) {
  for (const [status, tries] of [[Status.DROP, 1], [Status.RETRY, 3]]) {
    await pubsub.publish(broker, status, { n: 1 });

    assert.deepStrictEqual((await all(broker, `${status}-dead`, 1))[0].data, { n: 1 });
    assert.strictEqual((await all(broker, status, tries)).length, tries);
  }
}

async function manyEventsArePublishedAtOnce(broker) {
  const cloudEvent = { id: '1', source: 's', type: 't', specversion: '1.0', data: { n: 4 } };
  const messages = ['one', { n: 2 }, { entryID: 'third', event: { n: 3 }, contentType: 'application/json', metadata: { colour: 'green' } }, cloudEvent];

  assert.deepStrictEqual(await pubsub.publishBulk(broker, 'many', messages), { failedMessages: [] });

  assert.deepStrictEqual(sorted((await all(broker, 'many', 4)).map(event => event.data)), sorted(['one', { n: 2 }, { n: 3 }, { n: 4 }]));

  const twins = await pubsub.publishBulk(broker, 'many', [{ entryID: 'same', event: 'a' }, { entryID: 'same', event: 'b' }]);
  assert.deepStrictEqual(twins.failedMessages.map(({ message, error }) => [message.event, /ERR_PUBSUB_EVENTS_SER.*"status":400/.test(error)]), [['a', true], ['b', true]]);
}

async function manyEventsAreTakenAtOnce(broker) {
  for (const n of [1, 2, 3]) await pubsub.publish(broker, 'batches', { n });

  // The first one is asked for again.
  const events = (await all(broker, 'batches', 4)).map(event => event.data);
  assert.deepStrictEqual([...new Set(events.map(data => data.n))].sort(), [1, 2, 3]);
}

async function mistakesAreTold(broker) {
  assert.match(String((await pubsub.publish('nowhere', 'plain', 'x')).error), /ERR_PUBSUB_NOT_FOUND.*"status":404/);
  assert.match(String((await pubsub.publish(broker, 'plain', 'x', { metadata: { rawPayload: 'perhaps' } })).error), /ERR_PUBSUB_REQUEST_METADATA.*"status":400/);
  assert.strictEqual((await pubsub.publishBulk('nowhere', 'many', ['a', 'b'])).failedMessages.length, 2);
}

async function aPatternTakesItsTopics() {
  for (const topic of ['news/today', 'news/sport/chess', 'newspaper']) await pubsub.publish('pubsub', topic, topic);

  assert.deepStrictEqual((await all('pubsub', 'news/*', 2)).map(event => event.data), ['news/today', 'news/sport/chess']);
}

/** A handler that keeps what it gets and answers as it is told. */
function take(broker, what, answer = () => undefined) {
  const list = received[`${broker} ${what}`] = [];
  return async (data, headers) => answer(list.push({ data, headers }));
}

/** All a handler got, once there are so many; fails when there are more. */
async function all(broker, what, count) {
  const list = received[`${broker} ${what}`];
  await eventually(() => list.length >= count, `${count} at ${what} of ${broker}`);
  assert.strictEqual(list.length, count, `${what} of ${broker} got ${JSON.stringify(list)}`);
  return list;
}

// Partitions, and a bulk, have no common order.
function sorted(list) {
  return list.map(item => JSON.stringify(item)).sort();
}
