'use strict';

const refreshEvery = 2000;
const byId = id => document.getElementById(id);
let token = sessionStorage.getItem('token');

byId('sign-in').addEventListener('submit', async event => {
  event.preventDefault();
  const form = new FormData(event.target);
  await attempt(async () => {
    const session = await ask('POST', 'sessions', { email: form.get('email'), password: form.get('password') });
    if (session.role !== 'operator') throw new Error('This page is for operators.');
    token = session.token;
    sessionStorage.setItem('token', token);
    event.target.reset();
    await show();
  });
});
byId('sign-out').addEventListener('click', signOut);
byId('rebuild').addEventListener('click', () => attempt(() => ask('POST', 'admin/projections/dashboard/rebuild', {})));
byId('resend').addEventListener('click', () => attempt(async () => {
  const { resent, refused } = await ask('POST', 'admin/dead-letters/resend', {});
  await show();
  byId('problem').textContent = `${resent} passed, ${refused} refused again.`;
}));

if (token) attempt(show);
setInterval(() => token && !document.hidden && show().catch(tell), refreshEvery);

async function show() {
  const [dashboard, reviews, standing, letters] = await Promise.all(['dashboard', 'payments?status=review', 'admin/standing', 'admin/dead-letters'].map(path => ask('GET', path)));
  signedIn(true);
  byId('orders').replaceChildren(...[...Object.entries(dashboard.orders), ['revenue', money(dashboard.revenue)]].map(([name, value]) => element('div', element('dt', name), element('dd', value))));
  byId('as-of').textContent = `As of ${new Date(dashboard.asOf).toLocaleString()}, after ${dashboard.position} events, generation ${dashboard.generation}.`;
  rows('top', dashboard.topProducts, product => [product.name ?? product.productId, number(product.sold), number(money(product.revenue))]);
  rows('risk', dashboard.stockAtRisk, product => [product.name ?? product.productId, number(product.onHand)]);
  rows('reviews', reviews.items, payment => [payment.orderId, number(money(payment.amount)), payment.reason, actions(
    ['Approve', () => ask('POST', `payments/${payment.orderId}/review`, { decision: 'approve' })], ['Decline', () => ask('POST', `payments/${payment.orderId}/review`, { decision: 'decline' })])]);
  rows('standing', standing.items, one => [one.service, one.key, new Date(one.since).toLocaleString(), number(one.followUps)]);
  byId('standing-away').textContent = away(standing);
  rows('letters', letters.items, ({ service, deadLetter }) => [service, deadLetter.type, deadLetter.reason, number(deadLetter.refusals), actions(
    ['Send again', () => ask('POST', `admin/dead-letters/${service}/${deadLetter.id}/resend`, {})])]);
  byId('away').textContent = away(letters);
}

function away({ unavailable }) {
  return unavailable.length ? `Away: ${unavailable.join(', ')}.` : '';
}

async function ask(method, path, body) {
  const response = await fetch(`/v2/${path}`, {
    method,
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) signOut();
  throw new Error(answer.detail ?? `The Gateway answers ${response.status}.`);
}

async function attempt(action) {
  byId('problem').textContent = '';
  await action().catch(tell);
}

function tell(error) {
  byId('problem').textContent = error.message;
}

function signOut() {
  token = null;
  sessionStorage.removeItem('token');
  signedIn(false);
}

function signedIn(isSignedIn) {
  document.querySelector('main').hidden = !isSignedIn;
  byId('sign-in').hidden = isSignedIn;
  byId('sign-out').hidden = !isSignedIn;
}

function rows(id, items, cells) {
  byId(id).replaceChildren(...items.map(item => element('tr', ...cells(item).map(cell => cell instanceof HTMLTableCellElement ? cell : element('td', cell)))));
}

function number(value) {
  const cell = element('td', value);
  cell.className = 'number';
  return cell;
}

function actions(...all) {
  return element('td', ...all.map(([name, act]) => {
    const button = element('button', name);
    button.addEventListener('click', () => attempt(async () => {
      await act();
      await show();
    }));
    return button;
  }));
}

// Texts only: what comes from events is never read as HTML.
function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function money(amount) {
  return amount.toFixed(2);
}
