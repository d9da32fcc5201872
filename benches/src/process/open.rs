//! A page in the user's browser.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::output;

/// Programs that open a file in the browser that the user has chosen.
const OPENERS: [&str; 2] =
    if cfg!(target_os = "macos") { ["open", "xdg-open"] } else { ["xdg-open", "sensible-browser"] };

/// Opens a page, or says that nothing here can. A browser that is missing is no failure: the page is
/// written.
pub(crate) fn in_browser(page: &Path) {
    let opens = |program: &&str| {
        let mut command = Command::new(program);
        command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().is_ok()
    };
    if !OPENERS.iter().any(opens) {
        output::complain("found no program that opens pages; open the file by hand");
    }
}
