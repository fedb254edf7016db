'use strict';

const { createHash, timingSafeEqual } = require('node:crypto');
const { STATUS_CODES } = require('node:http');

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

/** Refuses, from here on, what does not come from the sidecar; without a token everybody is let in. */
function requireToken(app, token) {
  if (!token) return;

  app.use((request, response, next) => {
    if (isSame(request.get('dapr-api-token') ?? '', token)) next();
    else problem(response, 401, "The header 'dapr-api-token' is missing or wrong.");
  });
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

/** A customer sees only their own points. A call without both of the Gateway's headers is another service's. */
function maySee(request, id) {
  const [user, role] = [request.get('Lavka-User'), request.get('Lavka-Role')];
  return (user === undefined && role === undefined) || role === 'operator' || user === id;
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
