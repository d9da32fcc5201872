"""Plants faults in a copy of the loop's sources, and has CPython's tests find each.

As in `tests/it/faults.rs`: a fault is a change of one place of one file, and nothing of this is in the loop.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
WORKSPACE = HERE.parents[1]

# name, file, what stands there, what is put there, the modules whose tests are run
FAULTS = [
    ('last in, first out', 'ready.rs',
     'entries.push_back(entry);', 'entries.push_front(entry);', 'test_locks'),
    ('a turn runs until nothing is ready', 'turn.rs',
     'TurnRule::Snapshot => snapshot,', 'TurnRule::Snapshot => usize::MAX,', 'test_base_events'),
    ('readers hear of edges alone', 'turn.rs',
     'in fired.iter()', 'in fired.iter().take(0)', 'test_sock_lowlevel'),
    ('a submission of another thread wakes no poll', 'threads/self_pipe.rs',
     'self.wake_object.wake();', '', 'test_threads'),
    ('what the loop\'s own thread submits as another would comes later', 'threads/remote.rs',
     'handle.call_soon({', 'handle.call_later(std::time::Duration::from_millis(5), {', 'test_events'),
    ('a deadline is kept five seconds late', 'timers.rs',
     'if deadline > now {', 'if deadline + std::time::Duration::from_secs(5) > now {',
     'test_timeouts'),
    ('a reader runs after it was removed', 'net/watching.rs',
     'self.cancelled.set(true);', 'self.cancelled.set(false);', 'test_sock_lowlevel'),
]

# What a faulty loop may take: its tests hang.
LIMITS = ['--test-limit', '10', '--module-limit', '40', '--limit', '120']


def copy_of_the_loop(target):
    """Copies the loop and this folder to a workspace of their own, always in the same place.

    The copies are new to cargo, which goes by the time of a file: what was built there may be faulty.
    """
    folder = target / 'planted'
    shutil.rmtree(folder, ignore_errors=True)
    for part in ('Cargo.toml', 'src', 'cpython'):
        source = WORKSPACE / 'loop-core' / part
        copied = folder / 'loop-core' / part
        copied.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copied, copy_function=shutil.copy,
                            ignore=shutil.ignore_patterns('__pycache__', 'target'))
        else:
            shutil.copy(source, copied)
    manifest = (WORKSPACE / 'Cargo.toml').read_text()
    manifest = re.sub(r'(?m)^members = .*', 'members = ["loop-core"]', manifest)
    manifest = re.sub(r'(?m)^default-members = .*', '', manifest)
    (folder / 'Cargo.toml').write_text(manifest)
    return folder / 'loop-core'


def failures(copied, target, tests, limits=()):
    """Builds the copy and runs the tests; returns how many fail, and what the run says."""
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target), PYTHON=sys.executable,
                       PLANTED='yes')
    command = [str(copied / 'cpython' / 'run'), *tests.split(), *limits]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    totals = re.search(r'(\d+) failed, ', run.stdout)
    if totals is None:
        sys.exit(f'the copy did not run:\n{run.stdout}')
    failed = int(totals[1])
    assert (run.returncode != 0) == (failed > 0), run.stdout
    return failed, run.stdout


def check_places():
    """Ends the program unless every fault has its one place in the sources."""
    for name, file, sound, *_ in FAULTS:
        count = (WORKSPACE / 'loop-core' / 'src' / file).read_text().count(sound)
        if count != 1:
            sys.exit(f'plant.py, {name}: {count} places in {file}: {sound}')


def main():
    check_places()
    if sys.argv[1:] == ['--places']:
        return
    target = pathlib.Path(os.environ.get('CARGO_TARGET_DIR') or WORKSPACE / 'target' / 'cpython')
    target = target.resolve()
    copied = copy_of_the_loop(target)
    every = ' '.join(sorted({fault[-1] for fault in FAULTS}))
    failed, said = failures(copied, target, every)
    if failed > 0:
        sys.exit(f'without a fault not all tests pass\n{said[-3_000:]}')
    missed = []
    for name, file, sound, faulty, tests in FAULTS:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        path = copied / 'src' / file
        text = path.read_text()
        path.write_text(text.replace(sound, faulty))
        failed, _ = failures(copied, target, tests, LIMITS)
        path.write_text(text)
        print(f'{name}: {failed} tests of {tests} fail', flush=True)
        if failed == 0:
            missed.append(name)
    if missed:
        sys.exit(f'not found: {", ".join(missed)}')


if __name__ == '__main__':
    main()
