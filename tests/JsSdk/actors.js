'use strict';

const assert = require('node:assert');
const { AbstractActor, ActorId, ActorProxyBuilder, DaprServer, LogLevel, Temporal } = require('@dapr/dapr');
const { connected, eventually, run } = require('./eventually');

const api = `http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0/actors`;
const soon = Temporal.Duration.from({ milliseconds: 100 });
const often = Temporal.Duration.from({ milliseconds: 200 });

// What happened to the actors: their own fields end with them.
const fired = {};
const idle = [];

class Account extends AbstractActor {
  async deposit(amount) {
    const state = this.getStateManager();
    const [, balance] = await state.tryGetState('balance');

    // Somebody else could come between, if calls did not take turns.
    await new Promise(setImmediate);
    await state.setState('balance', { amount: (balance?.amount ?? 0) + amount });
    return (balance?.amount ?? 0) + amount;
  }

  async balance() {
    return (await this.getStateManager().getState('balance')).amount;
  }

  async close() {
    await this.getBalanceOrFail();
    await this.getStateManager().removeState('balance');
  }

  async getBalanceOrFail() {
    return this.getStateManager().getState('balance');
  }

  async depositAndFail(amount) {
    await this.deposit(amount);
    throw new Error('the bank is closed');
  }

  async transfer(to, amount) {
    const other = new ActorProxyBuilder(Account, this.getDaprClient()).build(new ActorId(to));
    return { mine: await this.deposit(-amount), theirs: await other.deposit(amount) };
  }

  async describe(...parts) {
    return `${this.getActorType()} ${this.getActorId().getId()}: ${parts.join(', ')}`;
  }
}

class Clock extends AbstractActor {
  async startTimer(data) { await this.registerActorTimer('timer', 'tick', soon, often, undefined, data); }
  async startShortTimer() { await this.registerActorTimer('short', 'tick', soon, often, Temporal.Duration.from({ milliseconds: 650 })); }
  async stopTimer() { await this.unregisterActorTimer('timer'); }
  async tick(data) { this.note('timer', data); }

  async startReminder(data) { await this.registerActorReminder('reminder', soon, often, undefined, data); }
  async startOnce(data) { await this.registerActorReminder('once', soon, undefined, undefined, data); }
  async stopReminder() { await this.unregisterActorReminder('reminder'); }
  async receiveReminder(data) { this.note('reminder', data); }

  note(what, data) {
    (fired[`${what} of ${this.getActorId().getId()}`] ??= []).push(data);
  }
}

class Sleeper extends AbstractActor {
  async onActivate() { idle.push(`${this.getActorId().getId()} activated`); }
  async onDeactivate() { idle.push(`${this.getActorId().getId()} deactivated`); }
  async remember(word) { await this.getStateManager().setState('word', word); }
  async recall() { return this.getStateManager().getState('word'); }
}

const server = new DaprServer({ logger: { level: LogLevel.Error }, clientOptions: { actor: { actorIdleTimeout: '2s' } } });

run(async () => {
  for (const type of [Account, Clock, Sleeper]) await server.actor.registerActor(type);
  await server.actor.init();
  await server.start();
  await connected();

  const sleeper = proxy(Sleeper, 'dormouse');
  await sleeper.remember('tea');

  await methodsTakeAndGiveValues();
  await callsOfOneActorTakeTurns();
  await stateIsKeptAndRemoved();
  await anActorCallsAnother();
  await failuresAreTold();
  await timersFireUntilTheyEnd();
  await remindersFireUntilTheyEnd();

  await eventually(() => idle.includes('dormouse deactivated'), 'the deactivation');
  assert.strictEqual(await sleeper.recall(), 'tea');
  assert.deepStrictEqual(idle, ['dormouse activated', 'dormouse deactivated', 'dormouse activated']);
});

async function methodsTakeAndGiveValues() {
  const account = proxy(Account, 'анна b');

  assert.strictEqual(await account.describe('a', 2, { c: 3 }), 'Account анна b: a, 2, [object Object]');
  assert.strictEqual(await account.deposit(1.5), 1.5);
  assert.deepStrictEqual(await account.getBalanceOrFail(), { amount: 1.5 });
}

async function callsOfOneActorTakeTurns() {
  const account = proxy(Account, 'busy');

  const answers = await Promise.all(Array.from({ length: 10 }, () => account.deposit(1)));

  assert.deepStrictEqual(answers.sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.strictEqual(await account.balance(), 10);
}

async function stateIsKeptAndRemoved() {
  const account = proxy(Account, 'kept');
  const saved = () => fetch(`${api}/Account/kept/state/balance`);

  await account.deposit(5);
  assert.deepStrictEqual(await (await saved()).json(), { amount: 5 });

  await account.close();
  assert.strictEqual((await saved()).status, 204);
  await assert.rejects(account.balance(), /ERR_ACTOR_INVOKE_METHOD.*"status":500/);
}

async function anActorCallsAnother() {
  await proxy(Account, 'payer').deposit(100);

  assert.deepStrictEqual(await proxy(Account, 'payer').transfer('payee', 30), { mine: 70, theirs: 30 });
}

async function failuresAreTold() {
  await assert.rejects(proxy(Account, 'failing').depositAndFail(5), /ERR_ACTOR_INVOKE_METHOD.*"status":500/);
  await assert.rejects(proxy(Account, 'failing').missing(), /ERR_ACTOR_INVOKE_METHOD.*"status":500/);
}

async function timersFireUntilTheyEnd() {
  const clock = proxy(Clock, 'timers');

  await clock.startTimer('tick-tock');
  await eventually(() => times('timer of timers') >= 3, 'the third tick');
  await clock.stopTimer();
  assert.ok(fired['timer of timers'].every(data => data === 'tick-tock'));

  // A tick that was on its way has come before this one's: they take turns.
  await clock.startTimer(7);
  await eventually(() => fired['timer of timers'].includes(7), 'the timer that was started again');
  await clock.stopTimer();

  await proxy(Clock, 'mayfly').startShortTimer();
  await proxy(Clock, 'longer').startTimer(1);
  await eventually(() => times('timer of longer') >= 6, 'a timer to outlive the other');
  await proxy(Clock, 'longer').stopTimer();
  assert.ok(times('timer of mayfly') >= 1 && times('timer of mayfly') <= 4, `${times('timer of mayfly')} ticks of the short timer`);
}

async function remindersFireUntilTheyEnd() {
  const clock = proxy(Clock, 'reminders');
  const reminder = name => fetch(`${api}/Clock/reminders/reminders/${name}`);

  await clock.startReminder('wake up');
  assert.strictEqual((await (await reminder('reminder')).json()).data, 'wake up');
  await eventually(() => times('reminder of reminders') >= 3, 'the third time');
  await clock.stopReminder();
  assert.strictEqual((await reminder('reminder')).status, 404);

  await clock.startOnce(42);
  await eventually(() => fired['reminder of reminders'].includes(42), 'the reminder that fires once');
  await eventually(async () => (await reminder('once')).status === 404, 'it to be gone');
  assert.strictEqual(fired['reminder of reminders'].filter(data => data === 42).length, 1);
}

function proxy(type, id) {
  return new ActorProxyBuilder(type, server.client).build(new ActorId(id));
}

function times(what) {
  return fired[what]?.length ?? 0;
}
