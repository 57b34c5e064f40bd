//! The digest of a run: 64 bits over every record in order.
//!
//! It is FNV-1a over the postcard encoding of the records, one after the other, without their
//! numbers (the position is the number). Another program can compute it from the binary form.

use super::record::Record;
use core::fmt;
use postcard::ser_flavors::Flavor;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A digest under way, or done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(OFFSET)
    }
}

impl Digest {
    /// The digest of a whole list of records.
    pub fn of(records: &[Record]) -> Digest {
        let mut digest = Digest::default();
        for record in records {
            digest.record(record);
        }
        digest
    }

    /// Takes in one more record.
    pub fn record(&mut self, record: &Record) {
        // The flavour cannot fail, and records are plain data that postcard can always encode.
        if let Ok(hash) = postcard::serialize_with_flavor(record, Hash(self.0)) {
            self.0 = hash;
        }
    }

    /// Takes in one more record by its encoding.
    pub(super) fn encoded(&mut self, bytes: &[u8]) {
        self.0 = hashed(self.0, bytes);
    }

    /// The 64 bits.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The same hash over any bytes.
pub fn hash_of(bytes: &[u8]) -> u64 {
    hashed(OFFSET, bytes)
}

fn hashed(from: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(from, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// Feeds encoded bytes to the hash instead of a buffer.
struct Hash(u64);

impl Flavor for Hash {
    type Output = u64;
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<u64> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;
    use crate::journal::{RecordNo, What};

    fn fault(index: u16, cause: Option<RecordNo>) -> Record {
        Record { at: Instant::from_nanos(5), cause, what: What::Fault { index, healed: false } }
    }

    #[test]
    fn it_is_the_hash_of_the_encoded_bytes() {
        let records = [fault(1, None), fault(2, Some(RecordNo(0)))];
        let encoded = records.iter().map(|record| postcard::to_stdvec(record).expect("plain data"));
        let bytes: Vec<u8> = encoded.flatten().collect();
        assert_eq!(Digest::of(&records).bits(), hash_of(&bytes));
        // What FNV-1a is by its authors' own test vector.
        assert_eq!(hash_of(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_part_of_a_record_counts() {
        let base = Digest::of(&[fault(1, None)]);
        assert_ne!(base, Digest::of(&[fault(2, None)]));
        assert_ne!(base, Digest::of(&[fault(1, Some(RecordNo(0)))]));
        assert_eq!(base.to_string().len(), 16);
    }
}
