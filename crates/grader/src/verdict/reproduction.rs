//! The reproduction: it must show the symptom on the shop as the change left it, and not without the change.

use super::{Case, Item};
use crate::reproduction::Reproduced;

const NAME: &str = "reproduction";

pub(super) fn item(case: &Case) -> Item {
    let weight = case.rubric.weights.reproduction;
    let is_given = !case.writeup.reproduction.commands.is_empty();
    let Some(symptom) = &case.rubric.reproduction else {
        return Item::unchecked(
            NAME,
            match is_given {
                true => "Not run: in this drill a few requests would show nothing.",
                false => "None is given, and this drill needs none.",
            },
        );
    };
    if !is_given {
        return Item::graded(NAME, 0.0, weight, "None is given.").hint(Some(
            "which requests would show the symptom? `command` takes `firedrill request …` lines"
                .to_owned(),
        ));
    }
    match &case.examined.reproduction {
        None => Item::unchecked(
            NAME,
            "Not run, because the shop is no longer running; not counted.",
        ),
        Some(Reproduced::Unchecked(why)) => {
            Item::unchecked(NAME, &format!("It could not be run ({why}); not counted."))
        }
        Some(Reproduced::Refused(why)) => {
            Item::graded(NAME, 0.0, weight, format!("Not run: {why}."))
        }
        Some(Reproduced::Ran {
            suspect,
            predecessor,
        }) => {
            let (share, outcome) = match (suspect.shows(symptom), predecessor.shows(symptom)) {
                (true, false) => (
                    1.0,
                    "It shows the symptom with the change and not without it",
                ),
                (true, true) => (0.0, "It shows the symptom without the change too"),
                (false, true) => (0.0, "It shows the symptom only without the change"),
                (false, false) => (0.0, "It does not show the symptom"),
            };
            let why = format!(
                "{outcome}. With the change: {}; without it: {}.",
                suspect.told(symptom),
                predecessor.told(symptom)
            );
            let hint = (share < 1.0).then(|| {
                "try it on the running shop; use `--times` and `--rate` to send more requests"
                    .to_owned()
            });
            Item::graded(NAME, share, weight, why).hint(hint)
        }
    }
}
