//! `oneloop report`: a run that is over, read from its files and printed again.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::files::interval_log::LOG_NAME;
use crate::files::past::{self, Past};
use crate::files::run_file::PAGE_NAME;
use crate::files::sweep_file::SweepFile;
use crate::files::whole::WholeFile;
use crate::measure::{cost, duel};
use crate::merged;
use crate::output::{self, Dress};
use crate::page::{self, Collected};
use crate::process::open;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  oneloop report target/oneloop/20261123T050607Z
  oneloop report --html --open target/oneloop/20261123T050607Z
  oneloop report --markdown --svg figures target/oneloop/RUN > run.md
  oneloop report --merge a.hlog b.hlog  loads of several machines, added up

Of a comparison it needs run.json and run.hlog, of a sweep sweep.json and its
directories, of a duel duel.json and of `cost echo` cost.json, as they were
written; or the logs of `oneloop load --log`, whose counts are added, tag by
tag, if they were made at the same time.";

/// The arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArguments {
    /// The directory of a comparison, a duel or a count, or the JSON in it
    #[arg(required_unless_present = "merge")]
    pub(crate) run: Option<PathBuf>,
    /// Add up the logs of loads that several machines made at the same time
    #[arg(long, value_name = "LOG", num_args = 1..)]
    #[arg(conflicts_with_all = ["run", "markdown", "html", "svg", "open"])]
    merge: Vec<PathBuf>,
    /// Print Markdown instead of text
    #[arg(long, conflicts_with_all = ["html", "open"])]
    pub(crate) markdown: bool,
    /// Write the page, to report.html beside the run if no file is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    html: Option<Option<PathBuf>>,
    /// Write the figures as SVG files into a directory; Markdown then shows them
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
}

/// A run with all that its page shows.
struct Shown {
    past: Past,
    collected: Collected,
}

/// Reads the files, then prints, or writes the page.
pub(crate) fn print(arguments: &ReportArguments) -> Result<(), Failure> {
    let Some(run) = &arguments.run else {
        return merged::print(&arguments.merge);
    };
    let dress = if arguments.markdown { Dress::Markdown } else { Dress::of_stdout() };
    if let Some(sweep) = Overview::read(run)? {
        return sweep.print(arguments, dress);
    }
    for past in [duel::past, cost::past] {
        if let Some(text) = past(run)? {
            return output::print(&report::verbatim(text, dress));
        }
    }
    let shown = Shown::read(run)?;
    let figures = match &arguments.svg {
        Some(directory) => shown.write_figures(directory)?,
        None => Vec::new(),
    };
    let directory = &shown.past.directory;
    if arguments.html.is_some() || arguments.open {
        return write_and_open(arguments, directory, |file| shown.write_page(file));
    }
    let run = &shown.past.run;
    let latencies = shown.collected.latencies().counted(&run.arguments.arms);
    let mut text = report::compose(run, &latencies, Some(directory), dress);
    if arguments.markdown {
        for figure in &figures {
            let name = figure.file_stem().unwrap_or_default().display();
            text += &format!("\n![{name}]({})\n", figure.display());
        }
    }
    output::print(&text)
}

fn write_and_open(
    arguments: &ReportArguments,
    directory: &Path,
    write: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let file = arguments.html.clone().flatten();
    let file = file.unwrap_or_else(|| directory.join(PAGE_NAME));
    write(&file)?;
    output::print(&format!("Page:  {}\n", file.display()))?;
    if arguments.open {
        open::in_browser(&file);
    }
    Ok(())
}

/// Writes the page of a run that has just ended, beside its files.
///
/// # Errors
/// When the files cannot be read again, or the page cannot be written.
pub(crate) fn write_page(directory: &Path) -> Result<(), Failure> {
    Shown::read(directory)?.write_page(&directory.join(PAGE_NAME))
}

/// Writes the page of a sweep that has just ended, and returns its report.
///
/// # Errors
/// As those of [`write_page`].
pub(crate) fn write_overview(directory: &Path, dress: Dress) -> Result<String, Failure> {
    let sweep = Overview::read(directory)?
        .ok_or_else(|| Failure::Refused(format!("{}: is no sweep", directory.display())))?;
    let members = sweep.members();
    write(&directory.join(PAGE_NAME), &page::overview(&sweep.started(), &members, &sweep.sweep))?;
    Ok(report::overview(&sweep.started(), &members, Some(directory), dress))
}

/// A sweep as its files have it.
struct Overview {
    sweep: SweepFile,
    folder: PathBuf,
    runs: Vec<Shown>,
}

impl Overview {
    fn read(path: &Path) -> Result<Option<Overview>, Failure> {
        let Some(sweep) = SweepFile::read(path).map_err(Failure::Refused)? else {
            return Ok(None);
        };
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let runs = sweep.directories(folder).iter().map(|run| Shown::read(run)).collect();
        Result::<Vec<_>, _>::map(runs, |runs| {
            Some(Overview { sweep, folder: folder.to_owned(), runs })
        })
    }

    fn started(&self) -> String {
        self.sweep.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    fn members(&self) -> Vec<report::Member<'_>> {
        self.runs.iter().map(Shown::member).collect()
    }

    fn print(&self, arguments: &ReportArguments, dress: Dress) -> Result<(), Failure> {
        let started = self.started();
        if arguments.html.is_some() || arguments.open {
            let content = page::overview(&started, &self.members(), &self.sweep);
            return write_and_open(arguments, &self.folder, |file| write(file, &content));
        }
        output::print(&report::overview(&started, &self.members(), Some(&self.folder), dress))
    }
}

impl Shown {
    fn read(path: &Path) -> Result<Shown, Failure> {
        let past = past::read(path).map_err(Failure::Refused)?;
        let mut collected = Collected::default();
        let run = &past.run;
        past::each_open(run, &past.intervals, |figures, recorder, hiccups| {
            collected.add(run.is_valid(figures.round), &figures.arm, &recorder, hiccups.as_ref());
        })
        .map_err(|reason| {
            Failure::Refused(format!("{}: {reason}", past.directory.join(LOG_NAME).display()))
        })?;
        Ok(Shown { past, collected })
    }

    fn member(&self) -> report::Member<'_> {
        let run = &self.past.run;
        report::Member { run, latencies: self.collected.latencies().counted(&run.arguments.arms) }
    }

    fn write_page(&self, file: &Path) -> Result<(), Failure> {
        write(file, &page::compose(&self.past.run, &self.collected))
    }

    fn write_figures(&self, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
        let cannot =
            |error| Failure::Refused(format!("cannot write to {}: {error}", directory.display()));
        fs::create_dir_all(directory).map_err(cannot)?;
        let mut written = Vec::new();
        for (name, content) in page::files(&self.past.run, &self.collected) {
            let file = directory.join(name);
            write(&file, &content)?;
            written.push(file);
        }
        Ok(written)
    }
}

fn write(file: &Path, content: &str) -> Result<(), Failure> {
    let written = WholeFile::create(file).and_then(|to| to.write(content.as_bytes()));
    written
        .map_err(|error| Failure::Refused(format!("cannot write to {}: {error}", file.display())))
}
