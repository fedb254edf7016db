'use strict';

const { DaprPubSubStatusEnum: Status } = require('@dapr/dapr');
const { types } = require('./points');
const { problemOf } = require('./schemas');

const broker = 'pubsub';
const topic = 'orders';
const path = '/events/orders';

// How many events come together at most, and how long the first of them waits for the others: nobody waits for points.
const bulkSubscribe = { enabled: true, maxMessagesCount: 50, maxAwaitDurationMs: 50 };

/**
 * Takes the events of the orders, in bulk (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk).
 *
 * Not by the SDK's server: it hands over one after the other, and needs a route for the events that nobody wants.
 */
function mapEvents(app, accounts, letters) {
  const rules = types.map(type => ({ match: `event.type == "${type}"`, path }));
  app.get('/dapr/subscribe', (_, response) => response.json([{ pubsubname: broker, topic, routes: { rules }, bulkSubscribe }]));
  app.post(path, async ({ body }, response) => {
    if (!body?.entries) return response.json({ status: (await deliver([eventOf(body)], accounts, letters))[0] });

    const statuses = await deliver(body.entries.map(entry => eventOf(entry.event)), accounts, letters);
    response.json({ statuses: body.entries.map(({ entryId }, i) => ({ entryId, status: statuses[i] })) });
  });
}

function eventOf(cloudEvent) {
  return { eventId: cloudEvent?.id, type: cloudEvent?.type, path, data: cloudEvent?.data };
}

/** Takes events together; if that fails, each by itself: one that cannot be taken does not hold up the others. Returns the status of each. */
async function deliver(events, accounts, letters) {
  const refused = new Set(events.filter(event => problemOf(event.type, event.data)));
  const passing = events.filter(event => !refused.has(event));
  const statuses = new Map();
  await Promise.all([...refused].map(async event => statuses.set(event, await statusOf(event, () => take(event, accounts, letters)))));
  try {
    await accounts.take(passing);
    passing.forEach(event => statuses.set(event, Status.SUCCESS));
  } catch (error) {
    if (passing.length === 1) {
      comesAgain(passing[0], error);
      statuses.set(passing[0], Status.RETRY);
    } else {
      for (const event of passing) statuses.set(event, await statusOf(event, () => accounts.take([event])));
    }
  }

  return events.map(event => statuses.get(event));
}

async function statusOf(event, take) {
  try {
    return (await take()) ? Status.DROP : Status.SUCCESS;
  } catch (error) {
    comesAgain(event, error);
    return Status.RETRY;
  }
}

function comesAgain(event, error) {
  console.error(`Event '${event.eventId}' (${event.type}) could not be taken and comes again: ${error.message}`);
}

/**
 * Takes an event, or keeps it as a dead letter and returns why it can never pass. It throws what can pass later.
 *
 * The letters are not Dapr's own, which would have every event that no route wants, too.
 */
async function take(event, accounts, letters) {
  const reason = problemOf(event.type, event.data);
  if (!reason) {
    await accounts.take([event]);
    return undefined;
  }

  console.error(`Event '${event.eventId}' (${event.type}) can never pass and becomes a dead letter: ${reason}.`);
  await letters.keep(event, reason);
  return reason;
}

module.exports = { mapEvents, take };
