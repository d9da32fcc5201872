//! How a run is cited: in a sentence, and for BibTeX.

use std::fmt::Write;

use crate::files::run_file::Run;
use crate::output::html as escaped;

/// Composes the section.
pub(super) fn html(run: &Run) -> String {
    let mut text = String::from("<section id=\"cite\">\n<h2>Cite this run</h2>\n");
    for (name, citation) in [("text", sentence(run)), ("BibTeX", bibtex(run))] {
        let _ = writeln!(
            text,
            "<h3>As {name}</h3>\n<pre tabindex=\"0\">{}</pre>\n\
             <button type=\"button\" data-copy hidden>Copy</button>",
            escaped(&citation)
        );
    }
    text + "</section>\n"
}

/// Names the run by when it began, as its directory does.
fn id(run: &Run) -> String {
    run.started.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn program(run: &Run) -> String {
    let commit = run.environment.commit.as_deref().unwrap_or("unknown");
    format!("oneloop {}, commit {commit}", run.environment.version)
}

fn machine(run: &Run) -> String {
    let machine = &run.environment;
    format!("{}, {} cores, {}, {}", machine.cpu, machine.cores, machine.kernel, machine.compiler())
}

fn sentence(run: &Run) -> String {
    let date = run.started.strftime("%Y-%m-%d");
    let seed = run.seed;
    format!("{}, run {} of {date}, seed {seed}, on {}.", program(run), id(run), machine(run))
}

fn bibtex(run: &Run) -> String {
    let (year, month) = (run.started.strftime("%Y"), run.started.strftime("%b"));
    let month = month.to_string().to_lowercase();
    // Braces would end a field.
    let plain = |text: String| text.replace(['{', '}'], "");
    format!(
        "@misc{{oneloop-{id},\n  title = {{oneloop compare, run {id}}},\n  howpublished = {{{program}}},\n  \
         year = {{{year}}},\n  month = {month},\n  note = {{{machine}, seed {seed}}}\n}}",
        id = id(run),
        program = plain(program(run)),
        machine = plain(machine(run)),
        seed = run.seed,
    )
}
