'use strict';

const { orLater, problem } = require('./api');
const { take } = require('./events');

const [defaultLimit, mostItems] = [20, 100];

/** The dead letters, as all services offer them to the Gateway: GET /dead-letters, GET /dead-letters/{id}, POST /dead-letters/{id}/resend */
function mapDeadLetters(app, letters, accounts) {
  app.get('/dead-letters', orLater('The dead letters cannot be read now; try again.', async (request, response) => {
    const { cursor, limit } = request.query;
    if (cursor && !isNumber(cursor)) return problem(response, 400, `'${cursor}' is no place in this list; take the one that the answer before it gave.`);
    if (limit && !(isNumber(limit) && limit >= 1 && limit <= mostItems)) {
      return problem(response, 400, `The limit is ${limit}; allowed is a whole number from 1 to ${mostItems}.`);
    }

    response.json(await letters.list(cursor ? Number(cursor) : undefined, Number(limit || defaultLimit)));
  }));

  app.get('/dead-letters/:id', orLater('The dead letter cannot be read now; try again.', async (request, response) => {
    const letter = await letters.find(request.params.id);
    if (letter) response.json(letter);
    else noLetter(request, response);
  }));

  app.post('/dead-letters/:id/resend', orLater('The event cannot be taken now; try again.', async (request, response) => {
    const letter = await letters.find(request.params.id);
    if (!letter) return noLetter(request, response);
    if (letter.isResent) return response.json(letter);
    if (await take(letter, accounts, letters)) return problem(response, 409, `The event '${letter.eventId}' was refused again; the dead letter says why.`);

    // Should it end before this is noted, the next resend changes nothing but the letter: an event that comes twice counts once.
    response.json(await letters.passed(letter.id));
  }));
}

function noLetter(request, response) {
  problem(response, 404, `There is no dead letter '${request.params.id}'.`);
}

function isNumber(text) {
  return /^\d{1,15}$/.test(text);
}

module.exports = { mapDeadLetters };
