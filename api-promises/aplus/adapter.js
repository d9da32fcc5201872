'use strict';
// What the suite asks of an implementation, on the promises of the addon. The settling, the order and
// the adoption of promises are Rust's; here is what has to be JavaScript: calling functions, and
// asking a foreign object for its `then`.

const rust = require('./aplus.node');

const handlers = new Map();
let nextHandlers = 0;
let scheduled = false;

function schedule() {
  if (!scheduled) {
    scheduled = true;
    setImmediate(global.gc ? collect : drain);
  }
}

// Lets go of what JavaScript has dropped before the loop runs: nothing may hang on when that is.
function collect() {
  global.gc({ type: 'minor' });
  setImmediate(drain);
}

// Runs the loop, and calls the functions that it wants called.
function drain() {
  scheduled = false;
  for (let call = rust.next(); call !== undefined; call = rust.next()) {
    const [id, fulfilled, boxed, resolver] = call;
    const [onFulfilled, onRejected] = handlers.get(id);
    handlers.delete(id);
    // A fault, such as a promise that was to follow itself, comes as words.
    const value = typeof boxed === 'string' ? new TypeError(boxed) : boxed[0];
    let result;
    try {
      result = (fulfilled ? onFulfilled : onRejected)(value);
    } catch (error) {
      rust.settle(resolver, false, [error]);
      continue;
    }
    resolve(resolver, result);
  }
}

class RustPromise {
  constructor(inner) {
    this.inner = inner;
  }

  then(onFulfilled, onRejected) {
    const id = nextHandlers++;
    handlers.set(id, [onFulfilled, onRejected]);
    const functions = [onFulfilled, onRejected].map((it) => typeof it === 'function');
    schedule();
    return new RustPromise(rust.then(this.inner, id, ...functions));
  }
}

// The promise resolution procedure, A+ 2.3.
function resolve(resolver, x) {
  schedule();
  if (x instanceof RustPromise) return rust.follow(resolver, x.inner);
  if (x === null || (typeof x !== 'object' && typeof x !== 'function')) {
    return rust.settle(resolver, true, [x]);
  }
  let called = false;
  const once = (act) => (value) => {
    if (!called) {
      called = true;
      act(value);
    }
  };
  const reject = (reason) => {
    schedule();
    rust.settle(resolver, false, [reason]);
  };
  try {
    const then = x.then;
    if (typeof then !== 'function') return rust.settle(resolver, true, [x]);
    then.call(x, once((y) => resolve(resolver, y)), once(reject));
  } catch (error) {
    once(reject)(error);
  }
}

exports.deferred = () => {
  const [promise, resolver] = rust.deferred();
  let done = false;
  const once = (act) => (value) => {
    if (!done) {
      done = true;
      act(value);
    }
  };
  return {
    promise: new RustPromise(promise),
    resolve: once((value) => resolve(resolver, value)),
    reject: once((reason) => {
      schedule();
      rust.settle(resolver, false, [reason]);
    }),
  };
};
