//! `frames [STYLE MOMENT]`: what a backtrace shows of the program of `examples::demonstrations::frames`.
//!
//! Without arguments, all of it. A debugger that stops at `examples::demonstrations::frames::probe::Probe::at` or
//! `take_backtrace` sees the same program from its side.

use std::env;
use std::io::{self, Error};
use std::process::ExitCode;

use examples::Style;
use examples::demonstrations::frames::{Moment, STYLES, backtrace};

fn main() -> ExitCode {
    match print(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frames: {error}");
            ExitCode::from(2)
        }
    }
}

fn print(arguments: &[String]) -> io::Result<()> {
    let (styles, moments) = match arguments {
        [] => (STYLES.to_vec(), Moment::FAULTS.to_vec()),
        [style, moment] => (vec![style_named(style)?], vec![moment_named(moment)?]),
        _ => return Err(Error::other("usage: frames [STYLE before|after|back]")),
    };
    for style in styles {
        for &moment in &moments {
            let seen = backtrace(style, moment)?;
            let functions = seen.functions().join(" < ");
            let (total, ours) = (seen.frames.len(), seen.frames_of_the_loop());
            println!("{style:<10} {moment:<20} {functions}  ({ours} of {total} are the loop's)");
            if arguments.len() == 2 {
                seen.frames.iter().for_each(|frame| println!("  {frame}"));
            }
        }
    }
    Ok(())
}

fn style_named(name: &str) -> io::Result<Style> {
    let known = STYLES.into_iter().find(|style| style.name() == name);
    known.ok_or_else(|| Error::other(format!("`{name}` is none of its styles")))
}

fn moment_named(name: &str) -> io::Result<Moment> {
    match name {
        "before" => Ok(Moment::Before),
        "after" => Ok(Moment::After),
        "back" => Ok(Moment::Back),
        _ => Err(Error::other(format!("`{name}` is none of before, after, back"))),
    }
}
