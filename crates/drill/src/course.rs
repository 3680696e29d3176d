//! The course of a drill: where it stands, when what happened, who was paged. Pure: no process, no file, no clock.

use std::collections::BTreeMap;

use record::{Frame, Window, Windows};
use time::OffsetDateTime;

use crate::api::{Failure, Page};

/// Where a drill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The shop with no incident to come.
    Up,
    /// The baseline is being established.
    Baseline,
    /// Traffic and deploys go on.
    Traffic,
    /// The responder was paged.
    Paged,
    /// A write-up is being graded.
    Grading,
    /// Nothing more can be done with it.
    Ended,
}

impl Phase {
    /// As `status` shows it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Baseline => "baseline",
            Self::Traffic => "traffic",
            Self::Paged => "paged",
            Self::Grading => "grading",
            Self::Ended => "ended",
        }
    }
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Passed, or ended before it was up.
    Done,
    /// Ended by its user before it was graded.
    Stopped,
    /// Graded as not passed.
    NotPassed,
    /// It does not count.
    Void,
}

/// Where a drill stands, and how it came there.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    phase: Phase,
    /// When traffic began.
    traffic: OffsetDateTime,
    /// When the baseline began to count.
    steady: Option<OffsetDateTime>,
    /// When the change that matters was made.
    change: Option<OffsetDateTime>,
    /// The pages, oldest first, each alert once.
    pages: Vec<Page>,
    /// Measurements of the indicator, by stage.
    pub(crate) measured: BTreeMap<String, f64>,
    /// What could not be checked because Prometheus did not answer when it had to be.
    pub(crate) unchecked: Option<String>,
    /// Whether alerts cannot be asked for right now, so that the responder cannot be paged.
    pub(crate) is_blind: bool,
    /// The grade, once there is one.
    passed: Option<bool>,
}

