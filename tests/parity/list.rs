//! The lists of what is asked: one question a line, `#` lines are headings, empty lines nothing.

/// A line, and the heading over it.
pub(super) struct Line {
    pub(super) heading: String,
    pub(super) text: String,
}

/// The lines of a list; a heading that runs over several lines is one.
pub(super) fn lines(list: &str) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    let mut heading = String::new();
    let mut is_heading = false;
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix('#') {
            Some(text) if is_heading => heading = format!("{heading} {}", text.trim()),
            Some(text) => heading = text.trim().to_owned(),
            None => found.push(Line {
                heading: heading.clone(),
                text: line.to_owned(),
            }),
        }
        is_heading = line.starts_with('#');
    }
    found
}

/// A number with separators, as people read it.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let parts = digits.as_bytes().rchunks(3).rev();
    let parts = parts.map(|part| String::from_utf8_lossy(part).into_owned());
    parts.collect::<Vec<_>>().join(",")
}
