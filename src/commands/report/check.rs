//! `firedrill report check`: what a write-up's pointers show, by nothing but what its responder knows as well.

use grader::{Frame, WriteUp};
use scenario::references;

use super::super::source::Evidence;
use super::super::times::known;
use super::refused;
use crate::cli::write::ReportCheck;
use crate::context::Context;
use crate::error::Outcome;
use crate::report::check::Known;
use crate::report::{self, file};

/// Checks a write-up against the running drill or an ended run.
pub(super) fn run(context: &Context, args: &ReportCheck) -> anyhow::Result<Outcome> {
    let text = file::read(&args.file)?;
    let name = args.file.display().to_string();
    let (writeup, over) = report::draft(&name, &text).map_err(|problems| refused(&problems))?;
    let evidence = Evidence::open(context, args.run.as_deref())?;
    let place = &evidence.place;
    let (frame, alerts) = known(&place.folder, place.now);
    let known = Known {
        frame: &since(frame, &writeup),
        alerts: &alerts,
        catalogue: references::candidates(),
    };
    let progress = context.terminal.progress("checking pointers");
    let checked = evidence.wait(report::check(&evidence.sources, known, &writeup, over));
    drop(progress);
    if args.format.json {
        context.terminal.json(&checked)?;
    } else {
        let text = checked.text(context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(if checked.is_sound() {
        Outcome::Done
    } else {
        Outcome::NotPassed
    })
}

/// The incident from when the write-up says that it began, if that is after the baseline and before what would be assumed.
fn since(mut frame: Frame, writeup: &WriteUp) -> Frame {
    let start = writeup.impact.start.map(|start| start.resolve(&frame));
    if let Some((windows, start)) = frame.windows.as_mut().zip(start) {
        let earliest = windows.baseline.to;
        windows.incident.from = windows.incident.from.min(start.max(earliest));
    }
    frame
}

#[cfg(test)]
mod tests {
    use grader::effect::expression::Expression;
    use grader::effect::{Change, Direction, Effect, Feature};
    use grader::pointer::{Detail, Executed, Finding, Outcome};
    use grader::reference::Probe;
    use grader::{Component, Examined, Moment};
    use record::{HEAD, TIMELINE};
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::terminal::Style;

    const NOW: OffsetDateTime = datetime!(2026-11-23 14:05 UTC);

    /// A run of one drill or another: the heads differ, and so does what is sealed.
    fn run_of(hash: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let head = format!(
            r#"{{"format":1,"run":"r","firedrill":"0.1.0","started":"2026-11-23T14:00:00Z","seed":1,"pace":"fast","backend":"embedded","urls":null,"scenario_hash":"{hash}"}}"#
        );
        std::fs::write(HEAD.path(folder.path()), head).expect("a head");
        let events = "{\"event\":\"steady\",\"at\":\"2026-11-23T14:01:00Z\"}\n\
            {\"event\":\"page\",\"at\":\"2026-11-23T14:02:30Z\",\"alert\":\"CheckoutLatencyBudgetBurn\",\"labels\":{},\"summary\":\"\",\"description\":\"\"}\n";
        std::fs::write(TIMELINE.path(folder.path()), events).expect("events");
        std::fs::write(folder.path().join(format!("{hash}.toml")), hash).expect("a file");
        folder
    }

    fn examined() -> Examined {
        let feature = Feature {
            name: "outbox_depth{service=\"checkout\"}".to_owned(),
            direction: Direction::Up,
        };
        let change = Change {
            size: 300.0,
            strength: 9.0,
            services: ["checkout".to_owned()].into(),
            what: "0 to 4 before, 300 then".to_owned(),
            ..Change::default()
        };
        let effect = Effect {
            changes: [(feature, change)].into(),
            refused: None,
        };
        let expression = Expression::read("outbox_depth", 30.0).expect("an expression");
        let finding = |effect: Effect, probe: Option<Probe>| Finding {
            what: "300 at 14:02:30".to_owned(),
            at: None,
            value: Some(300.0),
            value_holds: None,
            effect,
            probe,
            detail: Detail::Plain,
        };
        let executed = |field: &str, text: &str, finding: Finding| Executed {
            field: field.parse().ok(),
            text: text.to_owned(),
            kind: None,
            outcome: Outcome::Found(Box::new(finding)),
        };
        let deploy = Effect::refused("a deploy is a coincidence");
        Examined {
            pointers: vec![
                executed(
                    "cause.evidence[0]",
                    "promql:outbox_depth@page",
                    finding(effect, Some(Probe::Promql(expression))),
                ),
                executed(
                    "cause.evidence[1]",
                    "deploy:checkout@1",
                    finding(deploy, None),
                ),
            ],
            ..Examined::default()
        }
    }

    fn said(hash: &str, writeup: &WriteUp) -> String {
        let folder = run_of(hash);
        let (frame, alerts) = known(folder.path(), NOW);
        let known = Known {
            frame: &since(frame, writeup),
            alerts: &alerts,
            catalogue: references::candidates(),
        };
        let checked = report::check::checked(known, writeup, examined(), Vec::new());
        checked.text(Style::PLAIN, 100)
    }

    #[test]
    fn the_answer_depends_on_the_page_and_the_record_and_not_on_the_drill() {
        let text = said("orders-queue", &WriteUp::default());
        assert_eq!(text, said("checkout-stalls", &WriteUp::default()));
        for one in references::candidates() {
            assert!(
                !text.contains(&one.title) && !text.contains(&one.id),
                "{text}"
            );
        }
        let all = references::candidates()
            .iter()
            .filter(|one| one.page == "CheckoutLatencyBudgetBurn")
            .count()
            .max(5);
        let same = format!("The same in {all} of {all}.");
        assert_eq!(
            text.matches(&same).count(),
            1,
            "a deploy tells nothing: {text}"
        );
        assert!(
            text.contains("Effects compare 14:01:00 to 14:01:18 with 14:02:12 to 14:05:00"),
            "{text}"
        );
    }

    #[test]
    fn the_incident_is_what_the_write_up_says_it_is_within_reason() {
        for (start, expected) in [
            ("14:01:40", "with 14:01:40 to 14:05:00"),
            ("14:01:05", "with 14:01:18 to 14:05:00"),
            ("14:03:00", "with 14:02:12 to 14:05:00"),
        ] {
            let mut writeup = WriteUp::default();
            writeup.impact.start = start.parse::<Moment>().ok();
            let text = said("orders-queue", &writeup);
            assert!(text.contains(expected), "{start}: {text}");
        }
    }

    #[test]
    fn an_expression_about_another_component_is_said_to_exclude_nothing() {
        for (component, is_told) in [(Component::Checkout, false), (Component::Gateway, true)] {
            let mut writeup = WriteUp::default();
            writeup.cause.component = Some(component);
            let text = said("orders-queue", &writeup);
            let told = text.contains("so it excludes nothing: narrow the expression");
            assert_eq!(told, is_told, "{component:?}: {text}");
        }
    }
}
