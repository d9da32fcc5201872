//! The command line: what can be asked. The arguments of each command stand with the command.

use clap::{Parser, Subcommand};

use crate::claims::{self, ClaimArguments, ClaimsArguments};
use crate::demo::{self, DemoArguments};
use crate::diff::DiffArguments;
use crate::measure::compare::{self, CompareArguments};
use crate::measure::cost::programs::operate::OperateArguments;
use crate::measure::cost::{self, CostArguments};
use crate::measure::duel::{self, DuelArguments};
use crate::measure::load_alone::{self, LoadArguments};
use crate::measure::peers::{self, PeersArguments};
use crate::measure::redis::{self, RedisArguments, ServeKeyValueArguments};
use crate::past_run::ReportArguments;
use crate::process::exec::ExecArguments;
use crate::run::{self, RunArguments};
use crate::serve::{self, ServeArguments};
use crate::show::{self, ShowArguments};
use crate::verify::VerifyArguments;

const EXAMPLES: &str = "\
Examples:
  oneloop                                   compare the styles, a minute at most
  oneloop --only callbacks,promises,async   compare the three styles of the loop
  oneloop compare --size 16384 --rounds 10  larger messages, more rounds
  oneloop duel raw async                    what a message costs, to about 1 %
  oneloop cost echo --quick                 count what a message costs
  oneloop serve echo --style async --listen 127.0.0.1:7000
  oneloop load --connect 127.0.0.1:7000 --rate 20000 --seconds 5

Without a command the options are those of `compare`: `oneloop compare --help`
lists them. Words such as arm, hop and turn rule are in the book's glossary,
essays/src/glossary.md. Exit codes: 0 well, 1 an address or a file refused, 2
bad input or a server that failed, 130 ended by Ctrl-C.";

/// Commands first: a reader of the help looks for what can be done.
const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

Commands:
{subcommands}

{after-help}";

/// One event loop, three ways to write programs for it: the comparison.
#[derive(Debug, Parser)]
#[command(name = "oneloop", version = env!("ONELOOP_VERSION"), args_conflicts_with_subcommands = true)]
#[command(after_help = EXAMPLES, help_template = TEMPLATE)]
pub(crate) struct Cli {
    /// What to do; without it, `compare`.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) compare: CompareArguments,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare the styles (the default)
    #[command(after_help = compare::EXAMPLES)]
    Compare(CompareArguments),
    /// Tell two servers apart by the CPU time that a message costs them
    #[command(after_help = duel::EXAMPLES)]
    Duel(DuelArguments),
    /// Run one server until SIGINT or SIGTERM
    #[command(after_help = serve::EXAMPLES)]
    Serve(ServeArguments),
    /// Run the load generator alone, against any echo server
    #[command(after_help = load_alone::EXAMPLES)]
    Load(LoadArguments),
    /// Count what a message costs: calls, instructions, allocations, memory
    #[command(after_help = cost::EXAMPLES)]
    Cost(CostArguments),
    /// Run the experiments of a claim, and show what they saw
    #[command(after_help = claims::EXAMPLES)]
    Claim(ClaimArguments),
    /// List what the essays assert, with verdicts
    #[command(after_help = claims::EXAMPLES)]
    Claims(ClaimsArguments),
    /// Show what is claimed by doing it
    #[command(after_help = demo::EXAMPLES)]
    Demo(DemoArguments),
    /// Show code side by side, and what crosses from colour to colour
    #[command(after_help = show::EXAMPLES)]
    Show(ShowArguments),
    /// Compare the key-value server, in each style, with a real Redis
    #[command(after_help = redis::EXAMPLES)]
    Redis(RedisArguments),
    /// List the ready-made peers: which can be used here, and how to get the rest
    #[command(after_help = peers::EXAMPLES)]
    Peers(PeersArguments),
    /// Run a program that is written in every style
    #[command(after_help = run::EXAMPLES)]
    Run(RunArguments),
    /// Print a comparison again from its files
    Report(ReportArguments),
    /// Compute every figure of a comparison again from what was recorded
    Verify(VerifyArguments),
    /// Tell what has changed between two comparisons
    Diff(DiffArguments),
    /// List the scenarios, the programs, the demonstrations and the styles
    List,
    /// Become another program, pinned and tied to its parent
    #[command(hide = true)]
    Exec(ExecArguments),
    /// One program of `cost programs`
    #[command(hide = true)]
    Operate(OperateArguments),
    /// One server of `redis`
    #[command(hide = true)]
    ServeKeyValue(ServeKeyValueArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use examples::Style;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_help_fits_a_terminal_of_80_columns() {
        let commands = Cli::command();
        for command in commands.get_subcommands().chain([&commands]) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let wide = after.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{}", command.get_name());
        }
    }

    #[test]
    fn flags_of_compare_work_without_its_name() {
        let cli = Cli::try_parse_from(["oneloop", "--connections", "8", "--only", "raw,async"]);
        let cli = cli.unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.compare.connections, [8]);
        assert_eq!(cli.compare.selection.only, [Style::Raw, Style::Async]);
    }
}
