//! The page of a sweep: the tables of its runs side by side, and the way to the page of each.

use std::fmt::Write;

use super::{environment, head_of, section};
use crate::files::run_file::PAGE_NAME;
use crate::files::sweep_file::SweepFile;
use crate::output::{Dress, html as escaped};
use crate::report::{BRACKETS, Member, OVERVIEW, column, overview_table};

/// Composes the page; the runs are in the order of the sweep's file.
pub(crate) fn overview(started: &str, runs: &[Member<'_>], sweep: &SweepFile) -> String {
    let mut page = head_of(&format!("oneloop compare, a sweep, {started}"));
    for (at, (name, figure)) in OVERVIEW.iter().enumerate() {
        page += &section(&format!("table-{at}"), name);
        page += &overview_table(runs, *figure, Dress::Html);
        page += "</section>\n";
    }
    page += &section("runs", "What each of them means");
    let _ = writeln!(page, "<p>{BRACKETS}</p>\n<ul>");
    for (member, name) in runs.iter().zip(sweep.names()) {
        let title = column(member.run).replace('\n', ", ");
        let _ = writeln!(
            page,
            "<li><a href=\"{}/{PAGE_NAME}\">{}</a>: {}</li>",
            escaped(name),
            escaped(&title),
            escaped(&member.run.verdict)
        );
    }
    page += "</ul>\n</section>\n";
    page += &environment(runs[0].run);
    page + "</main>\n</body>\n</html>\n"
}
