//! Tests against a real BIND, against servers that misbehave, and of the pure parts.

mod bind;
mod fake;
mod key;
mod message;
pub(in crate::agent) mod named;
mod registration;

use super::{Algorithm, HostName, Key};
use std::net::Ipv4Addr;

/// Secrets of 32 octets, base64.
const SECRET: &str = "c2VjcmV0IG9mIGV4YWN0bHkgMzIgb2N0ZXRzIGhlcmU=";
const OTHER_SECRET: &str = "YW5vdGhlciBzZWNyZXQgb2YgMzIgb2N0ZXRzIGhlcmU=";

const ONE: Ipv4Addr = Ipv4Addr::new(10, 213, 1, 11);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 213, 1, 12);
const THREE: Ipv4Addr = Ipv4Addr::new(10, 213, 1, 13);

fn host(text: &str) -> HostName {
    text.parse().expect("a host name")
}

fn key(name: &str, secret: &str) -> Key {
    Key::new(name, Algorithm::HmacSha256, secret).expect("a key")
}
