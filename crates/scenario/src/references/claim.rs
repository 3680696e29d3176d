//! What the debrief says of misleading evidence, held against a recording: a sentence that can be measured is.

use grader::reference::{Reference, Stretch};
use text::format::number;

use crate::{Limit, Link, Scenario};

/// A value beyond a limit for fewer seconds is one late scrape.
const LASTS_S: usize = 3;

/// The measurable sentences about what misled that are not so in a recording of the drill, each with what it shows instead.
pub fn untrue(scenario: &Scenario, recording: &Reference) -> Vec<String> {
    let sentences = scenario.debrief.misled.iter();
    let untrue = sentences.filter_map(|sentence| {
        let (link, limit) = (sentence.link.as_ref()?, sentence.limit?);
        let why = holds(link, limit, recording).err()?;
        Some(format!("`{}` {why}, but: {}", link.target, sentence.text))
    });
    untrue.collect()
}

/// Whether the expression of a link is on its side of a limit, from the baseline to the end of the incident.
fn holds(link: &Link, limit: Limit, recording: &Reference) -> Result<(), String> {
    let run = Stretch {
        from_s: recording.baseline.from_s,
        to_s: recording.incident.to_s,
    };
    let series = recording.metrics.range(link.target.trim(), run)?;
    let samples = series.iter().flat_map(|series| &series.samples);
    let values = samples.map(|sample| sample.value);
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    // What has a misspelt name is never above anything.
    let Some(highest) = values.first() else {
        return Err("has no value".to_owned());
    };
    let lasting = values.get(LASTS_S - 1).unwrap_or(highest);
    match limit {
        Limit::Above(least) if *lasting > least => Ok(()),
        Limit::Above(least) => Err(format!(
            "is {} at most, and not above {}",
            number(*lasting),
            number(least)
        )),
        Limit::Below(most) if *highest < most => Ok(()),
        Limit::Below(most) => Err(format!(
            "is {} at most, and not below {}",
            number(*highest),
            number(most)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Event, LinkKind, Misleading, catalogue, references};

    fn all() -> impl Iterator<Item = (Scenario, Reference)> {
        catalogue::FILES.iter().map(|file| {
            let scenario = catalogue::load(file.id).expect(file.id);
            let reference = references::own(&scenario).reference.expect(file.id);
            (scenario, reference)
        })
    }

    #[test]
    fn what_a_debrief_says_of_misleading_evidence_is_so_in_the_recording() {
        for (scenario, reference) in all() {
            let sentences = &scenario.debrief.misled;
            let is_measured = sentences.iter().any(|one| one.limit.is_some());
            assert!(is_measured, "{} measures no sentence", scenario.id);
            assert_eq!(untrue(&scenario, &reference), Vec::<String>::new());
        }
    }

    #[test]
    fn the_opposite_of_what_a_debrief_says_is_untrue() {
        for (mut scenario, reference) in all() {
            let measured = |one: &&mut Misleading| one.limit.is_some();
            let mut sentences = 0;
            for one in scenario.debrief.misled.iter_mut().filter(measured) {
                one.limit = one.limit.map(|limit| match limit {
                    Limit::Above(number) => Limit::Below(number),
                    Limit::Below(number) => Limit::Above(number),
                });
                sentences += 1;
            }
            let untrue = untrue(&scenario, &reference);
            assert_eq!(untrue.len(), sentences, "{}: {untrue:?}", scenario.id);
        }
    }

    #[test]
    fn a_deploy_that_misled_is_of_the_run_and_is_not_the_change() {
        for (scenario, _) in all() {
            let links = scenario.debrief.misled.iter();
            let links = links.filter_map(|one| one.link.as_ref());
            for link in links.filter(|link| link.kind == LinkKind::Deploy) {
                let is_it = |event: &&Event| match &event.action {
                    Action::Deploy {
                        service, release, ..
                    } => link.target == format!("{service}@{release}"),
                    _ => false,
                };
                let event = scenario.timeline.iter().find(is_it);
                let is_innocent = event.is_some_and(|event| !event.change);
                assert!(is_innocent, "{}: {}", scenario.id, link.target);
            }
        }
    }

    #[test]
    fn an_expression_without_values_shows_nothing() {
        let (mut scenario, reference) = all().next().expect("a drill");
        scenario.debrief.misled = vec![Misleading {
            text: "Nothing fails.".to_owned(),
            link: Some(Link {
                kind: LinkKind::Prometheus,
                target: "rate(http_server_request_duration_second_count[9s])".to_owned(),
            }),
            limit: Some(Limit::Below(1.0)),
        }];
        let expected = "`rate(http_server_request_duration_second_count[9s])` has no value, but: Nothing fails.";
        assert_eq!(untrue(&scenario, &reference), [expected]);
    }
}
