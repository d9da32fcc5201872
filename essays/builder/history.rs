//! When a prediction, its experiment and its verdict were first committed, as git tells it.
//!
//! Rule: without a whole history (no git, no repository, a shallow clone) nothing is known, the pages
//! say that it was not checked, and nothing fails for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use examples::claims::{Claim, claim_of};
use toml::{Table, Value};

/// The registers that predictions stand in, from the root of the workspace.
const REGISTERS: [(&str, &str); 2] =
    [("essays/claims.toml", "claim"), ("essays/predictions.toml", "prediction")];

/// What git knows of the registers and the experiments.
#[derive(Default)]
pub(crate) struct History(Option<Known>);

#[derive(Default)]
struct Known {
    /// By the id of a claim and the text of the prediction.
    predictions: BTreeMap<(String, String), Commit>,
    /// The first verdict of a claim, whichever it was.
    verdicts: BTreeMap<String, Commit>,
    /// The first test that is named by a claim.
    experiments: BTreeMap<String, Commit>,
    /// Every wording of a claim's statement.
    wordings: BTreeMap<String, Vec<String>>,
}

/// A commit and its time, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Commit {
    hash: String,
    time: String,
}

/// What is known of the order in which a prediction, its experiment and its verdict came.
pub(crate) enum Order {
    /// There is no history here.
    NotChecked,
    /// The prediction is not committed yet.
    Uncommitted,
    /// When each came first; what has not come is none.
    Known(Box<Times>),
}

/// When each came first.
pub(crate) struct Times {
    prediction: Commit,
    experiment: Option<Commit>,
    verdict: Option<Commit>,
}

impl History {
    /// Asks git; what it cannot tell is not known.
    pub(crate) fn read(root: &Path) -> History {
        let git = Git(root);
        History(git.is_whole().then(|| Known::read(&git)).flatten())
    }

    /// Returns the order of a claim's prediction, its first experiment and its first verdict.
    pub(crate) fn order(&self, id: &str, prediction: &str) -> Order {
        let Some(known) = &self.0 else { return Order::NotChecked };
        match known.predictions.get(&(id.to_owned(), prediction.to_owned())) {
            None => Order::Uncommitted,
            Some(first) => Order::Known(Box::new(Times {
                prediction: first.clone(),
                experiment: known.experiments.get(id).cloned(),
                verdict: known.verdicts.get(id).cloned(),
            })),
        }
    }

    /// Tells of wordings of a statement that git has and the registry does not keep.
    pub(crate) fn dropped(&self, claim: &Claim) -> Vec<String> {
        let wordings = self.0.as_ref().and_then(|known| known.wordings.get(&claim.id));
        let kept = |wording: &str| {
            wording == claim.statement || claim.history.iter().any(|old| old.statement == wording)
        };
        let dropped = wordings.into_iter().flatten().filter(|wording| !kept(wording));
        let id = &claim.id;
        dropped.map(|wording| format!("{id}: its history does not keep `{wording}`")).collect()
    }
}

impl Order {
    /// Tells whether an experiment is known to have been there before the prediction.
    pub(crate) fn is_younger_than_its_experiment(&self) -> bool {
        match self {
            Order::Known(times) => {
                let before = |experiment: &Commit| experiment.time < times.prediction.time;
                times.experiment.as_ref().is_some_and(before)
            }
            Order::NotChecked | Order::Uncommitted => false,
        }
    }

    /// Says which was first, for a table.
    pub(crate) fn brief(&self, measured_before: Option<&str>) -> String {
        let brief = match self {
            Order::NotChecked | Order::Uncommitted => "not checked",
            Order::Known(times) => match times.first() {
                First::Alone | First::Prediction => "the prediction",
                First::Experiment => "the experiment",
                First::Neither | First::WithVerdict => "not shown",
            },
        };
        let measured = measured_before.map_or("", |_| "; it had been measured");
        format!("{brief}{measured}")
    }

    /// Says in plain words what is known of the order, and what had been measured before.
    pub(crate) fn sentence(&self, measured_before: Option<&str>) -> String {
        let mut text = match self {
            Order::NotChecked => "Not checked: there is no whole history of git here.".to_owned(),
            Order::Uncommitted => "Not checked: this prediction is not committed yet.".to_owned(),
            Order::Known(times) => times.sentence(),
        };
        if let Some(measured) = measured_before {
            text += &format!(" Measured before: {measured}");
        }
        text
    }
}

/// What git shows of the order of a prediction and its experiment.
enum First {
    /// There is no experiment yet.
    Alone,
    Prediction,
    Experiment,
    /// One commit holds both.
    Neither,
    /// The prediction is the older, but its commit holds the verdict, too.
    WithVerdict,
}

