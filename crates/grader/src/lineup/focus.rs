//! Which changes of an expression may exclude a rival: a dashboard of everything shows also what tells, and points at
//! nothing.
//!
//! A line, a trace or a heap is one thing that somebody has chosen; an expression may answer with as many series as there
//! are. So its *leading* changes decide what it is about. If they are not the component's own, it excludes nothing.

use super::Symptom;
use crate::effect::expression::Expression;
use crate::effect::{Change, Effect, Feature};
use crate::reference::Probe;
use crate::vocabulary::Component;

/// So many of the leading changes must be the component's own.
const OWN: f64 = 2.0 / 3.0;

/// What a pointer has to be about in order to exclude.
#[derive(Debug, Clone, Copy)]
pub(super) struct Focus<'a> {
    /// The component that the write-up names.
    pub(super) component: Option<Component>,
    /// What the page itself says.
    pub(super) symptom: &'a Symptom,
}

impl Focus<'_> {
    /// The part of an effect that may exclude a rival which does not have it.
    pub(super) fn telling(&self, effect: &Effect, probe: &Probe) -> Effect {
        match probe {
            Probe::Promql(expression) => self.of_expression(effect, expression),
            Probe::Log(_) | Probe::Trace(_) | Probe::Heap(_) | Probe::Profile(_) => effect.clone(),
        }
    }

    fn of_expression(&self, effect: &Effect, expression: &Expression) -> Effect {
        let leading: Vec<bool> = effect
            .leading()
            .map(|(_, change)| self.owns(change))
            .collect();
        let own = leading.iter().filter(|is_own| **is_own).count();
        if (own as f64) < OWN * leading.len() as f64 {
            return Effect::default();
        }
        let tells = |(_, change): &(&Feature, &Change)| {
            self.owns(change) && !self.symptom.tells(expression, change)
        };
        let changes = effect.changes.iter().filter(tells);
        Effect {
            changes: changes
                .map(|(feature, change)| (feature.clone(), change.clone()))
                .collect(),
            refused: effect.refused.clone(),
        }
    }

    /// Whether a change is in series of the component alone: a sum over several services does not show which of them changed.
    /// Of a component that exposes nothing the calls to it are all there is.
    fn owns(&self, change: &Change) -> bool {
        let Some(places) = self.component.and_then(places) else {
            return true;
        };
        let is_place = |service: &String| places.contains(&service.as_str());
        match self.component {
            Some(Component::Payment) => change.services.iter().any(is_place),
            _ => change.owners().next().is_some() && change.owners().all(is_place),
        }
    }
}

/// The services at which a component shows; none where that is anywhere.
pub fn places(component: Component) -> Option<Vec<&'static str>> {
    match component {
        Component::Telemetry | Component::Host | Component::None | Component::Unknown => None,
        // Callers are seen where they call.
        Component::Clients => Some(vec!["gateway", "checkout", "inventory"]),
        other => Some(match other.as_str().strip_suffix("-link") {
            Some(ends) => ends.split('-').collect(),
            None => vec![other.as_str()],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Direction;
    use Component::{Checkout, CheckoutInventoryLink, Inventory, Payment};

    /// `NAME SIZE SERVICE+SERVICE` for each change, and who is called behind `>`; separated by commas.
    fn effect(changes: &str) -> Effect {
        let mut effect = Effect::default();
        for change in changes.split(',') {
            let words: Vec<&str> = change.split_whitespace().collect();
            let (owners, called) = words[2].split_once('>').unwrap_or((words[2], ""));
            let called = [called].into_iter().filter(|one| !one.is_empty());
            let called: std::collections::BTreeSet<String> = called.map(str::to_owned).collect();
            let change = Change {
                size: words[1].parse().expect("a number"),
                strength: 5.0,
                services: called
                    .iter()
                    .cloned()
                    .chain(owners.split('+').map(str::to_owned))
                    .collect(),
                called,
                ..Change::default()
            };
            effect.add(words[0], Direction::Up, change);
        }
        effect
    }

    /// What an expression is about, the component that is named, what it shows, and what of that tells.
    const CASES: &[(&str, Option<Component>, &str, &str)] = &[
        ("its own", Some(Checkout), "a 9 checkout", "a"),
        (
            "everything",
            Some(Checkout),
            "a 9 checkout,b 9 inventory,c 8 gateway",
            "",
        ),
        (
            "everything, but its own by far",
            Some(Checkout),
            "a 9 checkout,b 3 inventory,c 2 gateway",
            "a",
        ),
        (
            "two of three",
            Some(Checkout),
            "a 9 checkout,b 8 checkout,c 7 gateway",
            "a b",
        ),
        ("elsewhere", Some(Inventory), "a 9 checkout", ""),
        (
            "summed over services",
            Some(Checkout),
            "a 9 checkout+gateway",
            "",
        ),
        (
            "summed over both ends of a link",
            Some(CheckoutInventoryLink),
            "a 9 checkout+inventory",
            "a",
        ),
        (
            "the calls to it",
            Some(Inventory),
            "a 9 checkout>inventory",
            "",
        ),
        (
            "the calls that it makes",
            Some(Checkout),
            "a 9 checkout>payment",
            "a",
        ),
        (
            "the calls to what exposes nothing",
            Some(Payment),
            "a 9 checkout>payment",
            "a",
        ),
        (
            "an end of a link",
            Some(CheckoutInventoryLink),
            "a 9 checkout>inventory",
            "a",
        ),
        (
            "anywhere",
            Some(Component::Telemetry),
            "a 9 checkout,b 9 inventory",
            "a b",
        ),
        ("no component", None, "a 9 checkout,b 9 inventory", "a b"),
    ];

    #[test]
    fn an_expression_tells_by_what_leads_and_is_the_components_own() {
        for (name, component, shows, expected) in CASES {
            let focus = Focus {
                component: *component,
                symptom: &Symptom::default(),
            };
            let expression =
                Expression::read("sum by (service) (x)", 20.0).expect("it can be read");
            let telling = focus.telling(&effect(shows), &Probe::Promql(expression));
            let names: Vec<&str> = telling
                .changes
                .keys()
                .map(|one| one.name.as_str())
                .collect();
            assert_eq!(names.join(" "), *expected, "{name}");
        }
    }

    #[test]
    fn what_the_page_says_tells_nothing() {
        let symptom = Symptom::of("rate(x_seconds_count{service=\"gateway\"}[30s]) > 1");
        let focus = Focus {
            component: Some(Component::Gateway),
            symptom: &symptom,
        };
        for (expr, expected) in [("x_seconds_count", ""), ("y_total", "a")] {
            let expression = Expression::read(expr, 20.0).expect(expr);
            let telling = focus.telling(&effect("a 9 gateway"), &Probe::Promql(expression));
            let names: Vec<&str> = telling
                .changes
                .keys()
                .map(|one| one.name.as_str())
                .collect();
            assert_eq!(names.join(" "), expected, "{expr}");
        }
    }
}
