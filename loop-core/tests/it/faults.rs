//! The comparison with asyncio bites: a loop with a fault planted in it is found out.
//!
//! Each fault is a change of the sources, made in a copy of them. The copy is built, and runs the
//! recorded programs. Nothing of this is in the loop itself.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many of the recorded programs may pass before a fault is found.
const PROGRAMS_MAX: u64 = 100;

/// How long a build and a run may take.
const LIMIT: Duration = Duration::from_secs(300);

/// A change of one place of one file.
struct Fault {
    name: &'static str,
    file: &'static str,
    sound: &'static str,
    faulty: &'static str,
}

const FAULTS: [Fault; 10] = [
    Fault {
        name: "last in, first out",
        file: "ready.rs",
        sound: "entries.push_back(entry);",
        faulty: "entries.push_front(entry);",
    },
    Fault {
        name: "a turn runs until nothing is ready",
        file: "turn.rs",
        sound: "TurnRule::Snapshot => snapshot,",
        faulty: "TurnRule::Snapshot => usize::MAX,",
    },
    Fault {
        name: "the cancel of what is queued is lost",
        file: "scheduled.rs",
        sound: "Place::Ready(number) => self.take_out(self.state.ready().cancel(number)),",
        faulty: "Place::Ready(_) => !self.cancelled.get(),",
    },
    Fault {
        name: "the cancel of a timer is lost",
        file: "scheduled.rs",
        sound: "Place::Timed(key) => self.take_out(self.state.timers().take(key)),",
        faulty: "Place::Timed(_) => !self.cancelled.get(),",
    },
    Fault {
        name: "a reader runs after it was removed",
        file: "net/watching.rs",
        sound: "self.cancelled.set(true);",
        faulty: "self.cancelled.set(false);",
    },
    Fault {
        name: "the writer goes before the reader",
        file: "readiness/watch.rs",
        sound: "for (sign, slot) in sides {",
        faulty: "for (sign, slot) in sides.into_iter().rev() {",
    },
    Fault {
        name: "equal deadlines expire in the reverse order",
        file: "timers.rs",
        sound: "schedule.sequence += 1;",
        faulty: "schedule.sequence = schedule.sequence.wrapping_sub(1).min(VACANT - 1);",
    },
    Fault {
        name: "a deadline must have passed, not only come",
        file: "timers.rs",
        sound: "if deadline > now {",
        faulty: "if deadline >= now {",
    },
    Fault {
        name: "what other threads submit runs in the reverse order",
        file: "handle.rs",
        sound: "self.inbox.take() {",
        faulty: "self.inbox.take().into_iter().rev() {",
    },
    Fault {
        name: "a stop is remembered",
        file: "event_loop.rs",
        sound: "self.0.ending().stop(false);",
        faulty: "",
    },
];

#[test]
fn every_fault_has_its_place_in_the_sources() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for Fault { name, file, sound, faulty } in FAULTS {
        let text = fs::read_to_string(sources.join(file)).unwrap();
        assert_eq!(text.matches(sound).count(), 1, "{name}: {file}: {sound}");
        assert_ne!(sound, faulty);
    }
}

#[test]
#[ignore = "builds the loop eleven times, which takes a minute; .ci/run runs it"]
fn a_planted_fault_is_found() {
    let copy = Copy::new();
    assert_eq!(copy.first_divergence(), None, "without a fault");
    for fault in FAULTS {
        let file = copy.0.join("loop-core/src").join(fault.file);
        let sound = fs::read_to_string(&file).unwrap();
        assert_eq!(sound.matches(fault.sound).count(), 1, "{}: {}", fault.file, fault.sound);
        fs::write(&file, sound.replace(fault.sound, fault.faulty)).unwrap();
        let found = copy.first_divergence();
        fs::write(&file, sound).unwrap();
        let after = found.unwrap_or_else(|| panic!("not found: {}", fault.name));
        println!("{}: found by program {after}", fault.name);
        assert!(after <= PROGRAMS_MAX, "{}: found by program {after}", fault.name);
    }
}

/// A copy of this crate, in a workspace of its own.
struct Copy(PathBuf);

impl Copy {
    fn new() -> Copy {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = ours.parent().unwrap();
        // Always the same place, so that a second run finds the first one's dependencies built.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
        for part in ["Cargo.toml", "guide", "src", "tests"] {
            copy(&ours.join(part), &folder.join("loop-core").join(part));
        }
        copy(&workspace.join("Cargo.lock"), &folder.join("Cargo.lock"));
        let manifest = fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
        let alone = |line: &str| match line.split(' ').next() {
            Some("members") => Some("members = [\"loop-core\"]".to_owned()),
            Some("default-members") => None,
            _ => Some(line.to_owned()),
        };
        let manifest: Vec<String> = manifest.lines().filter_map(alone).collect();
        fs::write(folder.join("Cargo.toml"), manifest.join("\n")).unwrap();
        Copy(folder)
    }

    /// Builds the copy, runs the recorded programs and returns the number of the first that
    /// diverges.
    fn first_divergence(&self) -> Option<u64> {
        let child = Command::new(env!("CARGO"))
            .args(["test", "--offline", "--quiet", "--test", "against_asyncio"])
            .args(["--", "--recorded"])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            // A fault may leave something unused.
            .env("RUSTFLAGS", "--cap-lints=allow")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let end = Instant::now() + LIMIT;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > end => child.kill().unwrap(),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        let (_, number) = match status.code() {
            Some(0) => return None,
            Some(1) => output.split_once("The first is number ").expect(&output),
            _ => panic!("{status}: {output}"),
        };
        Some(number.split(':').next().unwrap().parse().unwrap())
    }
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, fs::read(from).unwrap()).unwrap();
    }
}
