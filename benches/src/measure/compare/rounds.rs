//! A timed round: every arm's closed phase, then every arm's open phase, each with a fresh server.
//!
//! All closed phases come first, because the rate of the open ones is derived from those of round
//! 1, or from the search that follows them; it then stays, so that the histograms of all rounds can
//! be added up.

use std::thread;
use std::time::{Duration, Instant};

use examples::Server;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::findings::Findings;
use super::length::{closed_length, open_length, visit_ms, warm_up};
use super::saturation;
use crate::files::figures::{ClosedFigures, OpenFigures, Quantiles};
use crate::files::interval_log::{Interval, Phase};
use crate::files::run_file::{Mode, Run};
use crate::measure::arm::Arm;
use crate::measure::hiccups::HiccupMeter;
use crate::measure::load::{Generator, Limit, MESSAGES_MAX, Recorder, Schedule, Trouble};
use crate::measure::plan::{Interrupted, Misfortune, Plan, keep};
use crate::measure::progress::Progress;
use crate::measure::visit::{Visit, visit};
use crate::process::cpu;
use crate::values::Rule;

/// In which a server that has nothing left to do goes to sleep, so that its CPU time is exact.
const REST: Duration = Duration::from_millis(1);

/// Measures one round.
pub(super) fn measure(
    plan: &Plan,
    round: usize,
    found: &mut Findings,
    progress: &Progress,
) -> Result<(), Interrupted> {
    let mut random = SmallRng::seed_from_u64(plan.seed.wrapping_add(round as u64));
    for arm in plan.order(&found.run, &mut random) {
        let outcome = closed_phase(plan, round, arm);
        progress.advance(visit_ms(&plan.arguments, arm, closed_length(&plan.arguments)) as u64);
        let during = format!("round {round}, closed phase");
        if let Some((figures, interval)) = keep(&mut found.run.failures, arm, during, outcome)? {
            progress.say(figures.line());
            found.run.closed.push(figures);
            found.log.add(arm.name(), Phase::Closed, &interval);
        }
    }
    let Some(rate) = rate(plan, &mut found.run, progress)? else {
        return Ok(());
    };
    let arrival_seed = plan.seed ^ ((round as u64) << 32);
    let length = open_length(&plan.arguments);
    let arrivals = Schedule::of(&plan.shape, rate, length, arrival_seed);
    let mut recorders = Vec::new();
    let order = plan.order(&found.run, &mut random);
    let ended = order.into_iter().try_for_each(|arm| {
        let outcome = open_phase(plan, arm, &arrivals);
        progress.advance(visit_ms(&plan.arguments, arm, length) as u64);
        let during = format!("round {round}, open phase");
        if let Some(interval) = keep(&mut found.run.failures, arm, during, outcome)? {
            let figures = OpenFigures::of(round, arm.name(), arrival_seed, &interval.recorder);
            progress.say(figures.line());
            found.run.open.push(figures);
            found.log.add(arm.name(), Phase::Open, &interval);
            recorders.push((arm.name(), interval.recorder));
        }
        Ok(())
    });
    // What an interrupt left of a round is reported as well.
    found.add_round(round, &recorders);
    ended
}

/// Returns the rate of the open phases, chosen in the first round.
fn rate(plan: &Plan, run: &mut Run, progress: &Progress) -> Result<Option<f64>, Interrupted> {
    if run.open_rate.is_none() {
        if plan.arguments.mode == Mode::Full && plan.arguments.rate.is_none() {
            saturation::search(plan, run, progress)?;
        }
        run.open_rate = plan.arguments.rate.or_else(|| choose_rate(plan, run));
    }
    Ok(run.open_rate)
}

