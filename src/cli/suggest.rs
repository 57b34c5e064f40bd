//! "Did you mean …" for names that do not exist.

/// A message about an unknown name: what exists, and the nearest of it.
pub(super) fn unknown(what: &str, name: &str, known: &[&str], remedy: &str) -> String {
    let mut text = format!("unknown {what} `{name}`");
    if let Some(near) = nearest(name, known) {
        text += &format!("; did you mean `{near}`?");
    }
    if !known.is_empty() {
        text += &format!("\n  known: {}", known.join(", "));
    }
    if !remedy.is_empty() {
        text += &format!("\n  {remedy}");
    }
    text
}

/// The known name that is nearest, if it is near at all.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = 1 + name.chars().count() / 3;
    let rated = known.iter().map(|word| (distance(name, word), *word));
    rated.min().filter(|(far, _)| *far <= limit).map(|(_, word)| word)
}

/// Letters to insert, delete or replace to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in to.iter().enumerate() {
            let replace = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = replace.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("NIC-loss", "nic-loss"), 0);
    }

    #[test]
    fn only_near_names_are_offered() {
        let known = ["nic-loss", "power-off"];
        assert_eq!(nearest("nicloss", &known), Some("nic-loss"));
        assert_eq!(nearest("earthquake", &known), None);
        let text = unknown("scenario", "nicloss", &known, "");
        assert!(text.contains("did you mean `nic-loss`") && text.contains("power-off"), "{text}");
    }
}
