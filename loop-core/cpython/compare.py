"""Runs CPython's own tests of asyncio on `loop-core` and on stock asyncio, and compares.

Only tests that make a loop count. What does not pass on the core is run again, on both and alone; a
failure is what passes twice on stock asyncio and does not pass twice on the core.
"""

import argparse
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

# They take the longest, so they begin.
LONGEST = ['test_tasks', 'test_subprocess', 'test_events', 'test_ssl', 'test_taskgroups']

# Tests of Windows' loops alone.
LEFT_OUT = {'test_windows_events', 'test_windows_utils'}

# A whole run has about 1,900: with fewer, something was not found.
LOOPS_MIN = 1_000

# How often a module is begun again behind a test that has ended its process.
RESTARTS_MAX = 3


class Limits:
    """How long a test, a process and the whole may take, in seconds."""

    def __init__(self, test, module, whole):
        self.test, self.module = test, module
        self.end = time.monotonic() + whole

    def left(self):
        return self.end - time.monotonic()


def modules():
    package = importlib.util.find_spec('test.test_asyncio')
    folder = pathlib.Path(package.submodule_search_locations[0])
    names = {path.stem for path in folder.glob('test_*.py')} - LEFT_OUT
    return sorted(names, key=lambda name: (name not in LONGEST, name))


def run_process(module, stock, limits, extra):
    """Runs one process of `suite.py`; returns its lines, and the end of what it said otherwise."""
    limit = min(limits.module, limits.left())
    if limit <= 0:
        return [], 'no time is left'
    command = [sys.executable, str(HERE / 'suite.py'), module, *extra]
    command += ['--limit', str(limit), '--test-limit', str(limits.test)]
    if stock:
        command.append('--stock')
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=said,
                                 stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            output, _ = child.communicate(timeout=limit + 5)
        except subprocess.TimeoutExpired:
            output = ''
        finally:
            # What the tests have started ends as well; it may hold the pipe open.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            if child.poll() is None:
                output = child.communicate()[0]
        said.seek(0)
        return output.splitlines(), said.read().decode(errors='replace')[-4_000:]


def run_module(module, stock, limits, only=()):
    """Runs a module's tests; returns their outcomes by their ids, and the turns of the core."""
    outcomes, turns = {}, 0
    extra = ['--only', *only] if only else []
    for _ in range(RESTARTS_MAX + 1):
        lines, said = run_process(module, stock, limits, extra)
        begun, ended = None, False
        for line in map(json.loads, lines):
            if 'begins' in line:
                begun = line['begins']
            elif 'ends' in line:
                outcomes[line['ends']] = line
                begun = None
            else:
                turns, ended = turns + line['turns'], True
        if ended or begun is None:
            if not ended:
                outcomes[f'{module}: the process'] = dict(loops=1, outcome='failed', why=said)
            break
        outcomes[begun] = dict(loops=1, outcome='failed', why=f'the process ended here\n{said}')
        rest = list(only)[list(only).index(begun) + 1:] if begun in only else []
        if only and not rest:
            break
        extra = ['--only', *rest] if only else ['--after', begun]
    return outcomes, turns


def run_all(names, limits, jobs):
    """Runs every module on both; returns the outcomes on the core and on stock asyncio, and the turns."""
    runs = [(name, stock) for name in names for stock in (False, True)]
    core, stock, turns = {}, {}, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda run: run_module(*run, limits), runs)
        for (_, is_stock), (outcomes, made) in zip(runs, results):
            (stock if is_stock else core).update(outcomes)
            turns += made
    return core, stock, turns


def outcome(outcomes, test):
    return outcomes[test]['outcome'] if test in outcomes else 'not run'


def differing(core, stock):
    """Lists the tests with a loop that stock asyncio passes and the core does not, or makes none for."""
    return [test for test, line in stock.items()
            if line['loops'] and line['outcome'] == 'passed'
            and (outcome(core, test) != 'passed' or not core[test]['loops'])]


def failures(core, stock, limits):
    """Runs again what differs, alone, and returns what still does; a process that failed is no test."""
    suspects = differing(core, stock)
    broken = [test for test in core if test not in stock]
    failed = []
    for module in sorted({test.split('.')[2] for test in suspects}):
        only = [test for test in suspects if test.split('.')[2] == module]
        again, _ = run_module(module, False, limits, only)
        again_on_stock, _ = run_module(module, True, limits, only)
        failed += differing(again, again_on_stock)
    for test in set(suspects) - set(failed):
        print(f'passed or failed on both when it was run again: {test}')
    return failed + broken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('modules', nargs='*', help='such as test_events; all, if none is named')
    parser.add_argument('--jobs', type=int, default=2, help='how many processes at once')
    parser.add_argument('--test-limit', type=float, default=60, help='seconds for a test')
    parser.add_argument('--module-limit', type=float, default=150, help='seconds for a process')
    parser.add_argument('--limit', type=float, default=480, help='seconds for all')
    arguments = parser.parse_args()
    limits = Limits(arguments.test_limit, arguments.module_limit, arguments.limit)
    started = time.monotonic()

    core, stock, turns = run_all(arguments.modules or modules(), limits, arguments.jobs)
    failed = failures(core, stock, limits)
    for test in failed:
        print(f'\nFAILED on the core, not on stock asyncio: {test}')
        print(core.get(test, {}).get('why', 'it was not run')[-3_000:])

    looping = [test for test, line in stock.items() if line['loops']]
    passed, skipped = ([test for test in looping if outcome(core, test) == which and test not in failed]
                       for which in ('passed', 'skipped'))
    seconds = time.monotonic() - started
    print(f'CPython {sys.version.split()[0]}, test.test_asyncio on loop-core: {len(looping)} tests make a '
          f'loop, {len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped, '
          f'{len(looping) - len(passed) - len(skipped) - len(failed)} failed on stock asyncio or once; '
          f'{turns} turns, {seconds:.0f} s')
    few = not arguments.modules and len(looping) < LOOPS_MIN
    if few:
        print(f'that is too few: there should be {LOOPS_MIN} or more')
    sys.exit(1 if failed or few else 0)


if __name__ == '__main__':
    main()
