//! A whole run, and its end in good order.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use api_async::{
    CancellationToken, InsideLoop, RunFailed, Runner, block_on, offload, run, run_until_complete,
    shield, sleep, spawn, spawn_infallible,
};
use loop_core::{EventLoop, LoopHandle};

use crate::lab::{Lab, Live, lab};

/// Runs without handling signals, which the whole process shares.
const QUIET: Runner = Runner { shutdown: Duration::from_secs(5), interrupts: false };

#[test]
fn a_run_has_the_output_of_its_main_future() {
    let output = QUIET.run(async |handle: LoopHandle| {
        sleep(&handle, Duration::from_millis(1)).await;
        42
    });
    assert_eq!(output.unwrap(), 42);
}

#[test]
fn what_is_left_is_aborted_and_the_loop_is_closed() {
    let Lab { mut event_loop, handle, reports } = lab();
    let live = Live::default();
    let kept = live.clone();
    let output = QUIET.run_on(&mut event_loop, async move |handle: LoopHandle| {
        for _ in 0..3 {
            let kept = kept.clone();
            spawn(&handle, async move {
                pending::<()>().await;
                drop(kept);
            })
            .detach();
        }
        sleep(&handle, Duration::from_millis(1)).await;
    });
    output.unwrap();
    assert_eq!((live.others(), reports.take().len()), (0, 0));
    assert!(handle.is_closed());
}

#[test]
fn what_is_shielded_is_waited_for_within_its_limit() {
    let Lab { mut event_loop, handle, reports } = lab();
    let order = Rc::new(RefCell::new(Vec::new()));
    let (kept, times) = (order.clone(), handle.clone());
    let output = QUIET.run_on(&mut event_loop, async move |handle: LoopHandle| {
        for (limit, takes) in [(2, 1), (1, 60)] {
            let (kept, timers) = (kept.clone(), handle.clone());
            let task = shield(&handle, Duration::from_secs(limit), async move {
                sleep(&timers, Duration::from_secs(takes)).await;
                kept.borrow_mut().push(takes);
            });
            // It is dropped with the main future.
            drop(task);
        }
    });
    output.unwrap();
    assert_eq!(*order.borrow(), [1]);
    assert!(times.is_closed());
    let reports = reports.take();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("goes on 1s after it was cancelled"), "{reports:?}");
}

#[test]
fn who_does_not_stop_is_named_and_does_not_hold_up_the_end() {
    let Lab { mut event_loop, handle, reports } = lab();
    let runner = Runner { shutdown: Duration::from_secs(1), interrupts: false };
    let ended = Rc::new(Cell::new(Duration::ZERO));
    let seen = ended.clone();
    handle.on_close({
        let handle = handle.clone();
        move || seen.set(handle.time().since_origin())
    });
    let output = runner.run_on(&mut event_loop, async move |handle: LoopHandle| {
        let (timers, hour) = (handle.clone(), Duration::from_secs(3_600));
        drop(shield(&handle, hour, async move { sleep(&timers, 9 * hour).await }));
    });
    output.unwrap();
    assert_eq!(ended.get(), Duration::from_secs(1));
    let reports = reports.take();
    assert_eq!(reports.len(), 1, "{reports:?}");
    let words = ["did not stop within 1s", "waits for a deadline", "run.rs"];
    assert!(words.iter().all(|word| reports[0].contains(word)), "{reports:?}");
}

#[test]
fn a_thread_that_does_not_stop_is_reported() {
    let mut event_loop = EventLoop::new().unwrap();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    event_loop
        .handle()
        .set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    let runner = Runner { shutdown: Duration::from_millis(20), interrupts: false };
    let (release, blocked) = mpsc::channel::<()>();
    let output = runner.run_on(&mut event_loop, async move |handle: LoopHandle| {
        let timers = handle.clone();
        spawn(&handle, async move { offload(&timers, move || blocked.recv().is_ok()).await })
            .detach();
        sleep(&handle, Duration::from_millis(1)).await;
    });
    output.unwrap();
    drop(release);
    assert!(reports.borrow()[0].contains("the executor still runs"), "{reports:?}");
}

#[test]
fn a_panic_of_the_main_future_is_the_run_s_and_the_end_is_done() {
    let Lab { mut event_loop, handle, reports } = lab();
    let output: Result<(), _> = QUIET.run_on(&mut event_loop, async |_| {
        if true {
            panic!("on purpose")
        }
    });
    assert!(matches!(output, Err(RunFailed::Panicked(message)) if message == "on purpose"));
    assert!(handle.is_closed());
    assert_eq!(reports.take().len(), 1);
}

