//! What a member says of itself, in the name and the comment of its gzip header.

use flate2::{Compression, GzBuilder, GzHeader};

/// How every member begins: gzip, deflated, with a name and a comment, at no time.
pub(super) const MARK: [u8; 8] = [0x1f, 0x8b, 0x08, 0x18, 0, 0, 0, 0];

/// Which stretch of which file a member holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) name: String,
    /// Where the stretch begins.
    pub(super) offset: u64,
    /// Its bytes.
    pub(super) length: u64,
    /// Bytes of the whole file.
    pub(super) bytes: u64,
}

impl Label {
    /// A member with this label, around `content`.
    pub(super) fn member(&self, content: &[u8]) -> std::io::Result<Vec<u8>> {
        let Self {
            offset,
            length,
            bytes,
            ..
        } = self;
        let comment = format!("{offset} {length} {bytes} {:08x}", self.checksum());
        let mut member = GzBuilder::new()
            .filename(self.name.as_bytes())
            .comment(comment)
            .write(Vec::new(), Compression::default());
        std::io::Write::write_all(&mut member, content)?;
        member.finish()
    }

    /// Reads it back; nothing if it was damaged, for the checksum of a member does not cover its header.
    pub(super) fn read(header: &GzHeader) -> Option<Self> {
        let name = std::str::from_utf8(header.filename()?).ok()?.to_owned();
        let comment = std::str::from_utf8(header.comment()?).ok()?;
        let mut parts = comment.split(' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let label = Self {
            name,
            offset: number()?,
            length: number()?,
            bytes: number()?,
        };
        let checksum = u32::from_str_radix(parts.next()?, 16).ok()?;
        (checksum == label.checksum()).then_some(label)
    }

    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.name.as_bytes());
        for number in [self.offset, self.length, self.bytes] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.finalize()
    }
}
