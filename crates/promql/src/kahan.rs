//! Compensated sums, so that adding many samples loses no digits.

/// A sum that carries the digits which the running total had no room for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    total: f64,
    rest: f64,
}

impl Sum {
    pub(super) fn of(value: f64) -> Sum {
        let mut sum = Sum::default();
        sum.add(value);
        sum
    }

    pub(super) fn add(&mut self, value: f64) {
        let total = self.total + value;
        if total.is_infinite() {
            self.rest = 0.0;
        } else if self.total.abs() >= value.abs() {
            self.rest += (self.total - total) + value;
        } else {
            self.rest += (value - total) + self.total;
        }
        self.total = total;
    }

    pub(super) fn value(self) -> f64 {
        self.total + self.rest
    }
}

/// An arithmetic mean. It divides a compensated sum at the end; once that sum would overflow, it updates the mean itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    /// The sum of the values or, from the overflow on, their mean.
    running: Sum,
    count: f64,
    is_incremental: bool,
}

impl Mean {
    pub(super) fn of(value: f64) -> Mean {
        let mut mean = Mean::default();
        mean.add(value);
        mean
    }

    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.is_incremental {
            let mut sum = self.running;
            sum.add(value);
            // An infinite first value is not an overflow.
            if self.count == 1.0 || !sum.total.is_infinite() {
                self.running = sum;
                return;
            }
            self.is_incremental = true;
            self.running.total /= self.count - 1.0;
            self.running.rest /= self.count - 1.0;
        }
        let weight = (self.count - 1.0) / self.count;
        self.running.total *= weight;
        self.running.rest *= weight;
        self.running.add(value / self.count);
    }

    pub(super) fn value(self) -> f64 {
        if self.is_incremental {
            self.running.value()
        } else {
            self.running.total / self.count + self.running.rest / self.count
        }
    }
}
