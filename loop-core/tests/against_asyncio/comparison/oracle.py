"""Runs programs on asyncio's own event loop and prints what happens.

Reads one program a line and answers with one line, its trace. The clock is virtual and counts whole
seconds, the selector is a script, and timers are ordered by (deadline, sequence). The form of a
program is described in program.rs; `Machine` here does what `Machine` does in machine.rs.
"""

import sys

sys.stdout.write("python %d.%d.%d\n" % sys.version_info[:3])
sys.stdout.flush()
if sys.version_info < (3, 11):
    sys.exit(1)

import asyncio
import collections
import itertools
import logging
import selectors
import threading

START = 100
SERIALS_MAX = 60
POLLS_MAX = 16


class Idle(Exception):
    """The script has ended."""


class Failure(Exception):
    """A callback fails on purpose."""


class OrderedTimer(asyncio.TimerHandle):
    """A timer that keeps its place among those of the same deadline."""

    __slots__ = ("sequence", "cancelled_in_heap")
    sequences = itertools.count()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sequence = next(self.sequences)
        self.cancelled_in_heap = False

    def __lt__(self, other):
        return (self._when, self.sequence) < (other._when, other.sequence)

    def cancel(self):
        self.cancelled_in_heap |= self._scheduled
        super().cancel()


# `call_at` takes its class from there.
asyncio.events.TimerHandle = OrderedTimer


class Script(selectors.BaseSelector):
    """A selector that reports what the program says."""

    def __init__(self, machine):
        self.machine = machine
        self.keys = {}

    def register(self, fileobj, events, data=None):
        if fileobj in self.keys:
            raise KeyError(fileobj)
        self.keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        return self.keys[fileobj]

    def unregister(self, fileobj):
        return self.keys.pop(fileobj)

    def modify(self, fileobj, events, data=None):
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def get_map(self):
        return self.keys

    def select(self, timeout=None):
        machine = self.machine
        machine.note("poll:%s@%d" % ("-" if timeout is None else timeout, machine.now))
        number = machine.polls_made
        machine.polls_made += 1
        exists = number < len(machine.polls)
        seconds, events, submissions = machine.polls[number] if exists else (0, [], [])
        reports = events or submissions
        if (not exists and not reports and timeout is None) or number >= POLLS_MAX:
            raise Idle
        if timeout is None:
            machine.now += seconds
        else:
            machine.now += min(seconds, timeout) if reports else timeout
        for body in submissions:
            machine.with_serial(lambda serial: machine.submit(serial, body))
        reported = []
        for descriptor, mask in events:
            key = self.keys.get(descriptor)
            if key is not None and key.events & mask:
                reported.append((key, key.events & mask))
        return reported


class Loop(asyncio.selector_events.BaseSelectorEventLoop):
    """asyncio's loop on the machine's clock."""

    def __init__(self, machine):
        self.machine = machine
        super().__init__(Script(machine))
        # The clock counts whole seconds: due is what is due by now.
        self._clock_resolution = 1

    def time(self):
        return self.machine.now


