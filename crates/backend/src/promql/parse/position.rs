//! Where in an expression the parser's refusal applies.
//!
//! The parser names no place. For a syntax error this walks the tokens by PromQL's grammar, which is small, up to the first
//! that cannot follow. For an error about one function it finds that function. Otherwise it names no place either.

use super::token::{Kind, Token};

/// What the parser says of any syntax error.
const SYNTAX: &str = "invalid promql query";

const AGGREGATIONS: [&str; 14] = [
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
];

/// The place of an error, if it can be told, and its text in Prometheus's words.
pub(super) fn locate(text: &str, tokens: &[Token], message: &str) -> (Option<usize>, String) {
    let unexpected = Walk { tokens, next: 0 }.all().err();
    match unexpected {
        Some(unexpected) if message == SYNTAX => (Some(unexpected.start), unexpected.message),
        unexpected => {
            let place = lexical_place(text, tokens, message, unexpected)
                .or_else(|| function_place(tokens, message))
                .or_else(|| aggregation_place(tokens, message));
            (place, reword(message))
        }
    }
}

/// The place of an error that the parser found before it looked at the grammar.
fn lexical_place(
    text: &str,
    tokens: &[Token],
    message: &str,
    unexpected: Option<Unexpected>,
) -> Option<usize> {
    let is_at_end = ["unclosed left", "unexpected end of input", "no expression"];
    if is_at_end.iter().any(|start| message.starts_with(start)) {
        return Some(text.len());
    }
    if message.starts_with("unexpected right parenthesis") {
        let mut depth = 0;
        let closing = tokens.iter().find(|token| {
            depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            depth < 0
        });
        return closing.map(|token| token.start);
    }
    if let Some(number) = message.strip_prefix("bad number or duration syntax: ") {
        let is_it = |token: &&Token| token.kind == Kind::Number && token.text.starts_with(number);
        return tokens.iter().find(is_it).map(|token| token.start);
    }
    let is_lexical = message.starts_with("unexpected") || message.starts_with("unterminated");
    // The grammar may stumble earlier, over something else than what the message is about.
    let unexpected = unexpected
        .filter(|unexpected| text[unexpected.start..].starts_with(|c| message.contains(c)));
    unexpected
        .filter(|_| is_lexical)
        .map(|unexpected| unexpected.start)
}

/// The place of the one aggregation that a message is about.
fn aggregation_place(tokens: &[Token], message: &str) -> Option<usize> {
    let is_aggregation = |pair: &&[Token]| {
        let is_called = pair[1].is("(") || pair[1].is("by") || pair[1].is("without");
        is_called && AGGREGATIONS.iter().any(|name| pair[0].is(name))
    };
    let mut found = tokens.windows(2).filter(is_aggregation);
    match (found.next(), found.next()) {
        (Some(pair), None) if message.contains("aggregat") => Some(pair[0].start),
        _ => None,
    }
}

/// The place of the one function that a message is about.
fn function_place(tokens: &[Token], message: &str) -> Option<usize> {
    let about = [
        "call to function '",
        "in call to '",
        "unknown function with name '",
    ];
    let name = about.iter().find_map(|about| message.split(about).nth(1))?;
    let name = name.split('\'').next()?;
    let mut calls = tokens
        .windows(2)
        .filter(|pair| pair[0].text == name && pair[1].is("("));
    match (calls.next(), calls.next()) {
        (Some(pair), None) => Some(pair[0].start),
        _ => None,
    }
}

/// The parser's words in those of Prometheus.
fn reword(message: &str) -> String {
    let mut text = message.replace('\'', "\"");
    // A character is quoted singly there too.
    if message.contains("parenthesis") || message.contains("inside brackets") {
        text = message.to_owned();
    }
    for (from, to) in [
        ("type vector", "type instant vector"),
        ("type matrix", "type range vector"),
        ("got vector", "got instant vector"),
        ("got matrix", "got range vector"),
    ] {
        text = text.replace(from, to);
    }
    text
}

/// The first token that cannot follow what comes before it.
struct Unexpected {
    start: usize,
    message: String,
}

type Step = Result<(), Unexpected>;

struct Walk<'a> {
    tokens: &'a [Token<'a>],
    next: usize,
}

impl<'a> Walk<'a> {
    fn all(&mut self) -> Step {
        self.expression()?;
        if self.token().kind == Kind::End {
            Ok(())
        } else {
            self.unexpected("")
        }
    }

    fn expression(&mut self) -> Step {
        self.operand()?;
        while self.token().is_operator() {
            self.next += 1;
            self.modifiers()?;
            self.operand()?;
        }
        Ok(())
    }

    /// `bool`, `on(…)`, `group_left(…)` and so on after an operator.
    fn modifiers(&mut self) -> Step {
        self.take("bool");
        if (self.token().is("on") || self.token().is("ignoring")) && self.peek(1).is("(") {
            self.next += 1;
            self.names()?;
            if self.take("group_left") || self.take("group_right") {
                self.optional_names()?;
            }
        }
        Ok(())
    }

    fn optional_names(&mut self) -> Step {
        if self.token().is("(") && self.looks_like_names() {
            self.names()
        } else {
            Ok(())
        }
    }

