//! Colours and dashes of the arms, as classes of a style sheet.

use std::fmt::Write;

use examples::Style;

/// Colours of the arms in light and in dark, told apart by most eyes (after Okabe and Ito), each with a
/// pattern of dashes, since colour alone tells nothing on paper. Peers take those behind the styles'.
const INKS: [(&str, &str, &str); 12] = [
    ("#b34700", "#ff9f5a", ""),
    ("#0060a0", "#6fb7f0", ""),
    ("#00704e", "#45d0a0", ""),
    ("#8a3a8f", "#e39be8", ""),
    ("#505050", "#c0c0c0", "6 3"),
    ("#7a5c00", "#e0c040", "6 3"),
    ("#b0225a", "#ff86b4", "6 3"),
    ("#3a6f7a", "#86cfdc", "6 3"),
    ("#6a4bc0", "#b9a6ff", "2 3"),
    ("#4a6a00", "#b4d85a", "2 3"),
    ("#a03030", "#ff9a9a", "2 3"),
    ("#30509a", "#9ab8ff", "8 2"),
];

/// Returns the number of an arm's colour: a style has its own, and peers take turns.
pub(super) fn of(style: Option<Style>, place_among_peers: usize) -> usize {
    let own = |style: Style| Style::ALL.iter().position(|known| *known == style);
    let peers = INKS.len() - Style::ALL.len();
    style.and_then(own).unwrap_or(Style::ALL.len() + place_among_peers % peers)
}

/// Returns the style sheet of figures, in the light scheme or in the dark one.
pub(super) fn style(dark: bool) -> String {
    let (text, rule, paper) =
        if dark { ("#d8d8d8", "#3c3c3c", "none") } else { ("#333", "#ddd", "none") };
    let mut sheet = format!(
        "svg{{background:{paper}}}svg text{{font:12px system-ui,sans-serif;fill:{text}}}\
         svg .name{{font-size:13px}}.grid path{{stroke:{rule};fill:none}}\
         .line,.faint,.void,.hiccup{{fill:none;stroke-width:2}}.faint{{stroke-width:1;opacity:.55}}\
         .void{{stroke:#999!important;fill:none;stroke-width:1}}\
         .hiccup{{stroke:{text};stroke-width:1;stroke-dasharray:1 3}}\
         .band{{opacity:.16;stroke:none}}.median{{stroke-width:3;fill:none}}"
    );
    for (at, (light, dark_ink, dashes)) in INKS.iter().enumerate() {
        let ink = if dark { dark_ink } else { light };
        let dashes = if dashes.is_empty() {
            String::new()
        } else {
            format!(".a{at} .line{{stroke-dasharray:{dashes}}}")
        };
        let _ = write!(
            sheet,
            ".a{at} .line,.a{at} .faint,.a{at} .median{{stroke:{ink}}}{dashes}\
             .a{at} .dot,.a{at} .speck,.a{at} .band{{fill:{ink}}}"
        );
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_and_some_peers_have_colours_of_their_own() {
        let inks: std::collections::BTreeSet<_> = Style::ALL
            .iter()
            .map(|style| of(Some(*style), 0))
            .chain((0..3).map(|peer| of(None, peer)))
            .collect();
        assert_eq!(inks.len(), INKS.len());
    }
}
