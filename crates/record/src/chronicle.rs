//! The times of a run, from its head and its events.

use std::path::Path;

use time::{Duration, OffsetDateTime};

use crate::{Error, Event, Head, TIMELINE};

/// When a run began, when it paged, when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chronicle {
    /// When the runner started.
    pub started: OffsetDateTime,
    /// When the baseline began to count.
    pub steady: Option<OffsetDateTime>,
    /// The first page.
    pub page: Option<FirstPage>,
    /// Its alert, and those that paged with it.
    pub alerts: Vec<String>,
    /// When it ended; the time of the last event while it runs, and after a kill.
    pub last: OffsetDateTime,
}

/// Alerts that page within this time of the first one are about the same incident.
const TOGETHER: Duration = Duration::MINUTE;

/// The first page of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstPage {
    /// When.
    pub at: OffsetDateTime,
    /// The alert's name.
    pub alert: String,
}

impl Chronicle {
    /// Reads a run folder, as far as it goes.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let Head { started, ended, .. } = Head::read(folder)?;
        let events = TIMELINE.readable(folder)?;
        let pages = events.iter().filter_map(|event| match event {
            Event::Page { at, alert, .. } => Some(FirstPage {
                at: *at,
                alert: alert.clone(),
            }),
            _ => None,
        });
        let pages: Vec<FirstPage> = pages.collect();
        let page = pages.first().cloned();
        let mut alerts: Vec<String> = Vec::new();
        for one in pages {
            let is_near = page
                .as_ref()
                .is_some_and(|first| one.at - first.at <= TOGETHER);
            if is_near && !alerts.contains(&one.alert) {
                alerts.push(one.alert);
            }
        }
        let steady = events.iter().find_map(|event| match event {
            Event::Steady { at } => Some(*at),
            _ => None,
        });
        let last = events.iter().filter_map(Event::at).max();
        Ok(Self {
            started,
            steady,
            page,
            alerts,
            last: ended.or(last).unwrap_or(started),
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::HEAD;

    #[test]
    fn times_are_read_as_far_as_the_record_goes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(Chronicle::read(folder.path()).is_err(), "nothing is there");
        let head = r#"{"format":1,"run":"r","firedrill":"0.1.0","started":"2026-11-23T14:00:00Z","seed":1,
            "pace":"fast","backend":"embedded","urls":null,"scenario_hash":null}"#;
        std::fs::write(HEAD.path(folder.path()), head).expect("a head");
        let chronicle = Chronicle::read(folder.path()).expect("a head is there");
        assert_eq!((chronicle.steady, chronicle.page), (None, None));
        assert_eq!(chronicle.last, datetime!(2026-11-23 14:00:00 UTC));
        let events = "{\"event\":\"steady\",\"at\":\"2026-11-23T14:01:00Z\"}\n\
            {\"event\":\"page\",\"at\":\"2026-11-23T14:02:00.000Z\",\"alert\":\"A\",\"labels\":{},\"summary\":\"\",\"description\":\"\"}\n\
            {\"event\":\"page\",\"at\":\"2026-11-23T14:03:00.000Z\",\"alert\":\"B\",\"labels\":{},\"summary\":\"\",\"description\":\"\"}\n\
            {\"event\":\"page\",\"at\":\"2026-11-23T14:03:01.000Z\",\"alert\":\"C\",\"labels\":{},\"summary\":\"\",\"description\":\"\"}\n\
            {\"event\":\"pa";
        std::fs::write(TIMELINE.path(folder.path()), events).expect("events");
        let chronicle = Chronicle::read(folder.path()).expect("it is there");
        assert_eq!(chronicle.steady, Some(datetime!(2026-11-23 14:01:00 UTC)));
        let page = chronicle.page.expect("a page");
        assert_eq!(
            (page.at, page.alert.as_str()),
            (datetime!(2026-11-23 14:02:00 UTC), "A")
        );
        assert_eq!(chronicle.alerts, ["A", "B"]);
        assert_eq!(chronicle.last, datetime!(2026-11-23 14:03:01 UTC));
    }
}