    /// After `group_left` a parenthesis may also begin the right operand.
    fn looks_like_names(&self) -> bool {
        let inside = self.tokens[self.next + 1..]
            .iter()
            .take_while(|token| !token.is(")"));
        inside
            .clone()
            .all(|token| token.is(",") || matches!(token.kind, Kind::Word | Kind::Text))
    }

    fn names(&mut self) -> Step {
        let context = " in grouping opts";
        self.expect("(", context)?;
        while !self.take(")") {
            if !matches!(self.token().kind, Kind::Word | Kind::Text) {
                return self.unexpected(" in grouping opts, expected label");
            }
            self.next += 1;
            if !self.token().is(")") {
                self.expect(",", context)?;
            }
        }
        Ok(())
    }

    fn operand(&mut self) -> Step {
        while self.take("-") || self.take("+") {}
        self.primary()?;
        loop {
            if self.take("[") {
                self.range()?;
            } else if self.take("offset") {
                while self.take("-") || self.take("+") {}
                self.number(" in offset, expected number or duration")?;
            } else if self.take("@") {
                self.moment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn range(&mut self) -> Step {
        self.number(" in range or subquery, expected duration")?;
        if self.take(":") && self.token().kind == Kind::Number {
            self.next += 1;
        }
        self.expect("]", " in range or subquery")
    }

    fn moment(&mut self) -> Step {
        if self.take("start") || self.take("end") {
            self.expect("(", " in @")?;
            return self.expect(")", " in @");
        }
        while self.take("-") || self.take("+") {}
        self.number(" in @, expected timestamp")
    }

    fn number(&mut self, context: &str) -> Step {
        let token = self.token();
        let is_word = token.kind == Kind::Word && ["inf", "nan"].iter().any(|word| token.is(word));
        if token.kind != Kind::Number && !is_word {
            return self.unexpected(context);
        }
        self.next += 1;
        Ok(())
    }

    fn primary(&mut self) -> Step {
        let token = self.token();
        match token.kind {
            Kind::Number | Kind::Text => self.next += 1,
            Kind::Word if token.is_operator() => return self.unexpected(""),
            Kind::Word => return self.named(),
            Kind::Sign if token.is("(") => {
                self.next += 1;
                self.expression()?;
                return self.expect(")", "");
            }
            Kind::Sign if token.is("{") => return self.matchers(),
            _ => return self.unexpected(""),
        }
        Ok(())
    }

    /// A call, an aggregation or a metric.
    fn named(&mut self) -> Step {
        let is_aggregation = AGGREGATIONS.iter().any(|name| self.token().is(name));
        let is_grouped = self.peek(1).is("by") || self.peek(1).is("without");
        self.next += 1;
        if is_aggregation && (is_grouped || self.token().is("(")) {
            if is_grouped {
                self.next += 1;
                self.names()?;
            }
            self.arguments()?;
            if !is_grouped && (self.take("by") || self.take("without")) {
                self.names()?;
            }
            return Ok(());
        }
        if self.token().is("(") {
            return self.arguments();
        }
        if self.token().is("{") {
            self.matchers()
        } else {
            Ok(())
        }
    }

    fn arguments(&mut self) -> Step {
        self.expect("(", " in aggregation")?;
        if self.take(")") {
            return Ok(());
        }
        self.expression()?;
        while self.take(",") {
            self.expression()?;
        }
        self.expect(")", "")
    }

    fn matchers(&mut self) -> Step {
        let context = " in label matching";
        self.expect("{", context)?;
        while !self.take("}") {
            let is_quoted = self.token().kind == Kind::Text;
            if !is_quoted && self.token().kind != Kind::Word {
                return self.unexpected(" in label matching, expected identifier or \"}\"");
            }
            self.next += 1;
            let is_matched = ["=", "!=", "=~", "!~"].iter().any(|sign| self.take(sign));
            if is_matched {
                if self.token().kind != Kind::Text {
                    return self.unexpected(" in label matching, expected string");
                }
                self.next += 1;
            } else if !is_quoted {
                return self.unexpected(" in label matching, expected label matching operator");
            }
            if !self.token().is("}") && !self.take(",") {
                return self.unexpected(" in label matching, expected \",\" or \"}\"");
            }
        }
        Ok(())
    }

    fn token(&self) -> &Token<'a> {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> &Token<'a> {
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    fn take(&mut self, text: &str) -> bool {
        let is_there = self.token().is(text);
        self.next += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, text: &str, context: &str) -> Step {
        if self.take(text) {
            Ok(())
        } else {
            self.unexpected(context)
        }
    }

    fn unexpected(&self, context: &str) -> Step {
        let token = self.token();
        let text = token.text;
        let what = match token.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Word if token.is_operator() => format!("<op:{text}>"),
            Kind::Word => format!("identifier {text:?}"),
            Kind::Number => format!("number {text:?}"),
            Kind::Text => format!("string {text}"),
            Kind::Sign if token.is_operator() => format!("<op:{text}>"),
            Kind::Sign => format!("{text:?}"),
            Kind::Wrong if text.len() > 1 && text.starts_with(['"', '\'', '`']) => {
                "quoted string without an end".to_owned()
            }
            Kind::Wrong => format!("character: {:?}", text.chars().next().unwrap_or_default()),
        };
        Err(Unexpected {
            start: token.start,
            message: format!("unexpected {what}{context}"),
        })
    }
}
