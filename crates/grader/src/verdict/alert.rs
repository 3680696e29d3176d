//! The proposed alert: would it have told of this incident, and of nothing before it?

use super::{Case, Item};
use crate::alert::{Outcome, Ran, Tried};
use crate::moment::{Window, clock_text};

const NAME: &str = "proposed alert";
/// An alert that comes later than this after the page is worth half: the page was better.
const LATE_S: f64 = 60.0;

pub(super) fn item(case: &Case) -> Item {
    let weight = case.rubric.weights.alert;
    let Some(tried) = &case.examined.alert else {
        return match case.rubric.control {
            true => Item::unchecked(NAME, "None is proposed, and none was needed; not counted."),
            false => Item::graded(NAME, 0.0, weight, "None is proposed.").hint(Some(
                "what should page you next time? `[alert]` takes an expression".to_owned(),
            )),
        };
    };
    match &tried.outcome {
        Outcome::Unchecked(why) => Item::unchecked(
            NAME,
            &format!("It could not be evaluated ({why}); not counted."),
        ),
        Outcome::Refused(why) => {
            Item::graded(NAME, 0.0, weight, format!("It cannot be used: {why}."))
        }
        Outcome::Ran(ran) => judged(case, tried, ran),
    }
}

fn judged(case: &Case, tried: &Tried, ran: &Ran) -> Item {
    let weight = case.rubric.weights.alert;
    let frame = &case.facts.frame;
    let Some(windows) = frame.windows else {
        return Item::unchecked(NAME, "The run has no record of its baseline and incident.");
    };
    let graded = |share: f64, why: String| Item::graded(NAME, share, weight, why);
    if case.rubric.control {
        let whole = Window {
            from: windows.baseline.from,
            to: windows.incident.to,
        };
        return match ran.first_in(whole) {
            None => graded(
                1.0,
                "It never fires, which is right: nothing was wrong.".to_owned(),
            ),
            Some(at) => graded(
                0.0,
                format!(
                    "It would have fired at {}, but nothing was wrong.",
                    clock_text(at)
                ),
            ),
        };
    }
    let before = ran.first_in(windows.baseline);
    // The two windows share an instant; what begins to fire there belongs to the incident.
    if let Some(at) = before.filter(|at| *at < windows.baseline.to) {
        let why = format!(
            "It would have fired at {}, before the incident: a false alarm.",
            clock_text(at)
        );
        return graded(0.0, why).hint(Some(
            "what is its value on a quiet day, and how far above that is too far?".to_owned(),
        ));
    }
    let Some(at) = ran.first_in(windows.incident) else {
        return graded(0.0, silent(tried, ran));
    };
    let (share, when) = match frame.page {
        None => (1.0, String::new()),
        Some(page) => compared((at - page).as_seconds_f64()),
    };
    graded(
        share,
        format!(
            "It is silent in the baseline and would have fired at {}{when}.",
            clock_text(at)
        ),
    )
}

fn silent(tried: &Tried, ran: &Ran) -> String {
    match ran.longest_s {
        longest if longest > 0.0 => format!(
            "It would not have fired: the condition lasted {longest:.0} s at most, and `for` is {:.0} s.",
            tried.hold_s
        ),
        _ => "It would not have fired in the incident.".to_owned(),
    }
}

fn compared(after_page_s: f64) -> (f64, String) {
    let seconds = after_page_s.abs().round();
    match after_page_s {
        _ if seconds < 1.0 => (1.0, ", with the page".to_owned()),
        after if after < 0.0 => (1.0, format!(", {seconds:.0} s before the page")),
        after if after <= LATE_S => (1.0, format!(", {seconds:.0} s after the page")),
        _ => (
            0.5,
            format!(", {seconds:.0} s after the page, which is too late to help"),
        ),
    }
}
