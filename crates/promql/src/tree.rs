//! What can be read off the tree of an expression without evaluating it.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

use super::label::{Labels, METRIC_NAME};

/// The expression within any parentheses around it.
pub(super) fn without_parens(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}

/// All matchers of a selector, that of the metric's name among them.
pub(super) fn matchers_of(selector: &VectorSelector) -> Vec<Matcher> {
    let name = selector.name.as_ref();
    let name = name.map(|name| Matcher::new(MatchOp::Equal, METRIC_NAME, name));
    let mut matchers: Vec<Matcher> = name.into_iter().collect();
    matchers.extend(selector.matchers.matchers.iter().cloned());
    matchers
}

/// Shows every selector of a tree, in the order in which they stand there.
pub(super) fn visit_selectors(expr: &mut Expr, show: &mut impl FnMut(&mut VectorSelector)) {
    match expr {
        Expr::Paren(paren) => visit_selectors(&mut paren.expr, show),
        Expr::Unary(unary) => visit_selectors(&mut unary.expr, show),
        Expr::Subquery(subquery) => visit_selectors(&mut subquery.expr, show),
        Expr::Binary(binary) => {
            visit_selectors(&mut binary.lhs, show);
            visit_selectors(&mut binary.rhs, show);
        }
        Expr::Aggregate(aggregate) => {
            if let Some(parameter) = &mut aggregate.param {
                visit_selectors(parameter, show);
            }
            visit_selectors(&mut aggregate.expr, show);
        }
        Expr::Call(call) => {
            for argument in &mut call.args.args {
                visit_selectors(argument, show);
            }
        }
        Expr::VectorSelector(selector) => show(selector),
        Expr::MatrixSelector(selector) => show(&mut selector.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// The arguments of every call and aggregation, inner ones first.
pub(super) fn calls(expr: &Expr) -> Vec<Vec<&Expr>> {
    let mut calls = Vec::new();
    collect_calls(expr, &mut calls);
    calls
}

fn collect_calls<'a>(expr: &'a Expr, calls: &mut Vec<Vec<&'a Expr>>) {
    match expr {
        Expr::Paren(paren) => collect_calls(&paren.expr, calls),
        Expr::Unary(unary) => collect_calls(&unary.expr, calls),
        Expr::Subquery(subquery) => collect_calls(&subquery.expr, calls),
        Expr::Binary(binary) => {
            collect_calls(&binary.lhs, calls);
            collect_calls(&binary.rhs, calls);
        }
        Expr::Aggregate(aggregate) => {
            let parameter = aggregate.param.as_deref().into_iter();
            let arguments: Vec<&Expr> = parameter.chain([&*aggregate.expr]).collect();
            arguments
                .iter()
                .for_each(|argument| collect_calls(argument, calls));
            calls.push(arguments);
        }
        Expr::Call(call) => {
            let arguments: Vec<&Expr> = call.args.args.iter().map(|argument| &**argument).collect();
            arguments
                .iter()
                .for_each(|argument| collect_calls(argument, calls));
            calls.push(arguments);
        }
        Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Extension(_) => {}
    }
}

/// The labels that a selector which found nothing would have had, as far as its matchers say.
pub(super) fn labels_of_absent(argument: &Expr) -> Labels {
    let matchers = match without_parens(argument) {
        Expr::VectorSelector(selector) => matchers_of(selector),
        Expr::MatrixSelector(selector) => matchers_of(&selector.vs),
        _ => return Labels::empty(),
    };
    let mut labels = Labels::empty();
    let mut certain: Vec<&str> = Vec::new();
    for matcher in matchers
        .iter()
        .filter(|matcher| matcher.name != METRIC_NAME)
    {
        let name = matcher.name.as_str();
        if matcher.op == MatchOp::Equal && !certain.contains(&name) {
            labels = labels.with(name, &matcher.value);
            certain.push(name);
        } else {
            // A label with a second matcher has no single value.
            labels = labels.with(name, "");
        }
    }
    labels
}