/// Takes a share of what the slowest arm can: all arms get the same work, and none of them
/// saturates. The controls are no servers that anyone wants to know about.
fn choose_rate(plan: &Plan, run: &Run) -> Option<f64> {
    let counts = |name: &str| {
        let arm = plan.arguments.arms.iter().find(|arm| arm.name() == name);
        arm.is_some_and(|arm| !arm.is_control()) && !run.has_failed(name)
    };
    let closed = run.closed.iter().filter(|figures| counts(&figures.arm));
    let closed = closed.map(|figures| figures.messages_per_second).min_by(f64::total_cmp)?;
    let searched = run.saturation.iter().filter(|figures| counts(&figures.arm));
    let searched = searched.map(|figures| figures.messages_per_second).min_by(f64::total_cmp);
    let most = MESSAGES_MAX / plan.arguments.seconds;
    let share = plan.arguments.load_percent / 100.0;
    Some((searched.unwrap_or(closed) * share).round().clamp(1.0, most))
}

fn closed_phase(
    plan: &Plan,
    round: usize,
    arm: &Arm,
) -> Result<(ClosedFigures, Interval), Misfortune> {
    let timed = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[], aside: false };
    let visited = visit(plan, timed, |server| {
        let mut generator = warm_generator(plan, arm, server)?;
        let before = used_at_rest(server);
        let mut recorder = Recorder::new();
        let began = Instant::now();
        let closed =
            generator.closed(Limit::Time(closed_length(&plan.arguments)), &mut recorder)?;
        let length = began.elapsed();
        // Threads of a foreign server that ended meanwhile have taken their time with them.
        let used = used_at_rest(server).zip(before);
        let used = used.and_then(|(after, before)| after.checked_sub(before));
        // A process that used none is not the one that echoed.
        let used = used.filter(|used| !used.is_zero());
        let per_message = |used: Duration| used.as_secs_f64() * 1e6 / closed.messages as f64;
        let figures = ClosedFigures {
            round,
            arm: arm.name().to_owned(),
            messages: closed.messages,
            messages_within: closed.within,
            window_ns: closed.window.as_nanos() as u64,
            messages_per_second: closed.rate(),
            server_cpu_ns: used.map(|used| used.as_nanos() as u64),
            cpu_us_per_message: used.map(per_message),
            server_busy: used.map(|used| per_message(used) * closed.rate() / 1e6),
            response_us: Quantiles::of(&recorder.response),
        };
        Ok((figures, Interval { began, length, recorder, hiccups: None }))
    });
    visited.map(|(found, _)| found)
}

fn open_phase(plan: &Plan, arm: &Arm, schedule: &Schedule) -> Result<Interval, Misfortune> {
    let timed = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[], aside: false };
    let mut recorder = Recorder::new();
    let ((open, began, hiccups), _) = visit(plan, timed, |server| {
        let mut generator = warm_generator(plan, arm, server)?;
        // Beside the server, so that it sees what the server sees.
        let meter = HiccupMeter::start(plan.placement.map(|placement| placement.server));
        let began = Instant::now();
        let open = generator.open(schedule, &mut recorder);
        let hiccups = meter.and_then(HiccupMeter::stop);
        Ok((open?, began, hiccups))
    })?;
    if open.unanswered() > 0 {
        // A generator that sends in bursts asks more of the server than its schedule does.
        let late = "; the generator was the bottleneck, its send lag p99 over 500 us";
        let reason = format!(
            "could not keep up: {} of {} messages unanswered{}",
            open.unanswered(),
            open.offered,
            if recorder.is_late() { late } else { "" }
        );
        return Err(Misfortune::Failed(reason));
    }
    Ok(Interval { began, length: open.elapsed, recorder, hiccups })
}

fn warm_generator(plan: &Plan, arm: &Arm, server: &Server) -> Result<Generator, Trouble> {
    let mut generator = Generator::connect(server.addr(), plan.shape, &plan.interrupt)?;
    generator.closed(Limit::Time(warm_up(arm)), &mut Recorder::new())?;
    Ok(generator)
}

fn used_at_rest(server: &Server) -> Option<Duration> {
    thread::sleep(REST);
    cpu::time_used(server.pid())
}
