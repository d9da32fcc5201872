//! Many questions to one run: Holm's step-down correction of their probabilities.
//!
//! With a risk of 5 % each, twenty questions about nothing find a difference two times of three.
//! Source: S. Holm, A simple sequentially rejective multiple test procedure, 1979.

/// Corrects the probabilities of a family, in their order; the result is compared with the risk of
/// the whole family.
pub(crate) fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut corrected = vec![0.0; probabilities.len()];
    let mut greatest: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        let left = (probabilities.len() - rank) as f64;
        greatest = greatest.max((probabilities[at] * left).min(1.0));
        corrected[at] = greatest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_probability_pays_for_all_and_the_greatest_for_itself() {
        // By hand: 0.01 x 4, 0.02 x 3, 0.03 x 2, and 0.005 x ... the order stays.
        let corrected = holm(&[0.04, 0.01, 0.03, 0.02]);
        let rounded: Vec<f64> = corrected.iter().map(|p| (p * 1e6).round() / 1e6).collect();
        assert_eq!(rounded, [0.06, 0.04, 0.06, 0.06]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
