//! A timed round: every arm's closed phase, then every arm's open phase, each with a fresh server.
//!
//! All closed phases come first, because the rate of the open ones is derived from those of round
//! 1; it then stays, so that the histograms of all rounds can be added up.

use std::thread;
use std::time::{Duration, Instant};

use examples::Server;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::progress::Progress;
use super::visit::{Misfortune, Visit, visit};
use super::{Findings, Interrupted, Plan};
use crate::files::interval_log::{Interval, Phase};
use crate::files::run_file::{ArmFailure, ClosedFigures, OpenFigures, Quantiles, Run};
use crate::measure::arm::Arm;
use crate::measure::hiccups::HiccupMeter;
use crate::measure::load::{Generator, Limit, Recorder, Schedule, Trouble};
use crate::process::cpu;
use crate::values::Rule;

/// The open phases' share of the slowest arm's closed rate.
const OPEN_SHARE: f64 = 0.3;

/// What precedes a phase, outside its window.
const WARM_UP: Duration = Duration::from_millis(80);

/// What a server needs to start, to accept and to end.
const START_MS: u64 = 25;

/// In which a server that has nothing left to do goes to sleep, so that its CPU time is exact.
const REST: Duration = Duration::from_millis(1);

/// Returns about how long all rounds will take.
pub(crate) fn cost_ms(plan: &Plan) -> u64 {
    let visits = 2 * plan.arguments.rounds * plan.arguments.arms.len();
    let mean = (visit_ms(closed_length(plan)) + visit_ms(open_length(plan))) / 2;
    visits as u64 * mean
}

fn visit_ms(phase: Duration) -> u64 {
    (phase + WARM_UP).as_millis() as u64 + START_MS
}

fn open_length(plan: &Plan) -> Duration {
    Duration::from_secs_f64(plan.arguments.seconds)
}

/// CPU time per message is exact after a short while; the open phase's last nine is what takes
/// time.
fn closed_length(plan: &Plan) -> Duration {
    open_length(plan) / 2
}

/// Measures one round.
pub(crate) fn measure(
    plan: &Plan,
    round: usize,
    found: &mut Findings,
    progress: &Progress,
) -> Result<(), Interrupted> {
    let mut random = SmallRng::seed_from_u64(plan.seed.wrapping_add(round as u64));
    for arm in plan.order(&found.run, &mut random) {
        progress.say(format!("round {round}: {arm}, closed"));
        let outcome = closed_phase(plan, round, arm);
        progress.advance(visit_ms(closed_length(plan)));
        let during = format!("round {round}, closed phase");
        if let Some((figures, interval)) = keep(&mut found.run, arm, during, outcome)? {
            found.run.closed.push(figures);
            found.log.add(arm.name(), Phase::Closed, &interval);
        }
    }
    let Some(rate) = found.run.open_rate.or_else(|| choose_rate(plan, &found.run)) else {
        return Ok(());
    };
    found.run.open_rate = Some(rate);
    let arrival_seed = plan.seed ^ ((round as u64) << 32);
    let arrivals = Schedule::of(&plan.shape, rate, open_length(plan), arrival_seed);
    let mut recorders = Vec::new();
    let order = plan.order(&found.run, &mut random);
    let ended = order.into_iter().try_for_each(|arm| {
        progress.say(format!("round {round}: {arm}, open at {rate:.0}/s"));
        let outcome = open_phase(plan, arm, &arrivals);
        progress.advance(visit_ms(open_length(plan)));
        let during = format!("round {round}, open phase");
        if let Some(interval) = keep(&mut found.run, arm, during, outcome)? {
            let figures = OpenFigures::of(round, arm.name(), arrival_seed, &interval.recorder);
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

impl Findings {
    /// Adds a round, valid or void: the whole of it or nothing, because to drop single phases would
    /// be to choose the lucky ones.
    fn add_round(&mut self, round: usize, recorders: &[(&str, Recorder)]) {
        let valid = !recorders.iter().any(|(_, recorder)| recorder.is_late());
        for (arm, recorder) in recorders {
            self.latencies.add(valid, arm, recorder);
        }
        if !valid {
            self.run.void_rounds.push(round);
        }
    }
}

/// Keeps an outcome, or notes why there is none.
pub(crate) fn keep<T>(
    run: &mut Run,
    arm: &Arm,
    during: String,
    outcome: Result<T, Misfortune>,
) -> Result<Option<T>, Interrupted> {
    match outcome {
        Ok(outcome) => Ok(Some(outcome)),
        Err(Misfortune::Interrupted) => Err(Interrupted),
        Err(Misfortune::Failed(reason)) => {
            run.failures.push(ArmFailure { arm: arm.name().to_owned(), during, reason });
            Ok(None)
        }
    }
}

/// Takes 30 % of the slowest arm's rate: all arms get the same work, and none of them saturates.
fn choose_rate(plan: &Plan, run: &Run) -> Option<f64> {
    let alive = run.closed.iter().filter(|figures| !run.has_failed(&figures.arm));
    let slowest = alive.map(|figures| figures.messages_per_second).min_by(f64::total_cmp)?;
    let most = crate::measure::load::MESSAGES_MAX / plan.arguments.seconds;
    let chosen = (slowest * OPEN_SHARE).round().clamp(1.0, most);
    Some(plan.arguments.rate.unwrap_or(chosen))
}

fn closed_phase(
    plan: &Plan,
    round: usize,
    arm: &Arm,
) -> Result<(ClosedFigures, Interval), Misfortune> {
    let timed = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[] };
    let visited = visit(plan, timed, |server| {
        let mut generator = warm_generator(plan, server)?;
        let before = used_at_rest(server);
        let mut recorder = Recorder::new();
        let began = Instant::now();
        let closed = generator.closed(Limit::Time(closed_length(plan)), &mut recorder)?;
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
    let timed = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[] };
    let mut recorder = Recorder::new();
    let ((open, began, hiccups), _) = visit(plan, timed, |server| {
        let mut generator = warm_generator(plan, server)?;
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

fn warm_generator(plan: &Plan, server: &Server) -> Result<Generator, Trouble> {
    let mut generator = Generator::connect(server.addr(), plan.shape, &plan.interrupt)?;
    generator.closed(Limit::Time(WARM_UP), &mut Recorder::new())?;
    Ok(generator)
}

fn used_at_rest(server: &Server) -> Option<Duration> {
    thread::sleep(REST);
    cpu::time_used(server.pid())
}
