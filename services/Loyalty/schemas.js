'use strict';

const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const Ajv = require('ajv/dist/2020');
const { types } = require('./points');

const folder = join(__dirname, '..', 'Shared', 'Contracts', 'schemas');

// A format is an annotation in draft 2020-12, and strict mode knows fewer keywords than a schema may have.
const ajv = new Ajv({ strict: false, validateFormats: false });
const validators = new Map(types.map(type => [type, ajv.compile(JSON.parse(readFileSync(join(folder, `${type}.v1.json`), 'utf8')))]));

/** What is wrong with an event's data by the schema of its type; undefined: nothing. */
function problemOf(type, data) {
  const validate = validators.get(type);
  if (!validate) return `no events of the type '${type}' are taken`;
  return validate(data) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'data' });
}

module.exports = { problemOf };
