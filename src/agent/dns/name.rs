//! Host names.

use super::Error;
use domain::base::Name;
use std::fmt;
use std::str::FromStr;

/// The full name of a host or a zone: labels of letters, digits, `-` and `_` (which NetBIOS names
/// have). Upper and lower case are the same name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HostName(Name<Vec<u8>>);

impl HostName {
    pub(super) fn wire(&self) -> &Name<Vec<u8>> {
        &self.0
    }

    /// Whether it is the zone's own name or below it.
    pub fn is_inside(&self, zone: &HostName) -> bool {
        self.0.ends_with(&zone.0)
    }
}

impl FromStr for HostName {
    type Err = Error;

    /// Reads a full name, with or without the dot at its end.
    ///
    /// # Errors
    /// [`Error::Name`] if it is none.
    fn from_str(text: &str) -> Result<HostName, Error> {
        let wrong = |problem| Error::Name { text: text.chars().take(300).collect(), problem };
        let labels = text.strip_suffix('.').unwrap_or(text);
        if labels.is_empty() {
            return Err(wrong("is empty"));
        }
        for label in labels.split('.') {
            if label.is_empty() {
                return Err(wrong("has an empty label"));
            }
            if label.len() > 63 {
                return Err(wrong("has a label of more than 63 characters"));
            }
            if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
                return Err(wrong("has a character that is no letter, digit, '-' or '_'"));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(wrong("has a label that begins or ends with '-'"));
            }
        }
        let name = Name::from_str(labels).map_err(|_| wrong("is longer than 253 characters"))?;
        Ok(HostName(name))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
