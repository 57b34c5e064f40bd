//! Addresses and adapters of a real kernel, in network namespaces that each test makes itself.
//! Needs root and `ip` (package iproute2).

mod addresses;
mod arp;
mod lab;
mod links;
mod measure;
