//! The limits as requests look them up: a table of fixed size, built once without further allocation.

/// Size of the table in ranges. The catalogue has forty.
pub(super) const PLACES: usize = 64;

/// One range of products.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    first: u32,
    last: u32,
    limit: u32,
}

/// The ranges of one file.
#[derive(Debug)]
pub(super) struct Table {
    places: [Range; PLACES],
    count: usize,
}

impl Table {
    /// Builds the table from the entries of a file.
    pub(super) fn read(text: &str) -> Self {
        let mut table = Self {
            places: [Range::default(); PLACES],
            count: 0,
        };
        for (first, last, limit) in entries(text) {
            table.places[table.count] = Range { first, last, limit };
            table.count += 1;
        }
        table
    }

    /// The purchase limit of a product, if it has one.
    pub(super) fn limit(&self, number: u32) -> Option<u32> {
        let ranges = self.places.iter().take(self.count);
        ranges
            .filter(|range| (range.first..=range.last).contains(&number))
            .map(|range| range.limit)
            .min()
    }
}

/// First product, last product and limit of each entry; all other lines are comments.
pub(super) fn entries(text: &str) -> impl Iterator<Item = (u32, u32, u32)> {
    text.lines().filter_map(|line| {
        let mut fields = line
            .split(',')
            .map(|field| field.trim().parse::<u32>().ok());
        Some((fields.next()??, fields.next()??, fields.next()??))
    })
}
