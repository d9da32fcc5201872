//! `oneloop run`: one of the programs that are written in every style.

use std::io;
use std::net::SocketAddr;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use examples::{PROGRAMS, Program, STYLES, Style};

use crate::failure::Failure;
use crate::process::limits;
use crate::values;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop run happy-eyeballs --style promises
  oneloop run crawler --style callbacks
  oneloop run chat --help

Servers print `listening on ADDR`; SIGINT and SIGTERM end them with code 0.";

/// The arguments of `run`: a sub-command for each program, with the program's own flags.
#[derive(Clone, Debug)]
pub(crate) struct RunArguments {
    name: String,
    matches: ArgMatches,
}

/// Runs the program until it has ended, or a signal has come.
pub(crate) fn run(asked: &RunArguments) -> Result<(), Failure> {
    limits::raise_descriptor_limit();
    let program = Program::named(&asked.name).expect("clap knows the programs by name");
    let style = *asked.matches.get_one::<Style>("style").expect("it has a default");
    (program.run)(style, &asked.matches).map_err(|error| {
        let listen = asked.matches.try_get_one::<SocketAddr>("listen").ok().flatten();
        Failure::Refused(match listen.filter(|_| is_about_an_address(&error)) {
            Some(address) => format!("cannot listen on {address}: {error}"),
            None => format!("{} ended: {error}", program.name),
        })
    })
}

fn is_about_an_address(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
    matches!(error.kind(), AddrInUse | AddrNotAvailable | PermissionDenied)
}

/// Makes a program's sub-command.
fn command(program: &'static Program) -> Command {
    let style = Arg::new("style")
        .long("style")
        .value_name("STYLE")
        .help(format!("The style that it is written in: {}", names(&program.styles())))
        .default_value(Style::Async.name())
        .value_parser(move |name: &str| one_of(&program.styles(), name));
    // The flags bring a description of their own.
    (program.flags)(Command::new(program.name).arg(style)).about(program.sentence)
}

/// Finds a style that programs are written in, or says which those are. Whether this program is written as
/// a protocol or with fibers is known where it is known which.
pub(crate) fn style(name: &str) -> Result<Style, String> {
    match values::style(name)? {
        beside @ (Style::Protocol | Style::Fibers) => Ok(beside),
        _ => one_of(&STYLES, name),
    }
}

fn one_of(styles: &[Style], name: &str) -> Result<Style, String> {
    let style = values::style(name)?;
    if styles.contains(&style) {
        return Ok(style);
    }
    Err(format!("the styles are {}", names(styles)))
}

fn names(styles: &[Style]) -> String {
    styles.iter().map(|style| style.name()).collect::<Vec<_>>().join(", ")
}

impl Args for RunArguments {
    fn augment_args(command: Command) -> Command {
        command
            .subcommands(PROGRAMS.iter().map(|program| self::command(program)))
            .subcommand_required(true)
            .subcommand_value_name("PROGRAM")
            .subcommand_help_heading("Programs")
    }

    fn augment_args_for_update(command: Command) -> Command {
        RunArguments::augment_args(command)
    }
}

impl FromArgMatches for RunArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<RunArguments, Error> {
        let (name, matches) = matches.subcommand().expect("clap requires a program");
        Ok(RunArguments { name: name.to_owned(), matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = RunArguments::from_arg_matches(matches)?;
        Ok(())
    }
}
