//! Leases against the real kernel, in network namespaces that each test makes for itself.
//!
//! Need root, and the Debian packages nftables, iproute2, iputils-ping, iputils-arping, tcpdump
//! and util-linux. Where one is missing the tests say so and pass, or fail if `DAGTWIN_NO_SKIP` is
//! set.

mod bed;
mod child;
mod ends;
mod fitness;
mod gate;
mod measure;
mod observer;
mod ports;
