'use strict';

const express = require('express');
const { DaprServer, LogLevel } = require('@dapr/dapr');
const { Accounts } = require('./accounts');
const { mapFailures, mapHealth, mapPoints, requireToken } = require('./api');
const { DeadLetters } = require('./deadLetters');
const { mapDeadLetters } = require('./deadLettersApi');
const { mapEvents } = require('./events');
const { Documents } = require('./state');

// The SDK reads both; its own defaults are other services' ports.
process.env.APP_PORT ??= '5109';
process.env.DAPR_HTTP_PORT ??= '3509';

const app = express().disable('x-powered-by');
mapHealth(app);
requireToken(app, process.env.APP_API_TOKEN);

const server = new DaprServer({ serverHttp: listeningOn(app, process.env.APP_HOST ?? '127.0.0.1'), logger: { level: LogLevel.Error } });
const documents = new Documents(server.client.state);
const accounts = new Accounts(documents);
const letters = new DeadLetters(documents, server.client.pubsub);

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, stop);
start();

async function start() {
  mapPoints(app, accounts);
  mapDeadLetters(app, letters, accounts);
  mapEvents(app, accounts, letters);
  mapFailures(app);
  try {
    await server.start();
  } catch {
    // The SDK waits for half a minute, and once more with every call until there is a sidecar.
    console.error(`There is no sidecar at port ${process.env.DAPR_HTTP_PORT} yet; events are taken when there is.`);
  }
}

function stop() {
  // A delivery that takes longer comes again.
  setTimeout(() => process.exit(0), 900).unref();
  server.stop().finally(() => process.exit(0));
}

/** The SDK would listen on every address, whatever its serverHost is. */
function listeningOn(app, host) {
  const listen = app.listen.bind(app);
  app.listen = port => listen(port, host).on('error', error => {
    console.error(`It cannot listen on ${host}:${port}: ${error.message}.`);
    process.exit(1);
  });
  return app;
}
