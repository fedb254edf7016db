'use strict';

const { DaprPubSubStatusEnum: Status } = require('@dapr/dapr');
const { types } = require('./points');
const { problemOf } = require('./schemas');

const broker = 'pubsub';
const topic = 'orders';

/** Takes the events of the orders. */
async function subscribe(app, server, accounts, letters) {
  // The SDK gives a handler the request's headers and the event's data, but the whole event where the data is null, false, 0 or empty; the event's id is in neither.
  app.use((request, _, next) => {
    request.headers.delivery = { path: request.path, event: request.body ?? {} };
    next();
  });

  // Without a default the SDK names a route that it does not have.
  const rules = types.map(type => ({ match: `event.type == "${type}"`, path: type }));
  await server.pubsub.subscribeWithOptions(broker, topic, { route: { default: 'others', rules } });
  for (const type of types) {
    server.pubsub.subscribeToRoute(broker, topic, type, (data, { delivery: { path, event } }) =>
      deliver({ eventId: event.id, type, path, data: event.data === undefined ? data : event.data }, accounts, letters));
  }
}

/** It never throws: the SDK would take the event as done. */
async function deliver(event, accounts, letters) {
  try {
    return (await take(event, accounts, letters)) ? Status.DROP : Status.SUCCESS;
  } catch (error) {
    console.error(`Event '${event.eventId}' (${event.type}) could not be taken and comes again: ${error.message}`);
    return Status.RETRY;
  }
}

/**
 * Takes an event, or keeps it as a dead letter and returns why it can never pass. It throws what can pass later.
 *
 * The letters are not Dapr's own, which would have every event that no route wants, too.
 */
async function take(event, accounts, letters) {
  const reason = problemOf(event.type, event.data);
  if (!reason) {
    await accounts.take(event);
    return undefined;
  }

  console.error(`Event '${event.eventId}' (${event.type}) can never pass and becomes a dead letter: ${reason}.`);
  await letters.keep(event, reason);
  return reason;
}

module.exports = { subscribe, take };
