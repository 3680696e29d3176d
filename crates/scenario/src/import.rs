//! Orders that checkout takes over from elsewhere: an event of the timeline that is neither a release nor a setting.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What stands for the number of an order in its id and in its message.
const NUMBER: &str = "{n}";

/// Orders of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// The id.
    pub order: String,
    /// The message to the warehouse, as it is stored; nothing checks it.
    pub message: String,
    /// How many; `{n}` in id and message is the number of each, from 1 on.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

impl Orders {
    /// At most so many at one event: each is a log line, and the service's queue for those is bounded.
    pub const MOST: u32 = 900;

    /// The arguments of checkout's control for these orders from one source.
    pub fn arguments(source: &str, orders: &[Self]) -> Value {
        let rows = orders.iter().flat_map(|kind| {
            (1..=kind.times).map(|number| {
                let fill = |text: &str| text.replace(NUMBER, &format!("{number:03}"));
                json!({"order": fill(&kind.order), "message": fill(&kind.message)})
            })
        });
        json!({"source": source, "orders": rows.collect::<Vec<Value>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_has_its_number_and_they_stay_in_order() {
        let of = |order: &str, times| Orders {
            order: order.to_owned(),
            message: format!("for {order}"),
            times,
        };
        assert_eq!(
            Orders::arguments("the phone desk", &[of("p-{n}", 2), of("q", 1)]),
            json!({"source": "the phone desk", "orders": [
                {"order": "p-001", "message": "for p-001"},
                {"order": "p-002", "message": "for p-002"},
                {"order": "q", "message": "for q"},
            ]})
        );
    }
}
