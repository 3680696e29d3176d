//! CPU per order at saturation, with all telemetry and with none.
//!
//! Both shops are up all the time and rounds alternate; the ratio is the median of the ratios of the rounds,
//! so that a noisy neighbour hits both sides. What an order costs includes the delivery of its message.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::drill::{Drill, Home};
use crate::process::{cpu_us, family};
use crate::table::{Row, median, spread};
use crate::wire::Connection;
use crate::{Options, order};

const ROUNDS: usize = 9;
/// Connections, each with one request under way: more than enough to keep two cores busy.
const CONNECTIONS: u64 = 16;
/// Orders of one round: half a second or more, in ticks of 10 ms.
const ORDERS: u64 = 2_000;
/// The services are at rest when they used less than this within a look.
const REST_US: u64 = 10_000;
const LOOK: Duration = Duration::from_millis(200);
const REST_WITHIN: Duration = Duration::from_secs(20);
/// Hardly any traffic of the shop's own.
const IDLE: [&str; 2] = ["--rate", "0.001"];

pub(crate) fn measure(home: &Home, options: Options) -> anyhow::Result<Vec<Row>> {
    let mut on = Shop::up(home, &IDLE)?;
    let mut off = Shop::up(home, &[&IDLE[..], &["--no-telemetry"]].concat())?;
    // Once each: connections, caches, first allocations.
    on.round()?;
    off.round()?;
    let mut rounds = Rounds::default();
    for round in 1..=options.rounds.unwrap_or(ROUNDS) {
        let (with, without) = (on.round()?, off.round()?);
        let ratio = with.cpu_us / without.cpu_us;
        eprintln!("round {round}: on {with}, off {without}, ratio {ratio:.2}");
        rounds.on_us.push(with.cpu_us);
        rounds.off_us.push(without.cpu_us);
        rounds.ratio.push(ratio);
        rounds.speed.push(with.per_second / without.per_second);
    }
    on.drill.end()?;
    off.drill.end()?;
    Ok(rounds.rows())
}

#[derive(Debug, Default)]
struct Rounds {
    on_us: Vec<f64>,
    off_us: Vec<f64>,
    ratio: Vec<f64>,
    speed: Vec<f64>,
}

impl Rounds {
    fn rows(&self) -> Vec<Row> {
        vec![
            Row::new(
                "CPU per three-hop request, telemetry on against off",
                "1.5 x (aim 1.35 x)",
                spread(&self.ratio, " x", 2),
            ),
            Row::new(
                "  CPU of gateway, checkout and inventory an order",
                "",
                format!(
                    "on {:.0} us, off {:.0} us; requests/s {:.2} x",
                    median(&self.on_us),
                    median(&self.off_us),
                    median(&self.speed)
                ),
            ),
        ]
    }
}

/// What one round showed.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_us: f64,
    per_second: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} us at {:.0}/s", self.cpu_us, self.per_second)
    }
}

/// A running shop and how many orders it was given.
#[derive(Debug)]
struct Shop {
    drill: Drill,
    gateway: SocketAddr,
    services: Vec<u32>,
    used: u64,
}

impl Shop {
    fn up(home: &Home, arguments: &[&str]) -> anyhow::Result<Self> {
        let drill = Drill::up(home, arguments)?;
        let gateway = drill.addr("gateway")?;
        let services: Vec<u32> = family(drill.pid())
            .into_iter()
            .filter(|process| ["gateway", "checkout", "inventory"].contains(&&*process.role))
            .map(|process| process.pid)
            .collect();
        ensure!(services.len() == 4, "not four services: {services:?}");
        Ok(Self {
            drill,
            gateway,
            services,
            // Two products that differ: 0 would give the first one twice.
            used: 1,
        })
    }

    /// Fills carts, which is not measured, then orders them as fast as they are answered.
    fn round(&mut self) -> anyhow::Result<Cost> {
        let first = self.used;
        self.used += ORDERS;
        let filled = each(self.gateway, first, |connection, number| {
            order::fill(connection, &cart(number), number)
        })?;
        ensure!(filled == ORDERS, "{filled} of {ORDERS} carts were filled");
        self.rest()?;
        let (before_us, began) = (self.cpu_us(), Instant::now());
        let placed = each(self.gateway, first, |connection, number| {
            order::place(connection, &cart(number), number, "")
        })?;
        let took = began.elapsed();
        ensure!(placed == ORDERS, "{placed} of {ORDERS} orders were placed");
        self.rest()?;
        Ok(Cost {
            cpu_us: (self.cpu_us() - before_us) as f64 / ORDERS as f64,
            per_second: ORDERS as f64 / took.as_secs_f64(),
        })
    }

    fn cpu_us(&self) -> u64 {
        self.services.iter().map(|pid| cpu_us(*pid)).sum()
    }

    /// Waits until the messages of the orders are delivered, which shows in the services' CPU alone.
    fn rest(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + REST_WITHIN;
        let mut before_us = self.cpu_us();
        loop {
            thread::sleep(LOOK);
            let now_us = self.cpu_us();
            if now_us - before_us <= REST_US {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the services do not come to rest"
            );
            before_us = now_us;
        }
    }
}

fn cart(number: u64) -> String {
    format!("figures-{number}")
}

/// Makes `call` for each number of a round, over all connections at once; how often it was accepted.
fn each(
    gateway: SocketAddr,
    first: u64,
    call: impl Fn(&mut Connection, u64) -> std::io::Result<bool> + Sync,
) -> anyhow::Result<u64> {
    let next = AtomicU64::new(first);
    let one = || -> std::io::Result<u64> {
        let mut connection = Connection::open(gateway)?;
        let mut accepted = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= first + ORDERS {
                return Ok(accepted);
            }
            accepted += u64::from(call(&mut connection, number)?);
        }
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(one)).collect();
        let mut accepted = 0;
        for each in all {
            let ended = each.join().ok().context("a connection's thread panicked")?;
            accepted += ended.context("connection to the gateway")?;
        }
        Ok(accepted)
    })
}
