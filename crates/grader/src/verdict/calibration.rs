//! Whether the responder knew how much they knew: the Brier score of the stated confidence.
//!
//! The points are a linear function of it, so that to say what one believes is the best that one can do.

use super::cause::{Nearness, nearness};
use super::{Case, Item};
use text::format::number;

const NAME: &str = "calibration";

pub(super) fn item(case: &Case) -> Item {
    let weight = case.rubric.weights.calibration;
    let Some(said) = case.writeup.confidence.map(|said| said.clamp(0.0, 1.0)) else {
        return Item::unchecked(NAME, "`confidence` (0 to 1) is missing; not counted.");
    };
    let is_right = is_right(case);
    let brier = (said - f64::from(u8::from(is_right))).powi(2);
    let outcome = match (is_right, case.rubric.control, case.says_incident()) {
        (true, _, _) => "you were right",
        (false, true, Some(true)) => "it was a false alarm",
        (false, _, _) => "you were wrong",
    };
    let calibrated = match brier {
        brier if brier <= 0.1 => "well calibrated".to_owned(),
        _ if is_right => "too cautious".to_owned(),
        _ => format!(
            "overconfident: with {} you should be right in {} of 10 drills",
            number(said),
            number((10.0 * said).round())
        ),
    };
    let why = format!(
        "Your confidence was {} and {outcome}: Brier score {} (0 is best, 1 is worst, always 0.5 gives 0.25); {calibrated}.",
        number(said),
        number((brier * 1000.0).round() / 1000.0)
    );
    let hint = (brier > 0.25).then(|| {
        "with this much evidence, how many of ten such write-ups would be right?".to_owned()
    });
    Item::graded(NAME, 1.0 - brier, weight, why).hint(hint)
}

/// Whether what the confidence is about is so: the cause, or in a control that there is none.
fn is_right(case: &Case) -> bool {
    let truth = case.rubric.cause.as_ref();
    match (case.says_incident(), truth) {
        (Some(true), Some(truth)) => nearness(truth, &case.writeup.cause) == Nearness::Right,
        (Some(false), None) => case.rubric.control,
        _ => false,
    }
}
