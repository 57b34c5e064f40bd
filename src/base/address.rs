//! IPv4 addresses as plain numbers, so that the core needs no network library.

use core::fmt;
use serde::{Deserialize, Serialize};

/// An IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub u32);

impl Address {
    /// Reads `a.b.c.d`; none if that is not what the text is.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 4];
        let mut parts = text.split('.');
        for byte in &mut bytes {
            let part = parts.next()?;
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            if !digits || part.len() > 1 && part.starts_with('0') {
                return None;
            }
            *byte = part.parse().ok()?;
        }
        parts.next().is_none().then_some(Address(u32::from_be_bytes(bytes)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0.to_be_bytes();
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
