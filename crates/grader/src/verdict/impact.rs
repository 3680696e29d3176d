//! Impact: window and numbers against the load generator's own record.

use time::{Duration, OffsetDateTime};

use super::{Answer, Case, Counted, ImpactTruth, Item};
use crate::Window;
use crate::moment::clock_text;
use text::format::number;

/// Accepted deviation of a number, as a share of the truth.
const TOLERANCE: f64 = 0.25;

/// Accepted deviation of start and end: a quarter of the time between them, within reason.
fn slack(length: Duration) -> Duration {
    (length / 4_i32).clamp(Duration::seconds(10), Duration::seconds(60))
}

pub(super) fn window(case: &Case) -> Item {
    let weight = case.rubric.weights.impact_window;
    let name = "impact window";
    let Some(truth) = &case.facts.impact else {
        return Item::unchecked(
            name,
            "The load generator's record could not be read; not counted.",
        );
    };
    let resolve =
        |moment: Option<crate::Moment>| moment.map(|moment| moment.resolve(&case.facts.frame));
    let (start, end) = (
        resolve(case.writeup.impact.start),
        resolve(case.writeup.impact.end),
    );
    let windows = case.facts.frame.windows;
    if let Some((notice, windows)) = case.rubric.impact.notice.as_ref().zip(windows) {
        let (share, why) = unnoticed(notice, windows.incident, [start, end]);
        return Item::graded(name, share, weight, why);
    }
    let Some(true_start) = truth.start else {
        let (share, why) = match start {
            None => (
                1.0,
                "No customers were affected, and you give no window.".to_owned(),
            ),
            Some(_) => (
                0.0,
                "You give a window, but the load generator recorded no affected customers."
                    .to_owned(),
            ),
        };
        return Item::graded(name, share, weight, why);
    };
    let slack = slack(truth.end.unwrap_or(case.facts.frame.ended) - true_start);
    let (first, first_why) = edge("It began", start, Some(true_start), slack);
    let (second, second_why) = match (end, truth.end) {
        // The end is often the moment of writing; an open end says the same as one at the end of the run.
        (None, _) if start.is_none() => (0.0, "no end is given.".to_owned()),
        (None, Some(end)) if (case.facts.frame.ended - end).abs() > slack => (
            0.0,
            format!(
                "it ended at {}, but you leave the end open.",
                clock_text(end)
            ),
        ),
        (None, Some(end)) => (
            1.0,
            format!(
                "it ended at {}, so late that an open end also counts.",
                clock_text(end)
            ),
        ),
        (None, None) => (1.0, "it is still going on, as you say.".to_owned()),
        (Some(_), None) => edge("it went on until", end, Some(case.facts.frame.ended), slack),
        (end, truth) => edge("it ended", end, truth, slack),
    };
    Item::graded(
        name,
        (first + second) / 2.0,
        weight,
        format!("{first_why}; {}.", second_why.trim_end_matches('.')),
    )
}

/// Where answers were neither slow nor wrong something else suffered: the window is then within the incident, or left out.
fn unnoticed(notice: &str, incident: Window, said: [Option<OffsetDateTime>; 2]) -> (f64, String) {
    let slack = slack(incident.length());
    let is_within = said
        .iter()
        .flatten()
        .all(|at| incident.contains(*at, slack));
    let (from, to) = (clock_text(incident.from), clock_text(incident.to));
    match is_within {
        true => (
            1.0,
            format!(
                "No request was slow or failed; {notice} between {from} and {to}, and your window lies there."
            ),
        ),
        false => (
            0.0,
            format!(
                "No request was slow or failed; {notice} between {from} and {to}, and your window is another."
            ),
        ),
    }
}

fn edge(
    what: &str,
    said: Option<OffsetDateTime>,
    truth: Option<OffsetDateTime>,
    slack: Duration,
) -> (f64, String) {
    let (Some(said), Some(truth)) = (said, truth) else {
        let at = truth
            .map(|at| format!(" at {}", clock_text(at)))
            .unwrap_or_default();
        return (0.0, format!("{what}{at}, you give no time"));
    };
    // As they are shown, in whole seconds.
    let off = said.unix_timestamp() - truth.unix_timestamp();
    let share = match off.abs() {
        off if off <= slack.whole_seconds() => 1.0,
        off if off <= 2 * slack.whole_seconds() => 0.5,
        _ => 0.0,
    };
    let (truth, said) = (clock_text(truth), clock_text(said));
    (
        share,
        format!("{what} at {truth}, you say {said} ({off:+} s)"),
    )
}