#[test]
fn a_report_of_a_panic_of_the_main_future_names_the_program_s_line_and_not_this_crate_s() {
    let place = |lines: &[u32], reports: &[String]| {
        assert_eq!(reports.len(), lines.len(), "{reports:?}");
        for (line, report) in lines.iter().zip(reports) {
            assert!(report.contains(&format!("{}:{line}:", file!())), "{line}: {report}");
        }
    };
    let Lab { mut event_loop, reports, .. } = lab();
    let ran: Result<(), _> = run_until_complete(&mut event_loop, async { panic!("on purpose") });
    assert!(ran.is_err());
    let of_future = line!() - 2;
    let ran: Result<(), _> = QUIET.run_on(&mut event_loop, async |_| panic!("on purpose"));
    assert!(ran.is_err());
    place(&[of_future, line!() - 2], &reports.take());
}

#[test]
fn a_loop_that_is_stopped_fails_the_run() {
    let output = QUIET.run(async |handle: LoopHandle| {
        handle.stop();
        pending::<()>().await
    });
    assert!(matches!(output, Err(RunFailed::Loop(_))));
}

#[test]
fn blocking_inside_a_loop_is_refused_and_says_what_to_do() {
    assert_eq!(block_on(async { 1 }), Ok(1));
    let Lab { mut event_loop, handle, .. } = lab();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (inside, callback) = (seen.clone(), seen.clone());
    spawn(&handle, async move { inside.borrow_mut().push(block_on(async {})) }).detach();
    event_loop.run_ready();
    handle.call_soon(move || callback.borrow_mut().push(block_on(async {})));
    let timers = handle.clone();
    api_async::run_until_complete(&mut event_loop, async move {
        sleep(&timers, Duration::from_millis(1)).await;
    })
    .unwrap();
    assert_eq!(*seen.borrow(), [Err(InsideLoop), Err(InsideLoop)]);
    assert!(InsideLoop.to_string().contains("offload"));
    assert_eq!(block_on(async { 2 }), Ok(2), "outside it is allowed again");
}

/// The child of the next test: a program that is interrupted.
#[test]
#[ignore = "it is run by the next test"]
fn interrupted_program() {
    let output = run(async |handle: LoopHandle| {
        /// Says that the main future was dropped, and asks for the cleaning up.
        struct Says(CancellationToken);
        impl Drop for Says {
            fn drop(&mut self) {
                println!("main was cancelled");
                self.0.cancel();
            }
        }
        let says = Says(CancellationToken::new());
        let (timers, limit, asked) = (handle.clone(), Duration::from_secs(9), says.0.clone());
        let _cleans = shield(&handle, limit, async move {
            asked.cancelled().await;
            sleep(&timers, Duration::from_millis(5)).await;
            println!("cleaned up");
        });
        spawn_infallible(&handle, async { println!("ready") }).detach();
        pending::<()>().await
    });
    println!("{}", output.unwrap_err());
}

#[test]
fn an_interrupt_cancels_the_main_future_and_the_end_is_done() -> io::Result<()> {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let mut child = Command::new(std::env::current_exe()?)
        .args(["run::interrupted_program", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next().transpose()? {
        if line.ends_with("ready") {
            Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
        }
        said.push(line);
    }
    assert!(child.wait()?.success(), "{said:?}");
    let at = |words: &str| said.iter().position(|line| line.contains(words)).unwrap_or(usize::MAX);
    assert!(at("main was cancelled") < at("cleaned up"), "{said:?}");
    assert!(at("cleaned up") < at("the run was interrupted"), "{said:?}");
    assert!(at("the run was interrupted") < usize::MAX, "{said:?}");
    Ok(())
}

#[test]
fn a_run_within_a_run_is_refused_and_says_what_to_do() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(Cell::new(0));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| {
        seen.set(seen.get() + 1);
        assert!(context.message.contains("await the future"), "{context}");
    });
    let nested = spawn(&handle, async {
        let mut inner = EventLoop::new().unwrap();
        // Whatever is awaited on the inner loop may need the outer one, which stands.
        run_until_complete(&mut inner, async {}).unwrap();
    });
    let joined = run_until_complete(&mut event_loop, nested).unwrap();
    assert!(joined.unwrap_err().to_string().contains("await the future"));
    assert_eq!(reports.get(), 1);
    let runner = Runner { interrupts: false, ..Runner::default() };
    let again = runner.clone();
    let failed = runner.run(async move |_| again.run(async |_| ()).unwrap_err().to_string());
    assert!(failed.unwrap().contains("await the future"));
    run_until_complete(&mut event_loop, async {}).unwrap();
}
