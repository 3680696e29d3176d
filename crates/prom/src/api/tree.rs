//! `/parse_query`: the tree of an expression in the shapes of Prometheus's API.

use std::time::UNIX_EPOCH;

use promql::{MatchOp, Matcher};
use promql_parser::parser::{
    AggregateExpr, AtModifier, BinaryExpr, Call, Expr, LabelModifier, Offset, SubqueryExpr,
    VectorMatchCardinality, VectorSelector,
};
use serde_json::{Value, json};

use super::answer::{Answer, success};
use super::form::Form;
use crate::number;

/// `/parse_query`.
pub(super) async fn parse(form: Form) -> Answer {
    success(&tree(&promql::parse(form.get("query"))?))
}

fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Aggregate(aggregate) => aggregation(aggregate),
        Expr::Binary(binary) => operation(binary),
        Expr::Call(call) => function(call),
        Expr::Subquery(subquery) => range_of(subquery),
        Expr::Paren(paren) => json!({"type": "parenExpr", "expr": tree(&paren.expr)}),
        Expr::Unary(unary) => json!({"type": "unaryExpr", "op": "-", "expr": tree(&unary.expr)}),
        Expr::NumberLiteral(literal) => json!({"type": "numberLiteral", "val": plain(literal.val)}),
        Expr::StringLiteral(literal) => json!({"type": "stringLiteral", "val": literal.val}),
        Expr::VectorSelector(selector) => selection(selector, "vectorSelector"),
        Expr::MatrixSelector(matrix) => {
            let mut value = selection(&matrix.vs, "matrixSelector");
            value["range"] = json!(matrix.range.as_millis() as i64);
            value["rangeExpr"] = Value::Null;
            value
        }
        // The parser makes none.
        Expr::Extension(_) => Value::Null,
    }
}

/// Decimal, however long.
fn plain(value: f64) -> String {
    match value.is_finite() {
        true => value.to_string(),
        false => number::api(value),
    }
}

fn aggregation(aggregate: &AggregateExpr) -> Value {
    let grouping = aggregate
        .modifier
        .as_ref()
        .map(|modifier| &modifier.labels().labels);
    json!({
        "type": "aggregation",
        "op": aggregate.op.to_string(),
        "expr": tree(&aggregate.expr),
        "param": aggregate.param.as_ref().map(|parameter| tree(parameter)),
        "grouping": grouping.cloned().unwrap_or_default(),
        "without": matches!(aggregate.modifier, Some(LabelModifier::Exclude(_))),
    })
}

fn operation(binary: &BinaryExpr) -> Value {
    use promql_parser::parser::value::ValueType::Vector;
    let modifier = binary.modifier.as_ref();
    let is_of_vectors = binary.lhs.value_type() == Vector && binary.rhs.value_type() == Vector;
    let is_set = ["and", "or", "unless"].contains(&&*binary.op.to_string());
    let matching = is_of_vectors.then(|| {
        let card = match modifier.map(|modifier| &modifier.card) {
            _ if is_set => "many-to-many",
            Some(VectorMatchCardinality::ManyToOne(_)) => "many-to-one",
            Some(VectorMatchCardinality::OneToMany(_)) => "one-to-many",
            _ => "one-to-one",
        };
        let labels = modifier.and_then(|modifier| modifier.matching.as_ref());
        let include = modifier.and_then(|modifier| modifier.card.labels());
        json!({
            "card": card,
            "labels": labels.map(|labels| labels.labels().labels.clone()).unwrap_or_default(),
            "on": labels.is_some_and(LabelModifier::is_include),
            "include": include.map(|include| include.labels.clone()).unwrap_or_default(),
            "fillValues": {"lhs": null, "rhs": null},
        })
    });
    json!({
        "type": "binaryExpr",
        "op": binary.op.to_string(),
        "lhs": tree(&binary.lhs),
        "rhs": tree(&binary.rhs),
        "matching": matching,
        "bool": binary.return_bool(),
    })
}

fn function(call: &Call) -> Value {
    let types: Vec<String> = call
        .func
        .arg_types
        .iter()
        .map(ToString::to_string)
        .collect();
    let arguments: Vec<Value> = call
        .args
        .args
        .iter()
        .map(|argument| tree(argument))
        .collect();
    json!({
        "type": "call",
        "func": {
            "name": call.func.name,
            "argTypes": types,
            "variadic": call.func.variadic,
            "returnType": call.func.return_type.to_string(),
        },
        "args": arguments,
    })
}

fn range_of(subquery: &SubqueryExpr) -> Value {
    json!({
        "type": "subquery",
        "expr": tree(&subquery.expr),
        "range": subquery.range.as_millis() as i64,
        "rangeExpr": null,
        "offset": offset_ms(&subquery.offset),
        "offsetExpr": null,
        "step": subquery.step.map_or(0, |step| step.as_millis() as i64),
        "stepExpr": null,
        "timestamp": timestamp(&subquery.at),
        "startOrEnd": bound(&subquery.at),
    })
}

fn selection(selector: &VectorSelector, kind: &str) -> Value {
    let name = selector.name.as_deref();
    let own = name.map(|name| json!({"name": "__name__", "value": name, "type": "="}));
    let matchers = selector.matchers.matchers.iter().map(matcher).chain(own);
    json!({
        "type": kind,
        "name": name.unwrap_or_default(),
        "offset": offset_ms(&selector.offset),
        "offsetExpr": null,
        "matchers": matchers.collect::<Vec<_>>(),
        "timestamp": timestamp(&selector.at),
        "startOrEnd": bound(&selector.at),
        // Modifiers of ranges are experimental, and refused.
        "anchored": false,
        "smoothed": false,
    })
}

fn matcher(matcher: &Matcher) -> Value {
    let sign = match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Re(_) => "=~",
        MatchOp::NotRe(_) => "!~",
    };
    json!({"name": matcher.name, "value": matcher.value, "type": sign})
}

fn offset_ms(offset: &Option<Offset>) -> i64 {
    match offset {
        None => 0,
        Some(Offset::Pos(offset)) => offset.as_millis() as i64,
        Some(Offset::Neg(offset)) => -(offset.as_millis() as i64),
    }
}

fn timestamp(at: &Option<AtModifier>) -> Option<i64> {
    let Some(AtModifier::At(moment)) = at else {
        return None;
    };
    Some(match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    })
}

fn bound(at: &Option<AtModifier>) -> Option<&'static str> {
    match at {
        Some(AtModifier::Start) => Some("start"),
        Some(AtModifier::End) => Some("end"),
        Some(AtModifier::At(_)) | None => None,
    }
}
