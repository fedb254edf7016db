// Reads PromQL expressions as a JSON array from stdin and prints for each a line of JSON: { problem } or { metrics }, by metric the names of the labels that are asked of it.
// A metric that is asked for by a pattern stands there as ~pattern.
import { text } from 'node:stream/consumers';
import { parser } from '@prometheus-io/lezer-promql';

for (const expression of JSON.parse(await text(process.stdin))) console.log(JSON.stringify(read(expression)));

function read(expression) {
  const selectors = [];
  const groupings = [];
  const replaced = [];
  let problem;
  parser.parse(expression).iterate({
    enter({ node, name, from, type }) {
      if (type.isError) problem ??= `${expression} is no PromQL at ${from}: '${expression.slice(from)}'`;
      if (name === 'VectorSelector') selectors.push(node);
      if (name === 'AggregateModifier' && node.getChild('By')) groupings.push({ of: node.parent, labels: textsIn(node, 'LabelName', expression) });
      if (name === 'FunctionCall' && textsIn(node, 'FunctionIdentifier', expression)[0] === 'label_replace') replaced.push({ of: node, label: newLabelOf(node, expression) });
    },
  });

  const metrics = {};
  for (const selector of selectors) {
    const name = nameOf(selector, expression);
    if (!name) {
      problem ??= `${expression} asks for no metric by name`;
      continue;
    }

    // What label_replace has made of others is not asked of the metric.
    const around = ({ of }) => of.from <= selector.from && selector.to <= of.to;
    const made = replaced.filter(around).map(({ label }) => label);
    const grouped = groupings.filter(around).flatMap(({ labels }) => labels).filter(label => !made.includes(label));
    const matched = textsIn(selector, 'LabelName', expression).filter(label => label !== '__name__');
    metrics[name] = [...new Set([...(metrics[name] ?? []), ...matched, ...grouped])];
  }

  return problem ? { problem } : { metrics };
}

function nameOf(selector, expression) {
  const [name] = textsIn(selector, 'Identifier', expression);
  const [, pattern] = /__name__=~"([^"]+)"/.exec(expression.slice(selector.from, selector.to)) ?? [];
  return name ?? (pattern && `~${pattern}`);
}

// label_replace(of, "the new label", ...)
function newLabelOf(call, expression) {
  const [label] = call.getChild('FunctionCallBody').getChildren('StringLiteral').map(({ from, to }) => expression.slice(from + 1, to - 1));
  return label;
}

function textsIn(node, name, expression) {
  const texts = [];
  node.cursor().iterate(one => {
    if (one.name === name) texts.push(expression.slice(one.from, one.to));
  });
  return texts;
}