impl Times {
    fn first(&self) -> First {
        let Times { prediction, experiment, verdict } = self;
        match experiment {
            None => First::Alone,
            Some(experiment) if experiment.time < prediction.time => First::Experiment,
            Some(experiment) if experiment == prediction => First::Neither,
            Some(_) if verdict.as_ref() == Some(prediction) => First::WithVerdict,
            Some(_) => First::Prediction,
        }
    }

    fn sentence(&self) -> String {
        let Times { prediction, experiment, .. } = self;
        let predicted = format!("Predicted in {} of {}", prediction.hash, prediction.time);
        let Some(experiment) = experiment else {
            return format!("{predicted}; no experiment yet.");
        };
        let tried = format!("first experiment in {} of {}", experiment.hash, experiment.time);
        let follows = match self.first() {
            First::Experiment => {
                "the experiment is the older, so the prediction is not shown to be first"
            }
            First::Neither => "one commit holds both, so the prediction is not shown to be first",
            First::WithVerdict => {
                "but the commit of the prediction holds the verdict, too, so it is not shown to be first"
            }
            First::Alone | First::Prediction => "the prediction is the older",
        };
        format!("{predicted}, {tried}: {follows}.")
    }
}

impl Known {
    fn read(git: &Git<'_>) -> Option<Known> {
        let mut known = Known::default();
        let files = REGISTERS.map(|(file, _)| file);
        for commit in git.commits(&files)? {
            for (file, list) in REGISTERS {
                let text = git.say(&["show", &format!("{}:./{file}", commit.hash)]);
                let table = text.and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
                let entries = table.get(list).and_then(Value::as_array);
                entries.into_iter().flatten().for_each(|entry| known.note(entry, list, &commit));
            }
        }
        known.experiments = git.experiments()?;
        Some(known)
    }

    /// Notes what a register had in a commit; those before it have been noted already.
    fn note(&mut self, entry: &Value, list: &str, commit: &Commit) {
        let field = |name| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(id) = field("id") else { return };
        if let Some(prediction) = field("prediction") {
            self.predictions.entry((id.clone(), prediction)).or_insert_with(|| commit.clone());
        }
        if list != "claim" {
            return;
        }
        if field("verdict").is_some() {
            self.verdicts.entry(id.clone()).or_insert_with(|| commit.clone());
        }
        let wordings = self.wordings.entry(id).or_default();
        wordings.extend(field("statement").filter(|statement| !wordings.contains(statement)));
    }
}

/// Git in a folder.
struct Git<'a>(&'a Path);

impl Git<'_> {
    /// Returns what a command prints, if it succeeds.
    fn say(&self, arguments: &[&str]) -> Option<String> {
        let mut git = Command::new("git");
        git.env("TZ", "UTC").arg("-C").arg(self.0).args(arguments);
        let output = git.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }

    /// Tells whether there is a history from the first commit on.
    fn is_whole(&self) -> bool {
        let shallow = self.say(&["rev-parse", "--is-shallow-repository"]);
        shallow.is_some_and(|shallow| shallow.trim() == "false")
    }

    /// Returns the commits that touch files, the oldest first.
    fn commits(&self, files: &[&str]) -> Option<Vec<Commit>> {
        let mut arguments = vec!["log", "--reverse", FORMAT, DATE, "--"];
        arguments.extend(files);
        Some(self.say(&arguments)?.lines().filter_map(Commit::parse).collect())
    }

    /// Returns the first commit that adds a test named by a claim, by the claim's id.
    fn experiments(&self) -> Option<BTreeMap<String, Commit>> {
        let named = "-Gfn c[0-9][0-9]_";
        let arguments =
            ["log", "--reverse", FORMAT, DATE, "-p", "-U0", named, "--", "*/tests/*.rs"];
        let (mut commit, mut first) = (None, BTreeMap::new());
        for line in self.say(&arguments)?.lines() {
            let added = line.strip_prefix('+').and_then(|line| line.trim().strip_prefix("fn "));
            let id = added.and_then(|name| claim_of(name.split('(').next()?));
            if let (Some(id), Some(commit)) = (id, &commit) {
                first.entry(id).or_insert_with(|| Commit::clone(commit));
            }
            commit = Commit::parse(line).or(commit);
        }
        Some(first)
    }
}

/// How `git log` is to print a commit: a mark that begins no line of a difference, hash and time.
const FORMAT: &str = "--format=commit:%h %cd";
const DATE: &str = "--date=format-local:%Y-%m-%d %H:%M:%S";

impl Commit {
    fn parse(line: &str) -> Option<Commit> {
        let (hash, time) = line.strip_prefix("commit:")?.split_once(' ')?;
        Some(Commit { hash: hash.to_owned(), time: time.to_owned() })
    }
}
