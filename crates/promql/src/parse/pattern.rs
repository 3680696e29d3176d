//! The regular expressions of matchers. The parser compiles them in another dialect than Prometheus's, so that it gets
//! stand-ins that it cannot refuse, and the tree gets the right ones.

use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use promql_parser::util::unquote_string;
use regex::Regex;

use super::token::{Kind, Token};
use crate::re2;
use crate::tree::visit_selectors;

/// What no pattern begins with that somebody typed.
const MARK: char = '\u{10fffd}';

/// The pattern of a matcher.
pub(super) struct Pattern {
    /// Where its text stands in the expression.
    pub(super) start: usize,
    stand_in: String,
    text: String,
    regex: Regex,
}

impl Pattern {
    /// What stands in the expression in its place.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.stand_in)
    }
}

/// The patterns of an expression, or the place of a wrong one and what is wrong with it.
pub(super) fn of(tokens: &[Token]) -> Result<Vec<Pattern>, (usize, String)> {
    let mut patterns = Vec::new();
    let mut depth = 0;
    for (index, three) in tokens.windows(3).enumerate() {
        let [label, operator, token] = three else {
            continue;
        };
        depth += i32::from(label.is("{")) - i32::from(label.is("}"));
        let is_matcher = depth > 0 && (operator.is("=~") || operator.is("!~"));
        if !is_matcher || token.kind != Kind::Text {
            continue;
        }
        // What cannot be read is left to the parser, which says why.
        let Some(text) = unquoted(token.text) else {
            continue;
        };
        let regex = re2::anchored(&text).map_err(|message| (label.start, message))?;
        patterns.push(Pattern {
            start: token.start,
            // A pattern that also matches the empty text must not make a selector valid, and the other way round.
            stand_in: match regex.is_match("") {
                true => format!("({MARK}{index})?"),
                false => format!("{MARK}{index}"),
            },
            text,
            regex,
        });
    }
    Ok(patterns)
}

/// What a text in quotes says. The parser's own function panics where a character of several bytes is escaped, which is
/// no escape at all.
fn unquoted(quoted: &str) -> Option<String> {
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        if char == '\\' && !quoted.starts_with('`') && !chars.next()?.is_ascii() {
            return None;
        }
    }
    unquote_string(quoted).ok()
}

/// Puts the patterns into the tree for their stand-ins.
pub(super) fn put_back(expr: &mut Expr, patterns: &[Pattern]) {
    visit_selectors(expr, &mut |selector| {
        for matcher in &mut selector.matchers.matchers {
            let mut patterns = patterns.iter();
            let Some(pattern) = patterns.find(|pattern| pattern.stand_in == matcher.value) else {
                continue;
            };
            matcher.value.clone_from(&pattern.text);
            match &mut matcher.op {
                MatchOp::Re(regex) | MatchOp::NotRe(regex) => regex.clone_from(&pattern.regex),
                MatchOp::Equal | MatchOp::NotEqual => {}
            }
        }
    });
}
