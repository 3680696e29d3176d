//! The seal: a hash shown at the start that proves at the end that the key did not change in between.

use sha2::{Digest as _, Sha256};

/// SHA-256, in hexadecimal, over the nonce, a zero byte, and the scenario file as it is.
///
/// The nonce is told only with the debrief; without it, the file cannot be found by trying the whole catalogue.
/// Anyone can check it: `(printf '%s\0' NONCE; cat FILE) | sha256sum`.
pub fn commitment(nonce: &str, file: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(nonce.as_bytes());
    hash.update([0]);
    hash.update(file);
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commitment_can_be_checked_with_a_shell() {
        // printf 'nonce\0file' | sha256sum
        let expected = "c1b025a828408440e0745504bf96087ae3f92e1cdc2fc2069db7611e686c6fc1";
        assert_eq!(commitment("nonce", b"file"), expected);
    }

    #[test]
    fn nonce_and_file_both_count() {
        assert_ne!(commitment("a", b"file"), commitment("b", b"file"));
        assert_ne!(commitment("a", b"file"), commitment("a", b"flie"));
        assert_ne!(commitment("a", b"bc"), commitment("ab", b"c"));
    }
}
