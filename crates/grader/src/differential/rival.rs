//! Which drills are the rivals of one: those that raise the same page, and the most alike of the others.

use std::collections::BTreeSet;

use crate::effect::Feature;

/// So many rivals at least, as far as there are such that raise the alert as well, whatever else pages there.
const AT_LEAST: usize = 5;
/// So many rivals at least, although the page alone speaks against those that do not raise it: a page of its own does not
/// settle what is behind it.
const FEWEST: usize = 3;

/// What is compared to choose rivals.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kin {
    /// The drill's id.
    pub id: String,
    /// The alert that pages.
    pub page: String,
    /// Whether nothing is wrong in it.
    pub is_control: bool,
    /// Whether the alert in question comes true in it.
    pub is_raised: bool,
    /// What changes in its first minutes; empty where that is not known.
    pub changes: BTreeSet<Feature>,
}

impl Kin {
    /// The share of what changes in either that changes in both.
    fn likeness(&self, other: &Self) -> f64 {
        let both = self.changes.intersection(&other.changes).count();
        let either = self.changes.union(&other.changes).count();
        both as f64 / either.max(1) as f64
    }
}

/// The rivals of a drill by id: those with its page first, then those in which its alert comes true as well, then the most
/// alike. The page excludes the others, but for the three most similar ones.
///
/// "No incident" is held against incidents only: which of two harmless things happened is nothing to find out.
pub fn rivals(of: &Kin, catalogue: &[Kin]) -> Vec<String> {
    let mut others: Vec<&Kin> = catalogue
        .iter()
        .filter(|other| other.id != of.id && !(of.is_control && other.is_control))
        .collect();
    others.sort_by(|one, other| {
        let is_other_page = |kin: &Kin| kin.page != of.page;
        is_other_page(one)
            .cmp(&is_other_page(other))
            .then(other.is_raised.cmp(&one.is_raised))
            .then(of.likeness(other).total_cmp(&of.likeness(one)))
            .then(one.id.cmp(&other.id))
    });
    let same = others.iter().filter(|other| other.page == of.page).count();
    let others_raised = others
        .iter()
        .filter(|other| other.page != of.page && other.is_raised);
    let raised = same + others_raised.count();
    let wanted = same.max(raised.min(AT_LEAST)).max(FEWEST);
    let chosen = others.into_iter().take(wanted);
    chosen.map(|other| other.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Direction;

    fn kin(id: &str, page: &str, changes: &str) -> Kin {
        Kin {
            id: id.to_owned(),
            page: page.to_owned(),
            is_control: id.starts_with("control"),
            is_raised: changes.contains('x'),
            changes: changes
                .split_whitespace()
                .map(|name| Feature {
                    name: name.to_owned(),
                    direction: Direction::Up,
                })
                .collect(),
        }
    }

    #[test]
    fn those_with_the_page_come_first_and_the_most_alike_fill_up() {
        let catalogue = [
            kin("a", "Slow", "x y"),
            kin("b", "Slow", "z"),
            kin("c", "Errors", "x"),
            kin("d", "Errors", "x y"),
            kin("e", "Memory", ""),
            kin("f", "Memory", "q"),
            kin("control-g", "Slow", ""),
            kin("control-h", "Memory", "x y"),
        ];
        assert_eq!(
            rivals(&catalogue[0], &catalogue),
            ["b", "control-g", "control-h", "d", "c"]
        );
        assert_eq!(
            rivals(&catalogue[7], &catalogue),
            ["e", "f", "a", "d", "c"],
            "no control is a rival of a control"
        );
        let alone = kin("i", "Callers", "z");
        assert_eq!(
            rivals(&alone, &catalogue),
            ["a", "c", "control-h", "d"],
            "those in which its alert comes true, and no others"
        );
        let quiet: Vec<Kin> = catalogue
            .iter()
            .filter(|one| !one.is_raised)
            .cloned()
            .collect();
        assert_eq!(
            rivals(&alone, &quiet),
            ["b", "control-g", "e"],
            "the most alike, although the page speaks against them"
        );
        let many: Vec<Kin> = (0..9).map(|id| kin(&id.to_string(), "Slow", "")).collect();
        assert_eq!(rivals(&many[0], &many).len(), 8, "all that share a page");
    }
}
