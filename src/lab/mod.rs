//! Floor 6: a whole run and what it came to; replay.

pub mod replay;
