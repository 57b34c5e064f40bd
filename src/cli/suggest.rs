//! "Did you mean …" for names that do not exist.

use crate::model::load;

/// A message about an unknown name: what exists, and the nearest of it.
pub(super) fn unknown(what: &str, name: &str, known: &[&str], remedy: &str) -> String {
    let mut text = format!("unknown {what} `{name}`");
    if let Some(near) = load::near(name, known.iter().copied()) {
        text += &format!("; {near}");
    }
    if !known.is_empty() {
        text += &format!("\n  known: {}", known.join(", "));
    }
    if !remedy.is_empty() {
        text += &format!("\n  {remedy}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_offered() {
        let known = ["nic-loss", "power-off"];
        let text = unknown("scenario", "nicloss", &known, "");
        assert!(text.contains("did you mean \"nic-loss\"") && text.contains("power-off"), "{text}");
        assert!(!unknown("scenario", "earthquake", &known, "").contains("did you mean"));
    }
}
