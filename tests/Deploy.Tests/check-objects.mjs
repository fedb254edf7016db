// Reads Kubernetes objects as a JSON array from stdin and prints what the API server would not take, or would throw away: a line a problem.
//
// The types of kubernetes-models are Kubernetes' own schemas. TypeScript, given the objects as literals, finds what is unknown; the packages' validators find the rest (formats, patterns,
// what is required).
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

// Any other group is Kubernetes' own.
const packages = {
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

// Many renderings have the same object.
const literals = [...new Set(JSON.parse(await text(process.stdin)).map(object => JSON.stringify(object)))];
const objects = [];
for (const object of literals.map(literal => JSON.parse(literal))) {
  const models = await import(moduleOf(object)).catch(() => undefined);
  if (models) {
    objects.push(object);
    validate(object, models[object.kind]);
  } else report(object, '', `the kind '${object.apiVersion} ${object.kind}' is unknown`);
}

checkTypes(objects);

function validate(object, Model) {
  try {
    new Model(object).validate();
  } catch (error) {
    for (const line of error.errors ?? [error]) report(object, (line.instancePath ?? '').replaceAll('/', '.'), line.message);
  }
}

function checkTypes(objects) {
  const modules = [...new Map(objects.map(object => [moduleOf(object), object])).values()];
  const source = [
    ...modules.map(object => `import type { I${object.kind} as ${nameOf(object)} } from '${moduleOf(object)}';`),
    ...objects.map((object, i) => `const o${i}: ${nameOf(object)} = ${JSON.stringify(object)};`),
  ].join('\n');

  const fileName = fileURLToPath(new URL('objects.ts', import.meta.url));
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getCurrentDirectory = () => dirname(fileName);
  host.getSourceFile = (name, ...rest) => (name === fileName ? ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true) : read(name, ...rest));

  const program = ts.createProgram([fileName], options, host);
  for (const { file, start, messageText } of ts.getPreEmitDiagnostics(program)) {
    const message = ts.flattenDiagnosticMessageText(messageText, ' ');
    if (file?.fileName !== fileName) throw new Error(message);
    const { index, path } = placeOf(file, start);
    if (index === undefined) throw new Error(message);
    report(objects[index], path, message);
  }
}

/** The object that a position of the source is in, and the path to it. */
function placeOf(file, position) {
  let node = file;
  for (let child = node; child; child = ts.forEachChild(node, one => (one.pos <= position && position < one.end ? one : undefined))) node = child;
  let path = '';
  for (; node; node = node.parent) {
    if (ts.isPropertyAssignment(node)) path = `.${node.name.text}${path}`;
    else if (node.parent && ts.isArrayLiteralExpression(node.parent)) path = `.${node.parent.elements.indexOf(node)}${path}`;
    else if (ts.isVariableDeclaration(node)) return { index: Number(node.name.text.slice(1)), path };
  }
  return { path };
}

function moduleOf({ apiVersion, kind }) {
  return `${packages[apiVersion.split('/')[0]] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}

function nameOf({ apiVersion, kind }) {
  return `${kind}_${apiVersion.replace(/\W/g, '_')}`;
}

function report({ kind, metadata }, path, problem) {
  console.log(`${kind}/${metadata?.name}: ${path.slice(1) || 'the object'}: ${problem}`);
}
