//! Floor 5: files of a real cluster, read into what the lower floors understand.
//!
//! [`copies`] reads what `Get-MailboxDatabaseCopyStatus` printed or exported, in any of the forms
//! that administrators keep: `Export-Csv`, `ConvertTo-Json`, `Format-List`. [`agents`] lays the
//! journals of agents beside each other, and tells what their operations took.

pub mod agents;
pub mod copies;
mod decode;
mod table;

/// Compares names of servers: without regard to case, and a host name equals its full name in DNS.
pub fn same_server(one: &str, other: &str) -> bool {
    server_key(one) == server_key(other)
}

/// What a server's names have in common.
pub fn server_key(name: &str) -> String {
    name.trim().split('.').next().unwrap_or_default().to_lowercase()
}
