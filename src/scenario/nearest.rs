//! Names that look like a name: for typing errors.

/// Up to three of the known names that look like `name`, best first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let name = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| (likeness(&name, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate.to_owned())
        .collect()
}

/// Below this two names have little in common; found by trying typing errors in the catalogue's ids.
const ALIKE: f64 = 0.5;

fn likeness(name: &str, candidate: &str) -> f64 {
    let edits = strsim::normalized_damerau_levenshtein(name, candidate);
    // A part of the name is what people remember: `checkout` for `slow-checkout`.
    let is_part = name.len() >= 3 && candidate.split('-').any(|part| part.starts_with(name));
    if is_part { edits.max(0.8) } else { edits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &[&str]) {
        let known = [
            "slow-checkout",
            "memory-growth",
            "error-spike",
            "noisy-warnings",
        ];
        assert_eq!(nearest(name, known), expected, "{name}");
    }

    #[test]
    fn typing_errors_and_parts_of_names_are_understood() {
        check("slow-chekout", &["slow-checkout"]);
        check("checkout", &["slow-checkout"]);
        check("Memory-Grwoth", &["memory-growth"]);
        check("errors-pike", &["error-spike"]);
        check("xyz", &[]);
        check("", &[]);
    }
}
