//! Counts the carts by age, for those who decide how long a cart is kept.

use std::time::Duration;

use chassis::CancellationToken;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{info, warn};

use crate::{Checkout, store::cart};

/// The longest age that is counted, in minutes: 30 days.
const MOST_MINUTES: u64 = 30 * 24 * 60;

/// Counts until the drain, for the first time after one interval.
pub(crate) async fn run(checkout: Checkout, shutdown: CancellationToken) {
    let every = Duration::from_millis(checkout.settings.cart_tally_ms);
    if every.is_zero() {
        return;
    }
    let kept_minutes = (checkout.settings.cart_s / 60).min(MOST_MINUTES) as usize;
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now_ms = (checkout.clock)();
        let work = move |connection: &rusqlite::Connection| cart::ages(connection, now_ms);
        match checkout.pool.read(&cart::AGES, work).await {
            Ok(ages) => tell(&by_minute(&ages, kept_minutes)),
            Err(error) => warn!(%error, "failed to count the carts: {error}"),
        }
    }
}

/// The number of carts by minutes since their last change.
fn by_minute(ages: &[(i64, u32)], kept_minutes: usize) -> Vec<u32> {
    // One place more for those that the next sweep deletes.
    let mut carts = vec![0; kept_minutes + 2];
    for (minutes, count) in ages {
        carts[*minutes as usize] += count;
    }
    carts
}

fn tell(carts: &[u32]) {
    let all: u32 = carts.iter().sum();
    let mut counted = 0;
    let half = carts.iter().position(|count| {
        counted += count;
        counted * 2 >= all
    });
    let minutes = half.unwrap_or_default();
    info!(
        carts.open = all,
        carts.half_minutes = minutes,
        "{all} open carts, half of them changed within {} min",
        minutes + 1
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{route, settings::CartLifetime, store};
    use shop_api::{Sku, cart::Line};

    const NOW_MS: i64 = 1_800_000_000_000;

    /// Counts a cart of so many lines that was stored so many minutes ago by such a release.
    fn counted(lifetime: CartLifetime, lines: u32, minutes: i64) -> Option<Vec<u32>> {
        let lines: Vec<Line> = (1..=lines)
            .filter_map(Sku::new)
            .map(|sku| Line { sku, quantity: 1 })
            .collect();
        let mut connection = rusqlite::Connection::open_in_memory().expect("a database");
        store::prepare(&mut connection).expect("tables");
        let stored_ms = NOW_MS - minutes * 60_000;
        let changed_ms = route::cart::changed_ms(lifetime, &lines, stored_ms);
        cart::put(&connection, "a", &lines, changed_ms).expect("it is stored");
        let ages = cart::ages(&connection, NOW_MS).expect("it is read");
        std::panic::catch_unwind(|| by_minute(&ages, 2)).ok()
    }

    #[test]
    fn a_cart_that_counts_as_changed_later_cannot_be_counted() {
        for (lifetime, lines, minutes, expected) in [
            (CartLifetime::Same, 3, 0, Some(vec![1, 0, 0, 0])),
            (CartLifetime::Same, 3, 3, Some(vec![0, 0, 0, 1])),
            (CartLifetime::BySize, 1, 1, Some(vec![0, 1, 0, 0])),
            (CartLifetime::BySize, 3, 1, None),
        ] {
            let found = counted(lifetime, lines, minutes);
            assert_eq!(found, expected, "{lifetime:?} {lines} {minutes}");
        }
    }
}
