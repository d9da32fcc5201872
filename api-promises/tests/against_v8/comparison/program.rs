//! Programs: a text of one line, drawn at random, and taken apart when it has to be made smaller.
//!
//! Phases are separated by `|`: what is ready runs to its end between them. Steps are separated by
//! `;`. A number that names a promise or a deferred one is taken modulo how many there are, so that
//! any step can be left out.

use fastrand::Rng;

/// How many steps a program has at most.
const STEPS_MAX: usize = 14;

/// Draws a program.
pub(crate) fn draw(seed: u64) -> String {
    let mut rng = Rng::with_seed(seed);
    let phases = rng.usize(1..=3);
    let steps = rng.usize(2..=STEPS_MAX);
    let mut text = String::new();
    for step in 0..steps {
        let cut = step > 0 && phases > 1 && rng.usize(0..steps / phases + 1) == 0;
        text.push_str(if step == 0 {
            ""
        } else if cut {
            "|"
        } else {
            ";"
        });
        text.push_str(&draw_step(&mut rng));
    }
    text
}

fn draw_step(rng: &mut Rng) -> String {
    let (name, value) = (rng.u8(0..12), rng.u8(0..100));
    match rng.u8(0..17) {
        0 => format!("V {value}"),
        1 => format!("X {value}"),
        2 | 3 => "D".to_owned(),
        4..=6 => format!("T {name} {}", draw_handler(rng)),
        7 => format!("C {name} {}", draw_handler(rng)),
        8 => format!("F {name} {}", draw_handler(rng)),
        9 => format!("B {name} {} {}", draw_handler(rng), draw_handler(rng)),
        10 => format!("A {}", draw_list(rng)),
        11 => format!("S {}", draw_list(rng)),
        12 => format!("Y {}", draw_list(rng)),
        13 => format!("R {}", draw_list(rng)),
        14 => format!("s {name} {value}"),
        15 => format!("j {name} {value}"),
        _ => format!("f {name} {}", rng.u8(0..12)),
    }
}

fn draw_handler(rng: &mut Rng) -> String {
    let (name, value) = (rng.u8(0..12), rng.u8(0..100));
    match rng.u8(0..9) {
        0 | 1 => format!("v{value}"),
        2 => format!("x{value}"),
        3 | 4 => format!("p{name}"),
        5 => format!("n{value}"),
        6 => format!("s{name}.{value}"),
        7 => format!("j{name}.{value}"),
        _ => format!("f{name}.{}", rng.u8(0..12)),
    }
}

fn draw_list(rng: &mut Rng) -> String {
    let names: Vec<_> = (0..rng.usize(0..4)).map(|_| rng.u8(0..12).to_string()).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

/// Leaves out steps for as long as the rest still differs.
pub(crate) fn shrink(program: &str, mut differs: impl FnMut(&str) -> bool) -> String {
    let mut smallest = program.to_owned();
    'again: loop {
        for candidate in without_one_step(&smallest) {
            if differs(&candidate) {
                smallest = candidate;
                continue 'again;
            }
        }
        return smallest;
    }
}

fn without_one_step(program: &str) -> Vec<String> {
    let steps: Vec<&str> = program.split_inclusive([';', '|']).collect();
    let leave_out = |left_out: usize| {
        let kept = steps.iter().enumerate().filter(|(place, _)| *place != left_out);
        let text: String = kept.map(|(_, step)| *step).collect();
        text.trim_end_matches([';', '|']).to_owned()
    };
    (0..steps.len()).map(leave_out).filter(|text| !text.is_empty()).collect()
}