pub(super) fn numbers(case: &Case) -> Item {
    let weight = case.rubric.weights.impact_numbers;
    let name = "impact numbers";
    match &case.facts.impact {
        None => Item::unchecked(
            name,
            "The load generator's record could not be read; not counted.",
        ),
        Some(truth) => {
            let (share, why, hint) = compare(case, truth);
            Item::graded(name, share, weight, why).hint(hint)
        }
    }
}

fn compare(case: &Case, truth: &ImpactTruth) -> Answer {
    let said = &case.writeup.impact;
    let ImpactTruth {
        counted, otherwise, ..
    } = truth;
    let number_of = |name, said: Option<f64>, of: &dyn Fn(&Counted) -> f64| {
        let ways = || otherwise.iter().chain([counted]).map(of);
        Number {
            name,
            said,
            counted: of(counted),
            least: ways().fold(f64::INFINITY, f64::min),
            most: ways().fold(0.0, f64::max),
        }
    };
    let share_of = |count: u64| count as f64 / counted.requests.max(1) as f64;
    let mut wanted = Vec::new();
    if share_of(counted.failed) >= 0.01 {
        let said = said.failed.map(|count| count as f64);
        wanted.push(number_of("failed", said, &|of| of.failed as f64));
    }
    if share_of(counted.slow) >= 0.01 {
        // Either number says how slow it was; the nearer one counts.
        let said_slow = said.slow.map(|count| count as f64);
        let slow = number_of("slow", said_slow, &|of| of.slow as f64);
        let p99 = number_of("p99_ms", said.p99_ms, &|of| of.p99_ms.unwrap_or(0.0));
        wanted.push(match counted.p99_ms.is_some() && p99.off() < slow.off() {
            true => p99,
            false => slow,
        });
    }
    if wanted.is_empty() {
        return harmless(said.failed, counted);
    }
    let said_requests = said.requests.map(|count| count as f64);
    wanted.push(number_of("requests", said_requests, &|of| {
        of.requests as f64
    }));
    let right = wanted.iter().filter(|number| number.is_right()).count();
    let share = right as f64 / wanted.len() as f64;
    let words: Vec<String> = wanted.iter().map(Number::told).collect();
    let why = format!(
        "{} (tolerance {:.0} %).",
        words.join("; "),
        TOLERANCE * 100.0
    );
    let hint = (share < 1.0).then(|| {
        "take these numbers from `increase(…[window])` of the gateway's request histogram, over the affected routes"
            .to_owned()
    });
    (share, why, hint)
}

/// A number of the impact. Which routes are affected is a matter of judgement, so whatever lies between the ways to count
/// them is right.
struct Number {
    name: &'static str,
    said: Option<f64>,
    /// On the rubric's routes.
    counted: f64,
    /// By the way to count that gives the least.
    least: f64,
    /// By the way to count that gives the most.
    most: f64,
}

impl Number {
    /// How far it is off, as a share.
    fn off(&self) -> f64 {
        self.said.map_or(f64::MAX, |said| {
            let nearest = said.clamp(self.least, self.most);
            (said - nearest).abs() / nearest.max(1.0)
        })
    }

    fn is_right(&self) -> bool {
        let slack = |way: f64| (TOLERANCE * way).max(2.0);
        let right = self.least - slack(self.least)..=self.most + slack(self.most);
        self.said.is_some_and(|said| right.contains(&said))
    }

    fn told(&self) -> String {
        let said = self.said.map_or_else(|| "missing".to_owned(), number);
        let Self { least, most, .. } = *self;
        let ways = match least < most {
            true => format!(
                ", {} to {} by the routes that are counted",
                number(least),
                number(most)
            ),
            false => String::new(),
        };
        format!(
            "{} {said}, recorded {}{ways}",
            self.name,
            number(self.counted)
        )
    }
}

fn harmless(failed: Option<u64>, truth: &Counted) -> Answer {
    let few = failed.is_some_and(|failed| failed as f64 <= (0.01 * truth.requests as f64).max(5.0));
    // Without an affected second the record counts no requests either.
    let recorded = match truth.requests {
        0 => "no second had enough failed or slow requests to count".to_owned(),
        all => format!("{} of {all} requests failed", truth.failed),
    };
    let why = match (few, failed) {
        (true, _) => format!("There was hardly any impact, as you say: {recorded}."),
        (false, None) => {
            "There was hardly any impact; say so with `failed = 0` or the number.".to_owned()
        }
        (false, Some(said)) => {
            format!("You say {said} requests failed, but there was hardly any impact: {recorded}.")
        }
    };
    (f64::from(u8::from(few)), why, None)
}
