//! Words that give the answer away, searched for in every text that a responder sees.

use crate::{Action, Scenario, Target};

/// Words that never occur in a run: they would say that a drill is a drill, or judge for the responder.
pub const NEVER: [&str; 10] = [
    "fault",
    "inject",
    "chaos",
    "leak",
    "slow",
    "bad",
    "sabotage",
    "broken",
    "bug",
    "firedrill",
];

/// Key and message of each text that says too much.
pub(super) fn problems(scenario: &Scenario) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let words = &scenario.silence.words;
    if words.is_empty() && !scenario.is_control() {
        let message = "is empty; list the words that would give the cause away";
        problems.push(("silence.words".to_owned(), message.to_owned()));
    }
    for (index, word) in words.iter().enumerate() {
        if word.trim().is_empty() || *word != word.to_lowercase() {
            problems.push((
                format!("silence.words[{index}]"),
                "must be a lower-case word".to_owned(),
            ));
        }
    }
    let sealed: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.trim().is_empty())
        .collect();
    // The header names the symptom, so words such as `slow` are fine there; in a run they are not.
    for (key, text) in header(scenario) {
        problems.extend(found(&sealed, text).map(|word| (key.clone(), spoils(word))));
    }
    for (key, text) in seen_in_run(scenario) {
        let all = sealed.iter().chain(&NEVER).copied().collect::<Vec<_>>();
        problems.extend(found(&all, &text).map(|word| (key.clone(), spoils(word))));
    }
    problems
}

fn spoils(word: &str) -> String {
    format!("contains `{word}`, which gives the answer away; rephrase it")
}

fn header(scenario: &Scenario) -> [(String, &str); 3] {
    [
        ("id".to_owned(), scenario.id.as_str()),
        ("title".to_owned(), scenario.title.as_str()),
        ("briefing".to_owned(), scenario.briefing.as_str()),
    ]
}

/// What the deploy log and the services' start-up lines show.
fn seen_in_run(scenario: &Scenario) -> Vec<(String, String)> {
    let mut texts = vec![("page.alert".to_owned(), scenario.page.alert.clone())];
    let mut index = std::collections::BTreeMap::new();
    for release in &scenario.history {
        let at = index.entry(release.service).or_insert(0);
        let key = format!("history.{}[{at}]", release.service);
        *at += 1;
        texts.push((format!("{key}.changelog"), release.changelog.clone()));
        texts.push((format!("{key}.author"), release.author.clone()));
        texts.push((format!("{key}.diff"), release.diff.clone()));
        // What it changes is shown as a diff.
        texts.push((format!("{key}.settings"), release.settings.to_string()));
    }
    for event in &scenario.timeline {
        if let Action::Import { source, .. } = &event.action {
            texts.push((format!("timeline[{}].source", event.row), source.clone()));
        }
        if let Action::Config {
            target: Target::Service(_),
            settings,
            summary,
            author,
        } = &event.action
        {
            let key = format!("timeline[{}]", event.row);
            texts.push((format!("{key}.settings"), settings.to_string()));
            texts.extend(summary.clone().map(|text| (format!("{key}.summary"), text)));
            texts.extend(author.clone().map(|text| (format!("{key}.author"), text)));
        }
    }
    texts
}

/// The words, or beginnings of words, that occur in a text; a phrase occurs as it is.
pub fn found<'w>(words: &[&'w str], text: &str) -> impl Iterator<Item = &'w str> {
    let text = text.to_lowercase();
    let hits: Vec<&'w str> = words
        .iter()
        .copied()
        .filter(|word| occurs(word, &text))
        .collect();
    hits.into_iter()
}

fn occurs(word: &str, text: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after: String = text[at + word.len()..]
            .chars()
            .take_while(|char| char.is_alphanumeric())
            .collect();
        // `leaks`, `leaking` and `leaky` are `leak`; `default` is not `fault`, `badge` is not `bad`.
        let is_ending = matches!(
            after.as_str(),
            "" | "s" | "es" | "ed" | "d" | "ing" | "y" | "er" | "ly" | "ion" | "gy" | "ged"
        );
        !before.is_some_and(char::is_alphanumeric) && is_ending
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let words = ["leak", "bad", "fault", "missing index"];
        assert_eq!(found(&words, text).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn words_are_found_with_their_endings_and_nothing_else_is() {
        check("A leaky cache leaks", &["leak"]);
        check("LEAK, bad", &["leak", "bad"]);
        check("the default badge", &[]);
        check("a Missing index", &["missing index"]);
        check("missing the index", &[]);
        check("", &[]);
    }
}
