//! The ratios to each rival, read from what criterion has written.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::SUBJECT;

/// Nanoseconds of each contender in each group, a vector of the passes.
type Times = BTreeMap<String, BTreeMap<String, Vec<f64>>>;

/// Lays out the median time of each contender over the passes, and the subject's ratio to it.
pub(crate) fn of(directory: &Path, passes: usize) -> String {
    let mut times = Times::new();
    for pass in 1..=passes {
        read_pass(&directory.join(pass.to_string()), &mut times);
    }
    if times.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{:<60}{:>10}{:>22}\n", "", "ns", "oneloop's ratio to it");
    for (group, contenders) in &times {
        let subject = contenders.get(SUBJECT);
        let own = subject.map(|own| format!("{:.1}", median(own))).unwrap_or_default();
        let _ = writeln!(text, "{group:<42}{SUBJECT:<18}{own:>10}");
        for (name, passes) in contenders.iter().filter(|(name, _)| *name != SUBJECT) {
            let ratio = subject.map(|own| ratio_to(own, passes)).unwrap_or_default();
            let _ = writeln!(text, "{:<42}{name:<18}{:>10.1}{ratio:>22}", "", median(passes));
        }
    }
    text + &growth(&times)
        + "\nMedians of the passes; in brackets the least and the greatest ratio.\n"
}

/// Says what a hundred times as many outstanding timers cost.
fn growth(times: &Times) -> String {
    let mut text = String::from("\n");
    for operation in ["timer insert + cancel", "timer insert + expire"] {
        let with = |outstanding: u32| {
            times.get(&format!("{operation}, {outstanding} outstanding"))?.get(SUBJECT)
        };
        if let (Some(few), Some(many)) = (with(1_000), with(100_000)) {
            let ratio = ratio_to(many, few);
            let _ = writeln!(text, "{operation}, 100000 outstanding to 1000: {ratio}");
        }
    }
    text
}

fn read_pass(directory: &Path, times: &mut Times) {
    for group in folders(directory) {
        for contender in folders(&directory.join(&group)) {
            let new = directory.join(&group).join(&contender).join("new");
            // A folder's name is no more than a file system takes: the file has it whole.
            let name =
                |key: &str| read(&new.join("benchmark.json"))?[key].as_str().map(str::to_owned);
            let (Some(group), Some(contender)) = (name("group_id"), name("function_id")) else {
                continue;
            };
            let nanos = read(&new.join("estimates.json"))
                .and_then(|estimates| estimates["median"]["point_estimate"].as_f64());
            let passes = times.entry(group).or_default().entry(contender).or_default();
            passes.extend(nanos);
        }
    }
}

fn folders(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn ratio_to(own: &[f64], rival: &[f64]) -> String {
    let ratios: Vec<f64> = own.iter().zip(rival).map(|(own, rival)| own / rival).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2}..{greatest:.2})", median(&ratios))
}

fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
