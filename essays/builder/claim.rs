//! One claim as a box that can be linked to.

use examples::claims::{
    Bears, Claim, Decided, Nature, Observation, Part, PlantedFault, Source, Wording,
};

use crate::history::Order;
use crate::html::{block, escaped, with_code};

/// Lays out a claim: what it says and who said it, how it is decided, what was predicted and when,
/// how each part came out, and what follows.
pub(crate) fn laid_out(claim: &Claim, seen: Option<&Observation>, order: &Order) -> String {
    let Claim { id, statement, prediction, .. } = claim;
    let anchor = id.to_lowercase();
    let said: Vec<_> = claim.source.iter().map(said).collect();
    let mut text = format!(
        "<div class=\"claim\" id=\"{anchor}\">\n<p class=\"claim-statement\">\
         <a class=\"claim-id\" href=\"#{anchor}\">{id}</a> {}</p>\n\
         <dl><dt>What it is</dt><dd>{}</dd>\n<dt>Said by</dt><dd>{}</dd>\n<dt>Decided by</dt>\
         <dd><code>oneloop claim {id}</code></dd>\n<dt>Predicted</dt><dd>{}<br><small>{}</small></dd>\n",
        with_code(statement),
        claim.nature.name(),
        said.join("; "),
        with_code(prediction),
        escaped(&order.sentence(claim.measured_before.as_deref())),
    );
    for Wording { statement, until, why } in &claim.history {
        let (statement, why) = (with_code(statement), with_code(why));
        let until = escaped(until);
        text +=
            &format!("<dt>Worded until {until}</dt><dd>{statement}<br><small>{why}</small></dd>\n");
    }
    text += &parts(claim, seen);
    text += &faults(claim);
    text += &match seen {
        Some(Observation { printed, run, .. }) => {
            let run = escaped(run);
            format!(
                "<dt>Seen</dt><dd>in the run <span class=\"claim-run\">{run}</span></dd></dl>\n\n{}\n",
                block(printed)
            )
        }
        None => "<dt>Seen</dt><dd>not run yet</dd></dl>\n".to_owned(),
    };
    text + &outcome(claim, seen)
}

/// Says who said it, where and when.
fn said(source: &Source) -> String {
    let (who, place, when) = (&source.who, &source.place, &source.when);
    let who = with_code(who);
    if place.starts_with("https://") || place.starts_with("http://") {
        return format!("<a href=\"{}\">{who}</a>, {}", escaped(place), escaped(when));
    }
    format!("{who}, {}, {}", with_code(place), escaped(when))
}

/// Lists the parts, each with its threshold, what falls with it, and how it came out.
fn parts(claim: &Claim, seen: Option<&Observation>) -> String {
    let item = |part: &Part| {
        let came = seen.and_then(|seen| seen.parts.get(&part.name));
        let came = came.map_or("not decided", |came| came.name());
        let mut notes = vec![match part.bears {
            Bears::Statement => "carries the statement".to_owned(),
            Bears::Detail => "a detail".to_owned(),
            Bears::Prediction => "predicted beside the statement".to_owned(),
        }];
        notes.extend(Some(part.threshold()).filter(|threshold| !threshold.is_empty()));
        notes.extend((!part.predicted).then(|| "predicted to fail".to_owned()));
        let (name, notes) = (with_code(&part.name), escaped(&notes.join("; ")));
        format!("<li>{came}: {name} <small>({notes})</small></li>\n")
    };
    let items: String = claim.parts.iter().map(item).collect();
    if items.is_empty() { items } else { format!("<dt>Parts</dt><dd><ul>\n{items}</ul></dd>\n") }
}

/// Names the faults under which an experiment came out the other way.
fn faults(claim: &Claim) -> String {
    if claim.nature != Nature::Experiment {
        return String::new();
    }
    let item = |fault: &PlantedFault| {
        let (what, test) = (with_code(&fault.what), escaped(&fault.test));
        format!("<li>{what} <small>(<code>{test}</code>)</small></li>\n")
    };
    let items: String = claim.faults.iter().map(item).collect();
    format!("<dt>Flips under</dt><dd><ul>\n{items}</ul></dd>\n")
}

/// Says what follows from the parts of the last run; a demonstration has no verdict.
fn outcome(claim: &Claim, seen: Option<&Observation>) -> String {
    let outcome = seen.map_or(claim.registered(), |seen| claim.outcome(&seen.parts)).name();
    let class = outcome.replace(' ', "-");
    let label = if claim.nature == Nature::Experiment { "Verdict" } else { "Outcome" };
    format!(
        "<p class=\"claim-verdict {class}\">{label}: <strong>{outcome}</strong></p>\n</div>\n\n"
    )
}

/// Tells what came out otherwise than predicted, or nothing if nothing did.
pub(crate) fn surprise(claim: &Claim, seen: &Observation) -> Option<String> {
    let tell = |part: &&Part| {
        let holds = seen.parts.get(&part.name) == Some(&Decided::Holds);
        format!("{} ({})", part.name, if holds { "it holds" } else { "it fails" })
    };
    let surprises: Vec<_> = claim.surprises(&seen.parts).iter().map(tell).collect();
    (!surprises.is_empty()).then(|| surprises.join("; "))
}
