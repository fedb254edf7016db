// A subscriber that stands beside the shop's own in their consumer groups, and takes events from them without doing anything: what a broker looks like that has lost them.
// LOSSY_GROUPS has a line for each subscription, "<group> <topic> <component>". It prints what it takes: of each type that a group
// listens to the third event, and then one in twenty; the others go back to the queue.
const http = require('http');

const every = 20;
const first = 3;
const subscriptions = process.env.LOSSY_GROUPS.trim().split('\n').map((line) => line.split(' '));
const seen = new Map();

http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += part));
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer(request.url.slice(1), body))));
}).listen(Number(process.env.APP_PORT), '127.0.0.1');

function answer(path, body) {
  if (path === 'dapr/subscribe') {
    return subscriptions.map(([group, topic, pubsubname]) => ({ pubsubname, topic, route: group }));
  }

  if (!subscriptions.some(([group]) => group === path)) {
    return {};
  }

  const { id, type } = JSON.parse(body);
  const key = `${path} ${type}`;
  const ids = seen.get(key) ?? new Set();
  const isNew = !ids.has(id);
  seen.set(key, ids.add(id));
  if (!isNew || ids.size % every !== first) {
    return { status: 'RETRY' };
  }

  console.log(`lost ${key}`);
  return { status: 'SUCCESS' };
}
