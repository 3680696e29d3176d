//! Process metrics from `/proc`, under the standard names of Prometheus clients.
//!
//! The collector in the `prometheus` crate counts CPU in whole seconds, too coarse for a rate over a drill,
//! and adds 15 s of CPU to the first build.

use std::collections::HashMap;
use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};

/// Name and help of each family, the first one a counter; [`read`] gives the values in this order.
const FAMILIES: &str = "\
process_cpu_seconds_total Total user and system CPU time spent in seconds.
process_open_fds Number of open file descriptors.
process_max_fds Maximum number of open file descriptors.
process_virtual_memory_bytes Virtual memory size in bytes.
process_resident_memory_bytes Resident memory size in bytes.
process_start_time_seconds Start time of the process since unix epoch in seconds.
process_threads Number of OS threads in the process.";

fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAMILIES.lines().filter_map(|line| line.split_once(' '))
}

/// Reads `/proc/self` at every scrape.
#[derive(Debug)]
pub(super) struct Process(Vec<Desc>);

impl Process {
    /// The families; an error if a name is not one that Prometheus allows.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let desc = |(name, help): (&str, &str)| {
            Desc::new(name.to_owned(), help.to_owned(), Vec::new(), HashMap::new())
        };
        families().map(desc).collect::<Result<_, _>>().map(Self)
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.0.iter().collect()
    }

    /// Every family, or none if `/proc` cannot be read: a zero would be wrong.
    fn collect(&self) -> Vec<MetricFamily> {
        let values = read().into_iter().flatten();
        families()
            .zip(values)
            .map(|((name, help), value)| {
                let mut metric = Metric::default();
                let kind = if name.ends_with("_total") {
                    let mut counter = Counter::default();
                    counter.set_value(value);
                    metric.set_counter(counter);
                    MetricType::COUNTER
                } else {
                    let mut gauge = Gauge::default();
                    gauge.set_value(value);
                    metric.set_gauge(gauge);
                    MetricType::GAUGE
                };
                let mut family = MetricFamily::default();
                family.set_name(name.to_owned());
                family.set_help(help.to_owned());
                family.set_field_type(kind);
                family.set_metric(vec![metric]);
                family
            })
            .collect()
    }
}

/// The values in the order of [`FAMILIES`], from the files that proc(5) describes.
fn read() -> Option<[f64; 7]> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold anything, also spaces.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    // Fields are numbered from 1 in proc(5), and the first one here is the third.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 PB")]
    let (tick, page, open) = (
        rustix::param::clock_ticks_per_second() as f64,
        rustix::param::page_size() as f64,
        fs::read_dir("/proc/self/fd").ok()?.count() as f64,
    );
    Some([
        (field(14)? + field(15)?) / tick,
        open,
        limit
            .split_whitespace()
            .next()?
            .parse()
            .unwrap_or(f64::INFINITY),
        field(23)?,
        field(24)? * page,
        boot.trim().parse::<f64>().ok()? + field(22)? / tick,
        field(20)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_there_with_a_value_of_this_process() {
        let families = Process::new().expect("the names are valid").collect();
        let values: Vec<(&str, f64)> = families
            .iter()
            .map(|family| {
                let metric = &family.get_metric()[0];
                let value = match family.get_field_type() {
                    MetricType::COUNTER => metric.get_counter().get_value(),
                    _ => metric.get_gauge().get_value(),
                };
                (family.name(), value)
            })
            .collect();
        assert_eq!(values.len(), 7);
        for (name, value) in &values {
            assert!(
                *value > 0.0 || *name == "process_cpu_seconds_total",
                "{values:?}"
            );
        }
    }

    #[test]
    fn cpu_time_is_counted_in_parts_of_a_second() {
        let cpu = || read().expect("/proc is there")[0];
        let before = cpu();
        let spent = loop {
            let spent = cpu() - before;
            if spent > 0.0 {
                break spent;
            }
        };
        assert!(spent < 1.0, "{spent}");
    }
}
