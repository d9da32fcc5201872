"""asyncio's event loops on `loop-core`, by one class between `BaseEventLoop` and its subclasses.

Order is the loop's: what is ready, when timers are due, which descriptor is ready, what other threads
hand over. Here are handles, each under the number that the loop knows, and what tests look at:
`_ready`, `_scheduled`, `_selector`. They tell what is on the loop, and decide nothing.

What is not the loop's, or only by arrangement:

- Exceptions: a handle hands its own to Python's exception handler. What a handle lets pass, `SystemExit`
  say, leaves the turn as an `Abort`.
- Signals: Python writes them to its own self-pipe, which the loop watches.
- A test's selector, a mock or `TestLoop`'s: the loop polls it as a script, on a clock that is the test's.
- The three selectors that tests ask for by name are one: the loop's poll.
- A loop runs on the thread that has made it; no test of asyncio wants it otherwise.
- Deadlines from before a loop was made are all as old as the loop.
- A handle that was cancelled while the loop could not be told, from another thread say, is passed over
  when its turn comes. One that the loop has cancelled must not come: that is an error.
"""

import asyncio
import heapq
import itertools
import selectors
from asyncio import base_events, events, proactor_events, selector_events

import oneloop_core

SOON, TIMER, READER, WRITER = range(4)


class Handle(events.Handle):
    """What `call_soon` returns: a handle that the loop hears of when it is cancelled."""

    __slots__ = ('_number',)

    def cancel(self):
        super().cancel()
        self._loop._ready.cancel(self._number)


class Ready:
    """The handles in the loop's ready queue."""

    def __init__(self, loop):
        self._loop = loop
        self._handles = {}

    def append(self, handle, threadsafe=False):
        number = next(self._loop._numbers)
        if isinstance(handle, Handle):
            handle._number = number
        # First here, then there: another thread's handle may run before this returns.
        self._handles[number] = handle
        core = self._loop._on_core()
        try:
            (core.call_soon_threadsafe if threadsafe else core.call_soon)(number)
        except BaseException:
            del self._handles[number]
            raise

    def take(self, number):
        return self._handles.pop(number, None)

    def cancel(self, number):
        if number in self._handles and self._loop._core.cancel(number):
            self._handles.pop(number, None)

    def clear(self):
        self._handles.clear()

    def __len__(self):
        return len(self._handles)

    def __iter__(self):
        return iter(list(self._handles.values()))

    def __contains__(self, handle):
        return any(handle is other for other in self)


class Scheduled(list):
    """The handles of the loop's timers: a heap, as in asyncio, with cancelled ones that it keeps."""

    def __init__(self, loop):
        self._loop = loop
        self._handles = {}
        self._numbers = {}

    def append(self, handle):
        heapq.heappush(self, handle)
        self.enter(handle)

    def enter(self, handle):
        if not handle._cancelled:
            number = next(self._loop._numbers)
            self._handles[number] = handle
            self._numbers[id(handle)] = number
            self._loop._on_core().call_at(handle._when, number)

    def take(self, number):
        handle = self._handles.pop(number, None)
        if handle is not None:
            del self._numbers[id(handle)]
            index = next(i for i, other in enumerate(self) if other is handle)
            del self[index]
            heapq.heapify(self)
            handle._scheduled = False
        return handle

    def cancel(self, handle):
        number = self._numbers.get(id(handle))
        # On another thread the loop is not told: the handle is passed over when its time comes.
        if number is not None and self._loop._core.cancel(number):
            del self._handles[number], self._numbers[id(handle)]

    def clear(self):
        super().clear()
        self._handles.clear()
        self._numbers.clear()

    def purge(self):
        """Drops cancelled timers when `_run_once` of asyncio does, since tests count them."""
        before = len(self)
        cancelled = self._loop._timer_cancelled_count
        if (before > base_events._MIN_SCHEDULED_TIMER_HANDLES
                and cancelled / before > base_events._MIN_CANCELLED_TIMER_HANDLES_FRACTION):
            self[:] = [handle for handle in self if not handle._cancelled]
            heapq.heapify(self)
            self._loop._timer_cancelled_count = 0
            return
        while self and self[0]._cancelled:
            self._loop._timer_cancelled_count -= 1
            heapq.heappop(self)._scheduled = False


