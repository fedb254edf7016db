'use strict';

const { setTimeout: delay } = require('node:timers/promises');
const { StateConcurrencyEnum } = require('@dapr/dapr');

const store = 'statestore';

/** The documents in the state store. What these functions throw can pass later. */
class Documents {
  #state;

  /** @param state The SDK's state client. */
  constructor(state) {
    this.#state = state;
  }

  /** A document's data; undefined: there is none. */
  async find(key) {
    return (await this.#read([key], true))[0].data;
  }

  /** Some documents' data, in the order of the keys. */
  async findAll(keys) {
    return (await this.#read(keys, true)).map(({ data }) => data);
  }

  /**
   * Changes documents together, or not at all, and starts over when somebody else changes one of them first.
   * @param decide Reads documents with the function that it is given, all of some keys, each once; returns what to write: pairs of a document that it has read and its new data.
   */
  async change(decide) {
    for (let failed, isSure = false, attempt = 1; ; attempt++) {
      const seen = [];
      const writes = await decide(async keys => {
        const documents = await this.#read([...new Set(keys)], isSure);
        seen.push(...documents);
        return documents;
      });

      // Nothing is left undone for want of a document that may be there. One that is written is guarded by its ETag.
      const isUnwritten = document => !writes.some(([written]) => written === document);
      if (!isSure && seen.some(document => document.data === undefined && isUnwritten(document))) {
        isSure = true;
        continue;
      }

      isSure = true;
      if (writes.length === 0) return;

      // Dapr tells an ETag conflict in a transaction as a plain failure: it was one if somebody has saved meanwhile.
      const etags = seen.map(({ etag }) => etag).join(' ');
      if (failed?.etags === etags) throw failed.error;

      try {
        await this.#state.transaction(store, writes.map(upsert));
        return;
      } catch (error) {
        failed = { error, etags };
      }

      // Whoever else wants the documents tries again, too.
      await delay(Math.random() * 5 * Math.min(attempt, 10));
    }
  }

  // state.get knows no ETags over HTTP, getBulk does; it answers in any order.
  async #read(keys, isSure) {
    if (keys.length === 0) return [];

    const items = new Map((await this.#state.getBulk(store, keys)).map(item => [item.key, item]));

    // A connection that breaks in the middle of a bulk read is, to daprd, the end of the answer: to be sure, what is missing is asked for once more.
    const missing = isSure ? keys.filter(key => isMissing(items.get(key))) : [];
    for (const item of missing.length > 0 ? await this.#state.getBulk(store, missing) : []) items.set(item.key, item);

    return keys.map(key => {
      const { data, etag, error } = items.get(key) ?? {};
      if (error) throw new Error(error);
      return { key, data: data ?? undefined, etag };
    });
  }
}

function isMissing(item) {
  return (item?.data ?? undefined) === undefined && !item?.error;
}

function upsert([{ key, etag }, value]) {
  // Without an ETag, the first write is one that finds no document.
  return { operation: 'upsert', request: { key, value, etag, options: { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE } } };
}

/** Dapr has || in its own keys, and takes none that has it. */
function keyOf(kind, id) {
  return `${kind}-${id.replace(/[%|]/g, encodeURIComponent)}`;
}

module.exports = { Documents, keyOf };
