//! Names that look like a name: for typing errors.

/// Where one part of a name ends and the next begins.
const BETWEEN_PARTS: [char; 4] = ['-', '_', '.', ' '];
/// A shorter part says nothing.
const SHORTEST_PART: usize = 3;
/// Below this two names have little in common; found by trying typing errors in the catalogue's ids.
const ALIKE: f64 = 0.5;
/// A part of the name is what people remember: `checkout` for `slow-checkout`.
const SHARED: f64 = 0.8;

/// Up to three of the known names that look like `name`, best first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let scored = known
        .into_iter()
        .map(|candidate| (likeness(&name, &candidate.to_lowercase()), candidate));
    let mut alike: Vec<(f64, &str)> = scored.filter(|(score, _)| *score > ALIKE).collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    alike
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate)
        .collect()
}

fn likeness(name: &str, candidate: &str) -> f64 {
    let edits = strsim::normalized_damerau_levenshtein(name, candidate);
    let is_shared = name
        .split(BETWEEN_PARTS)
        .filter(|part| part.len() >= SHORTEST_PART)
        .any(|part| {
            let mut parts = candidate.split(BETWEEN_PARTS);
            parts.any(|other| other.starts_with(part))
        });
    if is_shared { edits.max(SHARED) } else { edits }
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
            "missing-index",
            "hold_s",
        ];
        assert_eq!(nearest(name, known), expected, "{name}");
    }

    #[test]
    fn typing_errors_and_parts_of_names_are_understood() {
        check("slow-chekout", &["slow-checkout"]);
        check("checkout", &["slow-checkout"]);
        check("Memory-Grwoth", &["memory-growth"]);
        check("errors-pike", &["error-spike"]);
        check("index-gone", &["missing-index"]);
        check("hold", &["hold_s"]);
        check("xyz", &[]);
        check("", &[]);
    }
}
