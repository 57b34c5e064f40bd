//! The only integration binary.

mod cases;
mod pair;
