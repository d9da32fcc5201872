'use strict';
// Runs promise programs, one a line, on V8's own promises, and answers each with its trace.

const readline = require('readline');

process.on('unhandledRejection', () => {});

const show = (value) => {
  if (value instanceof AggregateError) return 'E[' + value.errors.map(show).join(',') + ']';
  if (value instanceof TypeError) return 'cycle';
  if (Array.isArray(value)) return '[' + value.map(show).join(',') + ']';
  if (value !== null && typeof value === 'object') {
    return value.status === 'fulfilled' ? 'v' + show(value.value) : 'x' + show(value.reason);
  }
  return String(value);
};

async function run(program) {
  const trace = [];
  const promises = [];
  const deferred = [];
  const at = (list, name) => (list.length === 0 ? undefined : list[Number(name) % list.length]);

  const settle = (how, name, value) => {
    const it = at(deferred, name);
    if (it === undefined) return;
    if (how === 's') it.resolve(value);
    if (how === 'j') it.reject(value);
    if (how === 'f' && promises.length > 0) it.resolve(at(promises, value));
  };

  const handler = (index, text) => (value) => {
    trace.push(`${index}>${value === undefined ? '' : show(value)}`);
    const how = text[0];
    const [name, argument] = text.slice(1).split('.');
    if (how === 'v') return name;
    if (how === 'x') throw name;
    if (how === 'p') return promises.length === 0 ? name : at(promises, name);
    if (how === 'n') return Promise.resolve(name).then((it) => it);
    settle(how, name, argument);
    return how;
  };

  const make = (index, [kind, first, second, third]) => {
    if ('TCFB'.includes(kind) && promises.length === 0) return undefined;
    const list = () => (first === '-' || promises.length === 0
      ? [] : first.split(',').map((name) => at(promises, name)));
    switch (kind) {
      case 'V': return Promise.resolve(first);
      case 'X': return Promise.reject(first);
      case 'D': {
        let it;
        const promise = new Promise((resolve, reject) => { it = { resolve, reject }; });
        deferred.push(it);
        return promise;
      }
      case 'T': return at(promises, first).then(handler(index, second));
      case 'C': return at(promises, first).catch(handler(index, second));
      case 'F': return at(promises, first).finally(handler(index, second));
      case 'B': return at(promises, first).then(handler(index, second), handler(index, third));
      // The wing's lists have types of their own: each side takes a turn to print one.
      case 'A': return Promise.all(list()).then(show);
      case 'S': return Promise.allSettled(list()).then(show);
      case 'Y': return Promise.any(list()).catch((error) => { throw show(error); });
      case 'R': return Promise.race(list());
      default: return settle(kind, first, second);
    }
  };

  let index = 0;
  for (const phase of program.split('|')) {
    for (const step of phase.split(';')) {
      const here = index++;
      const promise = make(here, step.split(' '));
      if (promise === undefined) continue;
      promises.push(promise);
      promise.then(
        (value) => { trace.push(`${here}=${show(value)}`); },
        (reason) => { trace.push(`${here}!${show(reason)}`); },
      );
    }
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  return trace.join(' ');
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write((await run(line)) + '\n');
  }
})();
