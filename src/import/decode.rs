//! Bytes of a file as text: what PowerShell, Notepad and Excel write.

/// Text of a file in UTF-8 or UTF-16 with or without byte order mark, or in Windows-1252 if it is
/// no UTF-8; none for what is no text.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok()?,
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        // Every other byte of text in Latin letters is zero in UTF-16.
        [first, 0, _, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes)?,
        [0, first, 0, _, ..] if *first != 0 => utf16(bytes, u16::from_be_bytes)?,
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
        },
    };
    let no_text = |c: char| c == '\u{fffd}' || c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.contains(no_text)).then_some(text)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok()
}

/// A byte of Windows-1252. Its five unused bytes are no text.
fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
        '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ',
        '\u{fffd}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_80[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_of_windows_are_read() {
        let expected = Some("Größe €".to_owned());
        let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let little = |text| units(text).into_iter().flat_map(u16::to_le_bytes);
        let big = |text| units(text).into_iter().flat_map(u16::to_be_bytes);
        assert_eq!(text("Größe €".as_bytes()), expected);
        assert_eq!(text("\u{feff}Größe €".as_bytes()), expected);
        assert_eq!(text(b"Gr\xf6\xdfe \x80"), expected);
        assert_eq!(text(&little("\u{feff}Größe €").collect::<Vec<u8>>()), expected);
        assert_eq!(text(&big("\u{feff}Größe €").collect::<Vec<u8>>()), expected);
        assert_eq!(text(&little("Größe €").collect::<Vec<u8>>()), expected);
        assert_eq!(text(&big("Größe €").collect::<Vec<u8>>()), expected);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(text(b"\x7fELF\x02\x01\x01\0\0\0\0"), None);
        assert_eq!(text(b"a\0b"), None);
        assert_eq!(text(&[0xff, 0xfe, b'a']), None);
        assert_eq!(text(&[0xff, 0xfe, 0x00, 0xd8]), None);
        assert_eq!(text(b"\x81 in no code page"), None);
        assert_eq!(text(b""), Some(String::new()));
    }
}
