// Reads PromQL expressions as a JSON array from stdin and prints for each a line of JSON: { problem } or { metrics }, by metric the names of the labels that are asked of it.
import { text } from 'node:stream/consumers';
import { parser } from '@prometheus-io/lezer-promql';

for (const expression of JSON.parse(await text(process.stdin))) console.log(JSON.stringify(read(expression)));

function read(expression) {
  const selectors = [];
  const groupings = [];
  let problem;
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) problem ??= `${expression} is no PromQL at ${node.from}: '${expression.slice(node.from)}'`;
      if (node.name === 'VectorSelector') selectors.push(node.node);
      if (node.name === 'AggregateModifier' && node.node.getChild('By')) groupings.push({ of: node.node.parent, labels: namesIn(node.node, expression) });
    },
  });

  const metrics = {};
  for (const selector of selectors) {
    const name = selector.getChild('Identifier');
    if (!name) problem ??= `${expression} asks for no metric by name`;
    else {
      const grouped = groupings.filter(({ of }) => of.from <= selector.from && selector.to <= of.to).flatMap(({ labels }) => labels);
      (metrics[expression.slice(name.from, name.to)] ??= []).push(...namesIn(selector, expression), ...grouped);
    }
  }

  return problem ? { problem } : { metrics };
}

function namesIn(node, expression) {
  const names = [];
  node.cursor().iterate(({ name, from, to }) => {
    if (name === 'LabelName') names.push(expression.slice(from, to));
  });
  return names;
}
