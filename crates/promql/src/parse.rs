//! From text to a checked expression.
//!
//! `promql-parser` decides what is PromQL. Around it: bounds on what it is given, a line and column for what it refuses,
//! and the few checks that it leaves out.

mod pattern;
mod position;
mod token;
mod walk;

use std::collections::HashMap;
use std::panic::catch_unwind;

use promql_parser::parser::token::{T_LIMIT_RATIO, T_LIMITK};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AggregateExpr, BinaryExpr, Call, Expr, VectorSelector};

use super::annotation::Place;
use super::{Error, tree};

/// How many operators and brackets an expression may have. Each may deepen the tree by one, and the tree is walked
/// recursively, here and in the parser, on a thread's stack of perhaps 2 MiB.
const DEPTH_MAX: usize = 400;

/// Parses an expression and checks what the parser leaves unchecked.
pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    let tokens = token::tokens(text);
    let depth = tokens.iter().filter(|token| token.is_deepening()).count();
    if depth > DEPTH_MAX {
        let message = format!("the expression has more than {DEPTH_MAX} operators and brackets");
        return Err(refusal(text, None, &message));
    }
    if let Some(place) = token::endless_duration(&tokens) {
        return Err(refusal(text, Some(place), "duration out of range"));
    }
    let patterns =
        pattern::of(&tokens).map_err(|(place, message)| refusal(text, Some(place), &message))?;
    let plain = token::plain(text, &tokens, &patterns);
    // The parser panics on some input, as it does on the durations refused above.
    let parsed = catch_unwind(|| promql_parser::parser::parse(&plain))
        .unwrap_or_else(|_| Err("the parser cannot handle this expression".to_owned()));
    let mut expr = parsed.map_err(|message| {
        let (place, message) = position::locate(text, &tokens, &message);
        refusal(text, place, &message)
    })?;
    check(&expr).map_err(|message| refusal(text, None, &message))?;
    pattern::put_back(&mut expr, &patterns);
    Ok(expr)
}

/// The error for a text that is not PromQL; `place` is a byte offset into it.
fn refusal(text: &str, place: Option<usize>, message: &str) -> Error {
    let Some(place) = place else {
        return Error::BadData(format!("parse error: {message}"));
    };
    let place = line_and_column(text, place);
    Error::BadData(format!("{place}: parse error: {message}"))
}

/// `line:column` of a byte offset.
fn line_and_column(text: &str, place: usize) -> String {
    let before = &text[..place];
    let line = before.matches('\n').count() + 1;
    let column = place - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    format!("{line}:{column}")
}

/// Where the arguments and calls of a valid expression stand; the parser does not keep it.
pub(super) fn positions(text: &str, expr: &Expr) -> HashMap<Place, String> {
    let tokens = token::tokens(text);
    let mut walk = walk::Walk::new(&tokens);
    // The parser took it, so that a walk that stumbles only knows less.
    _ = walk.all();
    let calls = tree::calls(expr);
    let mut positions = HashMap::new();
    // Both have the calls in the same order; if not, no position is better than a wrong one.
    if walk.calls.len() != calls.len() {
        return positions;
    }
    for (arguments, callee) in calls.into_iter().zip(&walk.calls) {
        if arguments.len() != callee.arguments.len() {
            continue;
        }
        if let Some(first) = arguments.first() {
            positions.insert(Place::call_of(first), line_and_column(text, callee.start));
        }
        for (argument, (start, _)) in arguments.into_iter().zip(&callee.arguments) {
            positions.insert(Place::argument(argument), line_and_column(text, *start));
        }
    }
    positions
}

/// Checks a tree for what the parser accepts though it has no meaning here.
fn check(expr: &Expr) -> Result<(), String> {
    match expr {
        Expr::Paren(paren) => check(&paren.expr),
        Expr::Unary(unary) => check(&unary.expr),
        Expr::Subquery(subquery) => check(&subquery.expr),
        Expr::Binary(binary) => check_binary(binary),
        Expr::Aggregate(aggregate) => check_aggregate(aggregate),
        Expr::Call(call) => check_call(call),
        Expr::VectorSelector(selector) => check_selector(selector),
        Expr::MatrixSelector(selector) => check_selector(&selector.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(()),
    }
}

fn check_binary(binary: &BinaryExpr) -> Result<(), String> {
    let fill = binary
        .modifier
        .as_ref()
        .map(|modifier| &modifier.fill_values);
    if fill.is_some_and(|fill| fill.lhs.is_some() || fill.rhs.is_some()) {
        return Err("fill modifiers are experimental and not supported".to_owned());
    }
    check(&binary.lhs)?;
    check(&binary.rhs)
}

fn check_aggregate(aggregate: &AggregateExpr) -> Result<(), String> {
    let experimental = match aggregate.op.id() {
        T_LIMITK => Some("limitk"),
        T_LIMIT_RATIO => Some("limit_ratio"),
        _ => None,
    };
    if let Some(name) = experimental {
        return Err(format!("{name} is experimental and not supported"));
    }
    if let Some(parameter) = &aggregate.param {
        check(parameter)?;
    }
    check(&aggregate.expr)
}

fn check_call(call: &Call) -> Result<(), String> {
    let name = call.func.name;
    if !super::function::is_supported(name) {
        return Err(format!(
            "function \"{name}\" is experimental and not supported"
        ));
    }
    let place = format!("call to function \"{name}\"");
    for (index, argument) in call.args.args.iter().enumerate() {
        let types = &call.func.arg_types;
        if let Some(wanted) = types.get(index).or(types.last()) {
            expect(*wanted, argument, &place)?;
        }
        check(argument)?;
    }
    Ok(())
}

fn check_selector(selector: &VectorSelector) -> Result<(), String> {
    if selector.matchers.or_matchers.is_empty() {
        Ok(())
    } else {
        Err("unexpected \"or\" in label matching".to_owned())
    }
}

fn expect(wanted: ValueType, expr: &Expr, place: &str) -> Result<(), String> {
    let got = expr.value_type();
    if got == wanted {
        return Ok(());
    }
    let (wanted, got) = (type_name(wanted), type_name(got));
    Err(format!("expected type {wanted} in {place}, got {got}"))
}

fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Vector => "instant vector",
        ValueType::Matrix => "range vector",
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
    }
}
