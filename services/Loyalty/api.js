'use strict';

const { createHash, hkdfSync, timingSafeEqual } = require('node:crypto');
const { STATUS_CODES } = require('node:http');
const jwt = require('jsonwebtoken');

// Dapr brings it, or asks by itself. An event of a bulk that no route wants daprd brings to /, where nothing is.
const fromDapr = ['/', '/events', '/dapr', '/healthz', '/dead-letters/keep'];
const clockSkew = 30;

/** GET /health, for whoever asks, and GET /health/ready: whether its sidecar is there, too, without which it can do nothing. */
function mapHealth(app) {
  app.get('/health', (_, response) => response.json({ status: 'healthy', service: 'loyalty-service' }));
  app.get('/health/ready', async (_, response) => response.sendStatus(await hasSidecar() ? 200 : 503));
}

async function hasSidecar() {
  try {
    const sidecar = await fetch(`http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0/healthz/outbound`, { signal: AbortSignal.timeout(1000) });
    return sidecar.ok;
  } catch {
    return false;
  }
}

/** Refuses, from here on, what does not come from the sidecar, and invocations that do not prove who asks; without a token everybody is let in. As the services in .NET (AppToken.cs). */
function requireToken(app, token = '') {
  const callerOf = callers(token);
  app.use((request, response, next) => {
    const isFromDapr = fromDapr.some(path => request.path === path || request.path.startsWith(`${path}/`));
    request.caller = callerOf(request.get('Lavka-Caller'));
    if (isFromDapr && ![undefined, 'loyalty'].includes(request.get('dapr-caller-app-id'))) problem(response, 403, 'Events come from the broker, not from other services.');
    else if (token && !isSame(request.get('dapr-api-token') ?? '', token)) problem(response, 401, "The header 'dapr-api-token' is missing or wrong.");
    else if (token && !isFromDapr && !request.caller) problem(response, 401, 'This service answers the other services of the shop, which prove that they are; call it through the Gateway.');
    else next();
  });
}

/** Reads who a request comes from (CallerTokens.cs); undefined: it does not prove it. */
function callers(token) {
  const key = Buffer.from(hkdfSync('sha256', token, '', 'lavka-caller', 32));
  return proof => {
    try {
      const { sub, role } = jwt.verify(proof ?? '', key, { algorithms: ['HS256'], clockTolerance: clockSkew });
      return { userId: sub, role };
    } catch {
      return undefined;
    }
  };
}

/** GET /v2/users/{id}/points */
function mapPoints(app, accounts) {
  app.get('/v2/users/:id/points', orLater('The points cannot be read now; try again.', async (request, response) => {
    const { id } = request.params;
    if (!maySee(request, id)) return problem(response, 404, `There is no user '${id}'.`);

    const { points, orders } = await accounts.find(id);
    response.json({ userId: id, points, orders });
  }));
}

/** What fails becomes problem details (RFC 9457). */
function mapFailures(app) {
  app.use((error, _request, response, _next) => problem(response, error.status ?? 500, error.message));
}

/** A handler whose failures can pass later: they become 503, with this message. */
function orLater(message, handle) {
  return async (request, response, next) => {
    try {
      await handle(request, response);
    } catch (error) {
      console.error(`${request.method} ${request.path}: ${message} ${error.message}`);
      next({ status: 503, message });
    }
  };
}

/** A customer sees only their own points. */
function maySee({ caller }, id) {
  return caller === undefined || ['service', 'operator'].includes(caller.role) || caller.userId === id;
}

/** In constant time; of digests, because only values of one length can be compared so. */
function isSame(one, other) {
  const [a, b] = [one, other].map(value => createHash('sha256').update(value).digest());
  return timingSafeEqual(a, b);
}

function problem(response, status, detail) {
  response.status(status).type('application/problem+json').send(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail }));
}

module.exports = { mapFailures, mapHealth, mapPoints, orLater, problem, requireToken };
