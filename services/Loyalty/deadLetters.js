'use strict';

const { createHash } = require('node:crypto');
const { keyOf } = require('./state');

const broker = 'pubsub';
const topic = 'loyalty.dead-letters';
const index = 'dead-letters';
const pageSize = 50;

// What has not been resent may be rare among the letters: a request looks at no more than about so many.
const mostLookedAt = 500;

/**
 * The events that can never pass as things are, kept until somebody has mended what is wrong and sends them again.
 *
 * The index holds the newest ids; its full pages are documents of their own, so that keeping stays cheap however many letters there are, and a letter keeps its
 * position, so that a cursor stays right meanwhile.
 */
class DeadLetters {
  #documents;
  #pubsub;

  constructor(documents, pubsub) {
    this.#documents = documents;
    this.#pubsub = pubsub;
  }

  /** A dead letter; undefined: there is none. */
  find(id) {
    return this.#documents.find(keyOf('dead-letter', id));
  }

  /** Those that have not been resent, newest first: up to `limit` of those before the position `cursor`, or of all. There may be fewer though there is a next page. */
  async list(cursor, limit) {
    const newest = (await this.#documents.find(index)) ?? { ids: [], number: 0 };
    const items = [];
    let end = Math.min(cursor ?? Infinity, newest.number * pageSize + newest.ids.length);
    for (let looked = 0; end > 0 && items.length < limit && looked < mostLookedAt;) {
      const number = Math.floor((end - 1) / pageSize);
      const first = number * pageSize;
      const { ids } = number === newest.number ? newest : await this.#documents.find(pageKey(number));
      const start = Math.max(first, end - (limit - items.length));

      const letters = await this.#documents.findAll(ids.slice(start - first, end - first).reverse().map(id => keyOf('dead-letter', id)));
      items.push(...letters.filter(letter => letter && !letter.isResent));
      looked += end - start;
      end = start;
    }

    return { items, nextCursor: end > 0 ? `${end}` : null };
  }

  /** Keeps an event, or a dead letter that has been refused again, and tells the topic. An event is one dead letter, however often it is refused. */
  async keep({ eventId, type, path, data, id = idOf(eventId, type) }, reason) {
    await this.#documents.change(async read => {
      const [known] = await read([keyOf('dead-letter', id)]);
      const refusals = (known.data?.refusals ?? 0) + 1;
      const letter = [known, { id, eventId, type, path, reason, data, at: new Date().toISOString(), refusals, isResent: false }];
      return known.data ? [letter] : [letter, ...(await added(id, read))];
    });

    // It is kept. To bring it again because the topic is away would count a refusal that was none; the SDK logs that failure.
    await this.#pubsub.publish(broker, topic, { id: eventId, type, path, reason, data });
  }

  /** Notes that it has passed; returns it. */
  async passed(id) {
    let letter;
    await this.#documents.change(async read => {
      const [known] = await read([keyOf('dead-letter', id)]);
      letter = { ...known.data, isResent: true };
      return [[known, letter]];
    });
    return letter;
  }
}

async function added(id, read) {
  const [newest] = await read([index]);
  const { ids, number } = newest.data ?? { ids: [], number: 0 };
  if (ids.length < pageSize) return [[newest, { ids: [...ids, id], number }]];
  return [[(await read([pageKey(number)]))[0], { ids, number }], [newest, { ids: [id], number: number + 1 }]];
}

/** A text of one length that any key may have, whatever the event's id is. */
function idOf(eventId, type) {
  return createHash('sha256').update(`${eventId}\n${type}`).digest('hex').slice(0, 32);
}

function pageKey(number) {
  return `${index}-${number}`;
}

module.exports = { DeadLetters };
