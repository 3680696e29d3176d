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
                true => "It is not run: this drill has nothing that a few requests would show.",
                false => "None is given, and this drill asks for none.",
            },
        );
    };
    if !is_given {
        return Item::graded(NAME, 0.0, weight, "None is given.").hint(Some(
            "which requests would show it to a colleague? `command` takes `firedrill request …` lines"
                .to_owned(),
        ));
    }
    match &case.examined.reproduction {
        None => Item::unchecked(
            NAME,
            "It was not run, because nothing of the shop runs any more; it is not counted.",
        ),
        Some(Reproduced::Unchecked(why)) => Item::unchecked(
            NAME,
            &format!("It could not be run ({why}), so this is not counted."),
        ),
        Some(Reproduced::Refused(why)) => {
            Item::graded(NAME, 0.0, weight, format!("It is not run: {why}."))
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
                (true, true) => (0.0, "It shows the same without the change"),
                (false, true) => (0.0, "It shows the symptom without the change only"),
                (false, false) => (0.0, "It does not show the symptom"),
            };
            let why = format!(
                "{outcome}. With it: {}; without it: {}.",
                suspect.told(symptom),
                predecessor.told(symptom)
            );
            let hint = (share < 1.0).then(|| {
                "try it on the running shop; `--times` and `--rate` send more than one".to_owned()
            });
            Item::graded(NAME, share, weight, why).hint(hint)
        }
    }
}
