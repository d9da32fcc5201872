//! The steps of a program, as its source names them between `// ANCHOR: step` and
//! `// ANCHOR_END: step`: mdBook's anchors, so that the terminal and the book show the same ones.

/// A part of a source: a step, or what lies before, between and after the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// What the step is called, if it is one.
    pub name: Option<&'a str>,
    /// Its lines, without the anchors and without empty ones at its ends.
    pub lines: Vec<&'a str>,
}

/// Divides a source in its steps.
///
/// ```
/// let source = "use x;\n\n// ANCHOR: read\nfn read() {}\n// ANCHOR_END: read\n";
/// let steps = examples::anchors::steps(source).unwrap();
/// assert_eq!(steps.len(), 2);
/// assert_eq!((steps[1].name, &steps[1].lines[..]), (Some("read"), &["fn read() {}"][..]));
/// ```
///
/// # Errors
/// What is wrong with an anchor: it is not closed, or not open, or within another, or there twice.
pub fn steps(source: &str) -> Result<Vec<Step<'_>>, String> {
    let mut steps = vec![Step { name: None, lines: Vec::new() }];
    let mut open = None;
    for line in source.lines() {
        let comment = line.trim();
        if let Some(name) = comment.strip_prefix("// ANCHOR: ") {
            if let Some(outer) = open {
                return Err(format!("`{name}` is within `{outer}`"));
            }
            if steps.iter().any(|step| step.name == Some(name)) {
                return Err(format!("`{name}` is there twice"));
            }
            open = Some(name);
            steps.push(Step { name: open, lines: Vec::new() });
        } else if let Some(name) = comment.strip_prefix("// ANCHOR_END: ") {
            if open.take() != Some(name) {
                return Err(format!("`{name}` is closed and was not open"));
            }
            steps.push(Step { name: None, lines: Vec::new() });
        } else {
            steps.last_mut().expect("there is one from the start").lines.push(line);
        }
    }
    if let Some(name) = open {
        return Err(format!("`{name}` is not closed"));
    }
    steps.iter_mut().for_each(trim);
    steps.retain(|step| step.name.is_some() || !step.lines.is_empty());
    Ok(steps)
}

/// Takes the empty lines away with which a step begins or ends.
fn trim(step: &mut Step<'_>) {
    let is_empty = |line: Option<&&str>| line.is_some_and(|line| line.trim().is_empty());
    while is_empty(step.lines.last()) {
        step.lines.pop();
    }
    while is_empty(step.lines.first()) {
        step.lines.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_anchors_are_named() {
        let fault = |source| steps(source).unwrap_err();
        assert_eq!(fault("// ANCHOR: a"), "`a` is not closed");
        assert_eq!(fault("// ANCHOR_END: a"), "`a` is closed and was not open");
        assert_eq!(fault("// ANCHOR: a\n// ANCHOR: b"), "`b` is within `a`");
        let twice = "// ANCHOR: a\n// ANCHOR_END: a\n// ANCHOR: a\n// ANCHOR_END: a";
        assert_eq!(fault(twice), "`a` is there twice");
    }

    #[test]
    fn a_source_without_anchors_is_one_part() {
        let whole = steps("fn main() {\n\n}\n").unwrap();
        assert_eq!(whole, [Step { name: None, lines: vec!["fn main() {", "", "}"] }]);
    }
}
