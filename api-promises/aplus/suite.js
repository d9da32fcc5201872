'use strict';
// Runs the official suite, prints its failures, and writes the totals to a file.

const fs = require('fs');
const suite = require('promises-aplus-tests');

const totals = { run: 0, passed: 0, failed: 0 };

function Reporter(runner) {
  runner.on('pass', () => {
    totals.run++;
    totals.passed++;
  });
  runner.on('fail', (test, error) => {
    totals.run++;
    totals.failed++;
    console.log(`${test.fullTitle()}: ${error.message}`);
  });
}

// A busy machine is no fault: the suite's own limit of 200 ms is too near.
suite(require('./adapter.js'), { reporter: Reporter, timeout: 5000 }, () => {
  fs.writeFileSync(process.argv[2], JSON.stringify(totals) + '\n');
});