class Selector(selectors._BaseSelectorImpl):
    """What the loop watches; a key's data are its reader's and its writer's handle."""

    def __init__(self, core):
        super().__init__()
        self._core = core

    def register(self, fileobj, mask, data=None):
        key = super().register(fileobj, mask, data)
        try:
            self._watch(key.fd, (None, None), data)
        except BaseException:
            super().unregister(fileobj)
            raise
        return key

    def modify(self, fileobj, mask, data=None):
        key = self.get_key(fileobj)
        self._watch(key.fd, key.data, data)
        key = key._replace(events=mask, data=data)
        self._fd_to_key[key.fd] = key
        return key

    def unregister(self, fileobj):
        key = super().unregister(fileobj)
        self._watch(key.fd, key.data, (None, None))
        return key

    def select(self, timeout=None):
        raise NotImplementedError('the loop polls')

    def _watch(self, descriptor, before, now):
        for writes in (False, True):
            if now[writes] is None and before[writes] is not None:
                self._core.unwatch(descriptor, writes)
            elif now[writes] is not before[writes]:
                self._core.watch(descriptor, writes)

    def take(self, descriptor, writes):
        key = self._fd_to_key.get(descriptor)
        return key and key.data[writes]


class OnCore(base_events.BaseEventLoop):
    """asyncio's event loop, with `loop-core` in the place of its queue, timers, selector and self-pipe."""

    _core = None
    _watched = None
    # How many loops poll the kernel, and no test's selector.
    on_the_system = 0

    def __init__(self):
        super().__init__()
        self._numbers = itertools.count(1)
        self._ready = Ready(self)
        self._scheduled = Scheduled(self)

    @property
    def _selector(self):
        return self._watched

    @_selector.setter
    def _selector(self, selector):
        # One of the system's gives way to the loop's own poll. A test's stays, a mock or `TestLoop`'s: the
        # loop polls it in the kernel's place, on the test's clock.
        if isinstance(selector, selectors._BaseSelectorImpl):
            selector.close()
            self._core = oneloop_core.Core(False)
            OnCore.on_the_system += 1
            selector = Selector(self._core)
        self._watched = selector

    def _on_core(self):
        if self._core is None:
            self._core = oneloop_core.Core(True)
        return self._core

    def time(self):
        now = self._core.time() if isinstance(self._watched, Selector) else None
        return super().time() if now is None else now

    def call_at(self, when, callback, *args, context=None):
        timer = super().call_at(when, callback, *args, context=context)
        if timer._source_traceback:
            del timer._source_traceback[-1]
        self._scheduled.enter(timer)
        return timer

    def _call_soon(self, callback, args, context, threadsafe=False):
        handle = Handle(callback, args, self, context)
        if handle._source_traceback:
            del handle._source_traceback[-1]
        self._ready.append(handle, threadsafe)
        return handle

    def call_soon_threadsafe(self, callback, *args, context=None):
        self._check_closed()
        if self._debug:
            self._check_callback(callback, 'call_soon_threadsafe')
        handle = self._call_soon(callback, args, context, threadsafe=True)
        if handle._source_traceback:
            del handle._source_traceback[-1]
        return handle

    def _timer_handle_cancelled(self, handle):
        super()._timer_handle_cancelled(handle)
        self._scheduled.cancel(handle)

    def close(self):
        super().close()
        if self._core is not None and self._closed:
            self._core.close()

    def _run_once(self):
        self._scheduled.purge()
        self._on_core().turn(self, self._stopping, self.time())

    def _poll(self, timeout):
        """Polls a test's selector, for the loop."""
        self._process_events(self._selector.select(timeout))
        return self.time()

    def _run_entry(self, entry, number):
        """Runs what the loop has under a number: what `_run_once` of asyncio does with each handle."""
        handle = self._take(entry, number)
        try:
            if handle is None:
                raise AssertionError('the loop runs what it has cancelled or run')
            if handle._cancelled:
                return
            if not self._debug:
                handle._run()
                return
            self._current_handle = handle
            started = self.time()
            handle._run()
            seconds = self.time() - started
            if seconds >= self.slow_callback_duration:
                base_events.logger.warning('Executing %s took %.3f seconds',
                                           base_events._format_handle(handle), seconds)
        finally:
            self._current_handle = None
            # The frame may live on in an exception.
            handle = None

    def _take(self, entry, number):
        if entry == SOON:
            return self._ready.take(number)
        if entry == TIMER:
            return self._scheduled.take(number)
        handle = self._selector.take(number, entry == WRITER)
        if handle is not None and handle._cancelled:
            (self._remove_writer if entry == WRITER else self._remove_reader)(number)
        return handle


def install():
    """Puts all loops of asyncio on the core. To be called before a test is imported."""
    def refuse(loop):
        raise AssertionError('this loop is not on the core')

    base_events.BaseEventLoop._run_once = refuse
    for kind in (selector_events.BaseSelectorEventLoop, proactor_events.BaseProactorEventLoop):
        kind.__bases__ = (OnCore,)
    base_events.BaseEventLoop = asyncio.BaseEventLoop = OnCore
