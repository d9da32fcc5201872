//! The pages of `show`.

use examples::SideBySide;

use crate::program::{finish, oneloop, run, text};

#[test]
fn every_program_is_shown_in_every_style() {
    for shown in SideBySide::all() {
        let output = run(&["show", shown.name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let page = text(&output.stdout);
        assert!(page.starts_with(&format!("{} {}\n", shown.name, shown.sentence)), "{page}");
        assert!(!page.contains('\u{1b}') && page.lines().all(|line| line.chars().count() <= 120));
        for row in shown.rows(&shown.styles()).unwrap() {
            let Some(step) = row.name else { continue };
            for style in shown.styles() {
                let heads = page.matches(&format!("-- {step}, {style} -")).count();
                assert_eq!(heads, 1, "{step} of {} in {style}", shown.name);
            }
        }
    }
}

#[test]
fn styles_come_as_they_are_asked_for_and_where_there_is_room_for_one_below_each_other() {
    let page = |width| {
        let output = run(&["show", "echo", "--styles", "async,callbacks", "--width", width]);
        text(&output.stdout).to_owned()
    };
    let wide = page("120");
    let head = wide.lines().find(|line| line.starts_with("-- echo, async -")).unwrap();
    assert!(head.contains("-- echo, callbacks -") && !wide.contains(", threads"), "{wide}");
    let narrow = page("80");
    let place = |style: &str| narrow.find(&format!("\n-- echo, {style} -")).unwrap();
    assert!(place("async") < place("callbacks"));
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
}

#[test]
fn a_pipe_has_colours_when_they_are_forced_and_not_refused() {
    let escapes = |variables: &[(&str, &str)]| {
        let mut command = oneloop(&["show", "echo"]);
        let command = command.env_remove("NO_COLOR").envs(variables.iter().copied());
        text(&finish(command.spawn().unwrap()).stdout).contains('\u{1b}')
    };
    assert!(!escapes(&[]));
    assert!(escapes(&[("CLICOLOR_FORCE", "1")]));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn the_page_of_the_crossings_has_every_pair_and_fits() {
    for width in ["80", "117", "118", "120"] {
        let output = run(&["show", "crossings", "--width", width]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let page = text(&output.stdout);
        let columns: usize = width.parse().unwrap();
        assert!(page.is_ascii() && page.lines().all(|line| line.len() <= columns), "{page}");
        let rows = page.lines().filter(|line| line.contains("crosses   crosses")).count();
        assert_eq!(rows, 12, "{page}");
    }
}

#[test]
fn what_cannot_be_shown_is_refused_in_one_line() {
    let cases: [(&[&str], &str); 6] = [
        (
            &["colours"],
            "there is: crossings, frames, virality, echo, chat, crawler, happy-eyeballs",
        ),
        (&["proxy", "--styles", "asink"], "did you mean `async`?"),
        (&["proxy", "--styles", "raw"], "the styles are threads, callbacks, promises, async"),
        (&["proxy", "--width", "39"], "from 40 to 1000 columns"),
        (&["proxy", "--width", "wide"], "from 40 to 1000 columns"),
        (&["crossings", "--styles", "async"], "--styles is for a program"),
    ];
    for (asked, reason) in cases {
        let output = run(&[&["show"], asked].concat());
        let complaint = text(&output.stderr);
        assert_eq!((output.status.code(), complaint.lines().count()), (Some(2), 1), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
    }
}

#[test]
fn the_help_has_examples_and_names_what_can_be_shown() {
    let output = run(&["show", "--help"]);
    let help = text(&output.stdout);
    for words in ["oneloop show proxy", "crossings, frames, virality", "NO_COLOR", "--styles"] {
        assert!(help.contains(words), "{help}");
    }
}

#[test]
fn the_page_of_virality_has_every_style() {
    let output = run(&["show", "virality"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    for row in ["threads", "callbacks", "promises", "async", "sans-I/O"] {
        assert!(page.lines().any(|line| line.trim_start().starts_with(row)), "{page}");
    }
    assert_eq!(page.matches("8 of 8").count(), 3, "{page}");
}

#[test]
fn the_page_of_frames_has_every_moment_and_what_the_loop_adds() {
    let output = run(&["show", "frames"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert_eq!(page.matches("before it waits").count(), 4, "{page}");
    assert!(page.contains("serve < price < look_up") && page.contains("spawned at"), "{page}");
}
