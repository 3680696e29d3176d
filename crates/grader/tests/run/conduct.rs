//! What the recorded looks say about how the responder worked.

use grader::evidence::{Look, LookKind};
use grader::verdict::{Conduct, Worth};
use grader::writeup::WriteUp;
use grader::{examine, grade};
use time::Duration;

use crate::graded_run::{GradedRun, graded_run, right};
use crate::stub::{CHANGE, PAGE, SLOW, USUAL};

impl GradedRun {
    async fn conduct(&self, writeup: &WriteUp, looks: &[Look]) -> Conduct {
        let (sources, frame) = (&self.world.sources, &self.facts.frame);
        let examined = examine(sources, frame, writeup, looks).await;
        grade(&self.rubric, writeup, examined, &self.facts).conduct
    }
}

/// A look so many seconds after the page.
fn look(second: i64, kind: LookKind, what: &str) -> Look {
    Look::by_command(kind, what, PAGE + Duration::seconds(second))
}

fn times(conduct: &Conduct) -> String {
    let times = conduct.times.iter().map(|taken| {
        let seconds = taken
            .seconds
            .map_or("-".to_owned(), |seconds| seconds.to_string());
        format!("{} {seconds}", taken.name)
    });
    times.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn times_come_from_looks_and_actions_and_not_from_the_write_up() {
    async fn check(looks: &[Look], expected: &str, why: &str) {
        let mut run = graded_run().await;
        run.facts.actions[0].at = PAGE + Duration::seconds(90);
        // Whatever it says about times, the record is asked.
        let mut writeup = right();
        writeup.mitigation.at = Some("page+1s".parse().expect("a time"));
        let conduct = run.conduct(&writeup, looks).await;
        assert_eq!(times(&conduct), expected, "{looks:#?}");
        let whys: Vec<&str> = conduct.times.iter().map(|taken| &*taken.why).collect();
        assert!(whys.iter().any(|said| said.contains(why)), "{whys:#?}");
    }
    let trace = |second, id: &str| look(second, LookKind::Trace, id);
    let log = |second, what: &str| look(second, LookKind::Log, what);
    check(
        &[],
        "detect 120, localise -, diagnose -, mitigate 90",
        "No recorded look shows the deciding signal.",
    )
    .await;
    check(
        &[
            log(10, "service=checkout"),
            log(20, "service=inventory"),
            trace(40, SLOW),
        ],
        "detect 120, localise 20, diagnose 40, mitigate 90",
        "is the first look that shows the deciding signal: One query takes almost all of the time.",
    )
    .await;
    check(
        &[
            log(10, "service=inventory"),
            log(20, "service=checkout"),
            trace(40, USUAL),
        ],
        "detect 120, localise -, diagnose -, mitigate 90",
        "No recorded look goes to the affected component and stays there.",
    )
    .await;
    let early = Look {
        at: CHANGE - Duration::seconds(60),
        ..log(0, "service=inventory")
    };
    check(
        &[early, trace(40, SLOW)],
        "detect 120, localise 40, diagnose 40, mitigate 90",
        "is the first look that shows the deciding signal",
    )
    .await;
}

#[tokio::test]
async fn each_look_is_told_with_what_it_was_good_for() {
    let run = graded_run().await;
    let range = Look {
        from: Some(PAGE - Duration::seconds(60)),
        ..look(60, LookKind::Promql, "p99")
    };
    let looks = [
        look(5, LookKind::Deploys, "all"),
        look(10, LookKind::Promql, "flat"),
        range,
        look(70, LookKind::Trace, SLOW),
        look(80, LookKind::Heap, "early..late"),
        look(90, LookKind::Promql, "for_ever"),
    ];
    let conduct = run.conduct(&right(), &looks).await;
    let worth: Vec<&Worth> = conduct.looks.iter().map(|look| &look.worth).collect();
    let about = "One query takes almost all of the time".to_owned();
    let expected = [
        Worth::Little,
        Worth::Little,
        Worth::Telling,
        Worth::Settling(about),
        Worth::Little,
        Worth::Little,
    ];
    assert_eq!(worth, expected.iter().collect::<Vec<_>>());
}