impl Course {
    /// From the begin of the traffic on.
    pub(crate) fn new(has_incident: bool, traffic: OffsetDateTime) -> Self {
        Self {
            phase: match has_incident {
                true => Phase::Baseline,
                false => Phase::Up,
            },
            traffic,
            steady: None,
            change: None,
            pages: Vec::new(),
            measured: BTreeMap::new(),
            unchecked: None,
            is_blind: false,
            passed: None,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// When traffic began.
    pub(crate) fn traffic(&self) -> OffsetDateTime {
        self.traffic
    }

    /// When the change that matters was made.
    pub(crate) fn changed(&self) -> Option<OffsetDateTime> {
        self.change
    }

    pub(crate) fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// Whether that alert has paged.
    pub(crate) fn has_paged(&self, alert: &str) -> bool {
        self.pages.iter().any(|page| page.alert == alert)
    }

    /// The baseline counts from here on.
    pub(crate) fn steady(&mut self, at: OffsetDateTime) {
        self.steady = Some(at);
        if self.phase == Phase::Baseline {
            self.phase = Phase::Traffic;
        }
    }

    /// The change that matters is made.
    pub(crate) fn change(&mut self, at: OffsetDateTime) {
        self.change = Some(at);
    }

    /// Takes a page; false if its alert has paged already.
    pub(crate) fn page(&mut self, page: Page) -> bool {
        if self.has_paged(&page.alert) {
            return false;
        }
        self.pages.push(page);
        if matches!(self.phase, Phase::Baseline | Phase::Traffic) {
            self.phase = Phase::Paged;
        }
        true
    }

    /// What has been since the baseline began to count, up to the change.
    pub(crate) fn baseline(&self, until: OffsetDateTime) -> Window {
        Window {
            from: self.steady.unwrap_or(self.traffic),
            // In a control nothing changes for the worse; what precedes the page is then the baseline.
            to: self.change.or(self.paged()).unwrap_or(until),
        }
    }

    /// What the symptom is looked for in: since the change, or since the baseline began where there is none.
    pub(crate) fn symptom(&self, until: OffsetDateTime) -> Window {
        Window {
            from: self.change.or(self.steady).unwrap_or(self.traffic),
            to: until,
        }
    }

    /// The times against which a write-up is graded.
    pub(crate) fn frame(&self, until: OffsetDateTime) -> Frame {
        let baseline = self.baseline(until);
        let incident = Window {
            from: baseline.to,
            to: until,
        };
        Frame {
            started: self.traffic,
            page: self.paged(),
            ended: until,
            windows: Some(Windows {
                baseline,
                incident,
                acted: None,
            }),
        }
    }

    /// Whether the responder may act.
    pub(crate) fn may_act(&self) -> Result<(), Failure> {
        match self.phase {
            Phase::Grading | Phase::Ended => Err(Failure::graded()),
            _ => Ok(()),
        }
    }

    /// Begins to grade, if there is something to grade.
    pub(crate) fn begin_grading(&mut self) -> Result<(), Failure> {
        if self.phase == Phase::Ended {
            return Err(Failure::new(
                "the drill is over",
                "`firedrill debrief` shows what happened",
            ));
        }
        if self.pages.is_empty() {
            let hint = "learn the baseline; pages appear in the drill's terminal";
            return Err(Failure::new("there has been no page yet", hint));
        }
        self.phase = Phase::Grading;
        Ok(())
    }

    /// The grade could not be had; the drill goes on.
    pub(crate) fn resume(&mut self) {
        if self.phase == Phase::Grading {
            self.phase = Phase::Paged;
        }
    }

    /// The grade is there.
    pub(crate) fn grade(&mut self, passed: bool) {
        self.phase = Phase::Ended;
        self.passed = Some(passed);
    }

    /// The drill does not count; false if it was over already.
    pub(crate) fn void(&mut self) -> bool {
        std::mem::replace(&mut self.phase, Phase::Ended) != Phase::Ended
    }

    /// How it ended, if it ends here.
    pub(crate) fn ending(&self) -> Ending {
        match (self.phase, self.passed) {
            (Phase::Ended, Some(false)) => Ending::NotPassed,
            (Phase::Ended, None) => Ending::Void,
            (Phase::Ended, Some(true)) => Ending::Done,
            _ => Ending::Stopped,
        }
    }

    /// When the first page was sent.
    fn paged(&self) -> Option<OffsetDateTime> {
        self.pages.first().map(|page| page.at)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-23 14:00:00 UTC);

    fn at(seconds: i64) -> OffsetDateTime {
        START + Duration::seconds(seconds)
    }

    fn page(alert: &str, seconds: i64) -> Page {
        Page {
            at: at(seconds),
            alert: alert.to_owned(),
            summary: String::new(),
            description: String::new(),
        }
    }

    #[test]
    fn a_drill_goes_from_its_baseline_to_its_grade() {
        let mut course = Course::new(true, START);
        assert_eq!(course.phase(), Phase::Baseline);
        assert!(course.may_act().is_ok());
        assert!(course.begin_grading().is_err(), "without a page");
        course.steady(at(20));
        assert_eq!(course.phase(), Phase::Traffic);
        course.change(at(40));
        assert!(course.page(page("A", 60)));
        assert!(!course.page(page("A", 61)), "each alert once");
        assert!(course.page(page("B", 62)));
        assert_eq!(course.phase(), Phase::Paged);
        course.begin_grading().expect("it was paged");
        assert!(course.may_act().is_err());
        course.resume();
        assert_eq!(course.phase(), Phase::Paged);
        course.begin_grading().expect("again");
        course.grade(false);
        assert_eq!(course.ending(), Ending::NotPassed);
        assert!(course.may_act().is_err() && course.begin_grading().is_err());
        assert!(!course.void(), "it is over already");
    }

    #[test]
    fn a_page_before_the_baseline_counts_is_still_a_page() {
        let mut course = Course::new(true, START);
        course.page(page("A", 5));
        course.steady(at(20));
        assert_eq!(course.phase(), Phase::Paged);
    }

    #[test]
    fn a_drill_that_becomes_void_while_it_is_graded_stays_so() {
        let mut course = Course::new(true, START);
        course.page(page("A", 60));
        course.begin_grading().expect("it was paged");
        assert!(course.void());
        course.resume();
        assert_eq!(
            (course.phase(), course.ending()),
            (Phase::Ended, Ending::Void)
        );
    }

    #[test]
    fn an_interrupted_drill_and_a_shop_without_incident_are_stopped() {
        assert_eq!(Course::new(true, START).ending(), Ending::Stopped);
        assert_eq!(Course::new(false, START).ending(), Ending::Stopped);
    }

    #[test]
    fn windows_meet_at_the_change_or_in_a_control_at_the_page() {
        let window = |from, to| Window {
            from: at(from),
            to: at(to),
        };
        let check = |change: Option<i64>, paged: Option<i64>, baseline, incident, symptom| {
            let mut course = Course::new(true, START);
            course.steady(at(20));
            change
                .into_iter()
                .for_each(|change| course.change(at(change)));
            paged.into_iter().for_each(|paged| {
                course.page(page("A", paged));
            });
            let frame = course.frame(at(100));
            assert_eq!(
                frame.windows,
                Some(Windows {
                    baseline,
                    incident,
                    acted: None
                })
            );
            assert_eq!((frame.started, frame.page), (START, paged.map(at)));
            assert_eq!(course.symptom(at(100)), symptom);
        };
        check(
            Some(40),
            Some(60),
            window(20, 40),
            window(40, 100),
            window(40, 100),
        );
        check(
            None,
            Some(60),
            window(20, 60),
            window(60, 100),
            window(20, 100),
        );
        check(
            None,
            None,
            window(20, 100),
            window(100, 100),
            window(20, 100),
        );
    }
}
