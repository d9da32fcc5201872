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

# A whole run has about 2,300: with far fewer, something was not found.
LOOPS_MIN = 1_500

# How often a module is begun again behind a test that has ended its process.
RESTARTS_MAX = 3


class Limits:
    """How long a test, a process and the whole may take, in seconds."""

    def __init__(self, test, module, whole):
        self.test, self.module = test, module
        self._end = time.monotonic() + whole

    def of_a_process(self):
        return min(self.module, self._end - time.monotonic())


def modules():
    package = importlib.util.find_spec('test.test_asyncio')
    folder = pathlib.Path(package.submodule_search_locations[0])
    names = {path.stem for path in folder.glob('test_*.py')} - LEFT_OUT
    return sorted(names, key=lambda name: (name not in LONGEST, name))


def end_group(child):
    """Ends a process and what it has started, which may hold its pipe open."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run_process(module, stock, limits, extra):
    """Runs one process of `suite.py`; returns its lines, whether it ended well, and what it said."""
    limit = limits.of_a_process()
    if limit <= 0:
        return [], False, 'no time is left'
    command = [sys.executable, str(HERE / 'suite.py'), module, *extra]
    command += ['--limit', str(limit), '--test-limit', str(limits.test)]
    command += ['--stock'] if stock else []
    with (tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
          tempfile.TemporaryFile() as said):
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=said,
                                 stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            output, _ = child.communicate(timeout=limit + 5)
        except subprocess.TimeoutExpired:
            end_group(child)
            output, _ = child.communicate()
        finally:
            end_group(child)
        said.seek(0)
        lines = [json.loads(line) for line in output.splitlines()]
        return lines, child.returncode == 0, said.read().decode(errors='replace')[-4_000:]


def run_module(module, stock, limits, only=()):
    """Runs a module's tests; returns their outcomes by their ids, the turns of the core, and whether the
    last process got through."""
    outcomes, turns = {}, 0
    extra = ['--only', *only] if only else []
    for _ in range(RESTARTS_MAX + 1):
        lines, well, said = run_process(module, stock, limits, extra)
        begun = None
        for line in lines:
            turns += line.get('turns', 0)
            begun = line.get('begins')
            if 'ends' in line:
                outcomes[line['ends']] = line
        if well:
            break
        failed = begun or f'{module}: the process'
        outcomes[failed] = {'loops': 1, 'outcome': 'failed', 'why': f'the process ended here\n{said}'}
        if begun is None:
            break
        rest = only[only.index(begun) + 1:] if only else ()
        if only and not rest:
            break
        extra = ['--only', *rest] if only else ['--after', begun]
    return outcomes, turns, well


def outcome(outcomes, test):
    return outcomes[test]['outcome'] if test in outcomes else 'not run'


def differing(core, stock):
    """Lists what fails on the core and passes on stock asyncio, or makes a loop there and not here."""
    tests = [test for test, line in stock.items()
             if line['loops'] and line['outcome'] == 'passed'
             and (outcome(core, test) != 'passed' or not core[test]['loops'])]
    # A process, or what is outside of a test.
    return tests + [test for test in core if test not in stock]


def fails_again(module, core, stock, limits):
    """Runs again what differs in a module, and returns what still does."""
    suspects = differing(core, stock)
    if not suspects:
        return []
    only = suspects if all(test in stock for test in suspects) else ()
    again, *_ = run_module(module, False, limits, only)
    again_on_stock, *_ = run_module(module, True, limits, only)
    failed = differing(again, again_on_stock)
    for test in suspects:
        if test not in failed:
            print(f'no failure when it was run again: {test}')
        else:
            print(f'\nFAILED on the core, not on stock asyncio: {test}')
            print(core.get(test, {}).get('why') or 'it was not run, or made no loop')
    return [test for test in suspects if test in failed]


def compare(names, limits, jobs):
    """Runs every module on both; returns the outcomes on both, what failed, and the turns."""
    core, stock, failed, turns = {}, {}, [], 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
        runs = {(name, on_stock): threads.submit(run_module, name, on_stock, limits)
                for name in names for on_stock in (False, True)}
    for name in names:
        here, made, _ = runs[name, False].result()
        there, _, through = runs[name, True].result()
        if not through:
            there, _, through = run_module(name, True, limits)
        if not through:
            print(f'FAILED on stock asyncio, so that there is nothing to compare with: {name}')
            failed.append(name)
        failed += fails_again(name, here, there, limits)
        core.update(here)
        stock.update(there)
        turns += made
    return core, stock, failed, turns


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('modules', nargs='*', help='such as test_events; all, if none is named')
    parser.add_argument('--jobs', type=int, default=1 + (os.cpu_count() or 1),
                        help='how many processes at once')
    parser.add_argument('--test-limit', type=float, default=60, help='seconds for a test')
    parser.add_argument('--module-limit', type=float, default=150, help='seconds for a process')
    parser.add_argument('--limit', type=float, default=480, help='seconds for all')
    arguments = parser.parse_args()
    limits = Limits(arguments.test_limit, arguments.module_limit, arguments.limit)
    started = time.monotonic()
    names = arguments.modules or modules()
    if unknown := set(names) - set(modules()):
        parser.error(f'no such modules: {", ".join(sorted(unknown))}')
    core, stock, failed, turns = compare(names, limits, arguments.jobs)

    looping = [test for test, line in stock.items() if line['loops']]
    rest = [outcome(core, test) for test in looping if test not in failed]
    polling = sum(1 for test in looping if core.get(test, {}).get('polling'))
    print(f'CPython {sys.version.split()[0]}, test.test_asyncio on loop-core: '
          f'{len(looping)} tests make a loop, {polling} of them one that polls the kernel; '
          f'{rest.count("passed")} passed, {len(failed)} failed, {rest.count("skipped")} skipped, '
          f'{len(rest) - rest.count("passed") - rest.count("skipped")} failed once or on stock asyncio '
          f'too; {turns} turns, {time.monotonic() - started:.0f} s')
    few = not arguments.modules and len(looping) < LOOPS_MIN
    if few:
        print(f'these are too few tests: there should be {LOOPS_MIN} at least')
    sys.exit(1 if failed or few else 0)


if __name__ == '__main__':
    main()
