//! The limits as requests look them up: a row of places that is laid out once, without any allocation later.

/// Ranges that there is place for. The catalogue has forty.
pub(super) const PLACES: usize = 64;

/// One range of products.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    first: u32,
    last: u32,
    most: u32,
}

/// The ranges of one file.
#[derive(Debug)]
pub(super) struct Table {
    places: [Range; PLACES],
    taken: usize,
}

impl Table {
    /// Puts every entry of a file in its place.
    pub(super) fn read(text: &str) -> Self {
        let mut table = Self {
            places: [Range::default(); PLACES],
            taken: 0,
        };
        for (first, last, most) in entries(text) {
            table.places[table.taken] = Range { first, last, most };
            table.taken += 1;
        }
        table
    }

    /// Pieces of a product that one order may take, if there is a limit.
    pub(super) fn most(&self, number: u32) -> Option<u32> {
        let ranges = self.places.iter().take(self.taken);
        ranges
            .filter(|range| (range.first..=range.last).contains(&number))
            .map(|range| range.most)
            .min()
    }
}

/// First and last product and the limit of each entry; lines that are none are comments.
pub(super) fn entries(text: &str) -> impl Iterator<Item = (u32, u32, u32)> {
    text.lines().filter_map(|line| {
        let mut fields = line
            .split(',')
            .map(|field| field.trim().parse::<u32>().ok());
        Some((fields.next()??, fields.next()??, fields.next()??))
    })
}
