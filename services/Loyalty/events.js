'use strict';

const { DaprPubSubStatusEnum: Status } = require('@dapr/dapr');
const { types } = require('./points');
const { problemOf } = require('./schemas');

const broker = 'pubsub';
const topic = 'orders';
const deadLetters = 'loyalty.dead-letters';

/** Takes the events of the orders. */
async function subscribe(app, server, accounts) {
  // The SDK gives a handler the event's data and the request's headers; the event's id is in neither.
  app.use((request, _, next) => {
    request.headers['cloudevent.id'] = request.body?.id;
    next();
  });

  // Without a default the SDK names a route that it does not have.
  const rules = types.map(type => ({ match: `event.type == "${type}"`, path: type }));
  await server.pubsub.subscribeWithOptions(broker, topic, { route: { default: 'others', rules } });
  for (const type of types) {
    server.pubsub.subscribeToRoute(broker, topic, type, (data, headers) => take({ id: headers['cloudevent.id'], type, data }, accounts, server.client.pubsub));
  }
}

/** It never throws: the SDK would take the event as done. */
async function take(event, accounts, pubsub) {
  try {
    const reason = problemOf(event.type, event.data);
    if (reason) {
      await keep({ ...event, reason }, pubsub);
      return Status.DROP;
    }

    await accounts.take(event);
    return Status.SUCCESS;
  } catch (error) {
    console.error(`Event '${event.id}' (${event.type}) could not be taken and comes again: ${error.message}`);
    return Status.RETRY;
  }
}

/** Dapr's own dead letters would have every event that no route wants, too. */
async function keep(letter, pubsub) {
  console.error(`Event '${letter.id}' (${letter.type}) can never pass and becomes a dead letter: ${letter.reason}.`);
  const { error } = await pubsub.publish(broker, deadLetters, letter);
  if (error) throw error;
}

module.exports = { subscribe };
