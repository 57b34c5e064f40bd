//! The mailbox database against real servers, on loopback, in temporary directories.
//! They need the package postgresql, and root or a user in /etc/passwd.

mod basic;
mod bed;
mod broken;
mod failover;
mod last_logs;
mod log_server;
