//! What could not be checked is not marked wrong: parts and conditions are judged twice, once as things were found and
//! once with every unchecked pointer granted. Where that makes a difference, the difference is what is not known.

use super::{Case, Condition, Item, conditions, items};
use crate::effect::Effect;
use crate::pointer::{Detail, Executed, Finding, Outcome};

/// The parts and the conditions, less what could not be checked.
pub(super) fn judge(case: &Case) -> (Vec<Item>, Vec<Condition>) {
    let found = (super::items(case), conditions::all(case));
    if case.unchecked() == 0 {
        return found;
    }
    let pointers: Vec<Executed> = case.pointers.iter().map(granted).collect();
    let granted = Case {
        pointers: &pointers,
        ..*case
    };
    let best = (super::items(&granted), conditions::all(&granted));
    let items = found.0.into_iter().zip(best.0);
    let conditions = found.1.into_iter().zip(best.1);
    (
        items.map(|(item, best)| settle(item, &best)).collect(),
        conditions
            .map(|(condition, best)| excuse(condition, &best))
            .collect(),
    )
}

fn granted(pointer: &Executed) -> Executed {
    let Outcome::Unchecked(why) = &pointer.outcome else {
        return pointer.clone();
    };
    let finding = Finding {
        what: why.clone(),
        at: None,
        value: None,
        value_holds: None,
        effect: Effect::default(),
        probe: None,
        detail: Detail::Granted,
    };
    Executed {
        outcome: Outcome::Found(Box::new(finding)),
        ..pointer.clone()
    }
}

/// Takes the points that hang on unchecked pointers out of the sum.
fn settle(mut item: Item, best: &Item) -> Item {
    let unknown = best.points - item.points;
    // This part already leaves unchecked pointers out.
    if item.name != items::EVIDENCE && unknown > 0.0 {
        item.of = (item.of - unknown).max(0.0);
        item.why += " What could not be checked is not counted.";
    }
    item
}

fn excuse(mut condition: Condition, best: &Condition) -> Condition {
    if !condition.met && best.met {
        condition.unchecked = true;
        condition.why = format!(
            "This could not be checked and does not count against you. {}",
            condition.why
        );
    }
    condition
}