class Machine:
    """A program under way."""

    def __init__(self, line):
        bodies, handler, runs, after, polls = line.split("/")
        self.bodies = [ops(body) for body in bodies.split(";")[:-1]]
        self.handler = ops(handler)
        self.runs = [run.split(None, 1) for run in runs.split(";")[:-1]]
        self.after = ops(after)
        self.polls = [poll(text) for text in polls.split(";")[:-1]]
        self.polls_made = 0
        self.now = START
        self.trace = []
        self.handles = []
        self.started = set()
        self.serials = 0
        self.future = None

    def note(self, event):
        self.trace.append(event)

    def main(self):
        self.loop = Loop(self)
        self.loop.set_debug(False)
        self.loop.set_exception_handler(self.failed)
        for kind, *before in self.runs:
            self.act_all(ops(before[0] if before else ""))
            self.note("end:" + self.run(kind))
        self.loop.close()
        self.act_all(self.after)
        return " ".join(self.trace)

    def run(self, kind):
        try:
            if kind == "forever":
                self.loop.run_forever()
                return "stopped"
            self.future = self.loop.create_future()
            try:
                self.loop.run_until_complete(self.future)
            except RuntimeError:
                return "incomplete"
            return "complete"
        except Idle:
            return "idle"
        except SystemExit:
            expired = lambda handle: getattr(handle, "cancelled_in_heap", False)
            kept = [handle for handle in self.loop._ready if not expired(handle)]
            self.loop._ready = collections.deque(kept)
            return "aborted"
        finally:
            self.future = None

    def failed(self, loop, context):
        self.note("failed:%s" % context["exception"])
        self.act_all(self.handler)

    def call(self, serial, body):
        self.started.add(serial)
        self.note("run:%d" % serial)
        for op in self.bodies[body]:
            if op[0] == "fail":
                raise Failure(serial)
            self.act(op)

    def act_all(self, ops):
        for op in ops:
            self.act(op)

    def act(self, op):
        word, *numbers = op
        getattr(self, word)(*numbers)

    def with_serial(self, schedule):
        if self.serials == SERIALS_MAX:
            return
        serial = self.serials
        self.serials += 1
        try:
            schedule(serial)
        except RuntimeError as error:
            if str(error) != "Event loop is closed":
                raise
            self.note("closed:%d" % serial)

    def schedule(self, method, *args):
        *when, body = args

        def schedule(serial):
            self.handles.append((serial, method(*when, self.call, serial, body)))

        self.with_serial(schedule)

    def soon(self, body):
        self.schedule(self.loop.call_soon, body)

    def later(self, delay, body):
        self.schedule(self.loop.call_later, delay, body)

    def at(self, deadline, body):
        self.schedule(self.loop.call_at, deadline, body)

    def own(self, body):
        self.with_serial(
            lambda serial: self.loop.call_soon_threadsafe(self.call, serial, body)
        )

    def thread(self, body):
        self.with_serial(lambda serial: self.submit(serial, body))

    def submit(self, serial, body):
        """Submits from another thread, and raises here what was raised there."""
        errors = []

        def submission():
            try:
                self.loop.call_soon_threadsafe(self.call, serial, body)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=submission)
        thread.start()
        thread.join()
        for error in errors:
            raise error

    def cancel(self, back):
        if back < len(self.handles):
            serial, handle = self.handles[-1 - back]
            was = not (handle.cancelled() or serial in self.started or self.loop.is_closed())
            handle.cancel()
            self.note("cancel:%d:%s" % (serial, str(was).lower()))

    def reader(self, descriptor, body):
        self.with_serial(
            lambda serial: self.loop.add_reader(number(descriptor), self.call, serial, body)
        )

    def writer(self, descriptor, body):
        self.with_serial(
            lambda serial: self.loop.add_writer(number(descriptor), self.call, serial, body)
        )

    def noreader(self, descriptor):
        was = self.loop.remove_reader(number(descriptor))
        self.note("noreader:" + str(was).lower())

    def nowriter(self, descriptor):
        was = self.loop.remove_writer(number(descriptor))
        self.note("nowriter:" + str(was).lower())

    def stop(self):
        self.loop.stop()

    def complete(self):
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    def work(self, seconds):
        self.now += seconds

    def abort(self):
        raise SystemExit


def number(descriptor):
    """Returns a number that no descriptor of the process has."""
    return 1_000_000 + descriptor


def ops(text):
    parts = (word.split(":") for word in text.split())
    return [(part[0], *map(int, part[1:])) for part in parts]


def poll(text):
    seconds, *words = text.split()
    events, submissions = [], []
    for word in words:
        mask = selectors.EVENT_READ * ("r" in word) | selectors.EVENT_WRITE * ("w" in word)
        if mask:
            events.append((number(int(word.rstrip("rw"))), mask))
        else:
            submissions.append(int(word))
    return int(seconds), events, submissions


def main():
    logging.disable()
    for line in sys.stdin:
        sys.stdout.write(Machine(line).main() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
