//! Command lines that are shown, to be pasted into a shell as they are.

use std::borrow::Cow;

/// The words as one line that a shell splits into exactly these.
pub fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<Cow<'a, str>> = words.into_iter().map(word).collect();
    quoted.join(" ")
}

/// One word, in quotes where a shell would read something else without them.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_that_were_meant() {
        for words in [
            &["firedrill", "logs", "service=checkout"][..],
            &["deliveries>8", "\"no such column\"", "it's", ""],
            &[
                "$HOME",
                "`id`",
                "a\\b",
                "gateway@2026.11.9#2",
                "~",
                "*",
                "!x",
            ],
        ] {
            let shown = line(words.iter().copied());
            assert_eq!(shlex::split(&shown).expect(&shown), words, "{shown}");
        }
        assert_eq!(line(["logs", "level=error,warn"]), "logs level=error,warn");
    }
}
