"""Runs tests of one module of `test.test_asyncio` in this process, and tells each outcome at once.

A line of JSON a test: `{"begins": id}`, then `{"ends": id, "outcome": ...}` with how many loops it made,
and how many of them polled the kernel through the core. The last line says how many turns of the core
there were. A test that hangs ends the process.
"""

import argparse
import faulthandler
import json
import os
import sys
import threading
import unittest


class Result(unittest.TestResult):
    """Tells outcomes as they come."""

    def __init__(self, tell, limit):
        super().__init__()
        self._tell = tell
        self._limit = limit
        self._outcome, self._why = 'passed', ''
        self.loops = 0
        self.on_the_system = lambda: 0

    def startTest(self, test):
        super().startTest(test)
        self._tell(begins=test.id())
        self.loops = 0
        self._polling = self.on_the_system()
        self._outcome, self._why = 'passed', ''
        faulthandler.dump_traceback_later(self._limit, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        polling = self.on_the_system() - self._polling
        self._tell(ends=test.id(), loops=self.loops, polling=polling, outcome=self._outcome,
                   why=self._why)

    def _failed(self, test, error):
        why = self._exc_info_to_string(error, test)
        if isinstance(test, unittest.TestCase):
            self._outcome = 'failed'
            self._why += why
        else:
            # What is outside of a test, such as `setUpClass`, has no beginning and no end.
            self._tell(ends=test.id(), loops=1, polling=0, outcome='failed', why=why)

    addFailure = addError = _failed

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._failed(test, error)

    def addSkip(self, test, reason):
        if self._outcome == 'passed':
            self._outcome, self._why = 'skipped', reason

    def addExpectedFailure(self, test, error):
        pass

    def addUnexpectedSuccess(self, test):
        self._outcome, self._why = 'failed', 'an unexpected success'


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def chosen(tests, after, only):
    """Returns a suite of the tests that are named, or that come after one."""
    if only:
        return unittest.TestSuite(test for test in tests if test.id() in only)
    ids = [test.id() for test in tests]
    return unittest.TestSuite(tests[ids.index(after) + 1:] if after in ids else tests)


def count_loops(result):
    from asyncio import base_events

    stock = base_events.BaseEventLoop.__init__

    def counted(loop):
        result.loops += 1
        stock(loop)

    base_events.BaseEventLoop.__init__ = counted


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('module', help='such as test_events')
    parser.add_argument('--stock', action='store_true', help='on the loop of asyncio itself')
    parser.add_argument('--after', help='only the tests that come after this one')
    parser.add_argument('--only', nargs='*', help='only these tests')
    parser.add_argument('--test-limit', type=float, default=60)
    parser.add_argument('--limit', type=float, default=150)
    arguments = parser.parse_args()

    # What the tests print goes to stderr.
    lines = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)

    def tell(**line):
        print(json.dumps(line), file=lines, flush=True)

    # Whatever happens to the process that has started this one, this one ends.
    late = threading.Timer(arguments.limit, os._exit, [3])
    late.daemon = True
    late.start()

    result = Result(tell, arguments.test_limit)
    count_loops(result)
    if not arguments.stock:
        import on_core
        on_core.install()
        result.on_the_system = lambda: on_core.OnCore.on_the_system
    name = f'test.test_asyncio.{arguments.module}'
    try:
        tests = list(tests_of(unittest.defaultTestLoader.loadTestsFromName(name)))
    except unittest.SkipTest:
        tests = []
    chosen(tests, arguments.after, arguments.only).run(result)
    tell(turns=0 if arguments.stock else sys.modules['oneloop_core'].turns())


if __name__ == '__main__':
    main()
