//! The text: what a cut in a write leaves, and what is refused.

use super::super::record::{FILE, PLACE, Record, Unfit};
use super::record;

/// A file whose places hold two records that follow each other.
fn file(older: Record, newer: Record) -> Vec<u8> {
    let mut file = vec![0; FILE];
    put(&mut file, older, PLACE);
    put(&mut file, newer, PLACE);
    file
}

/// Writes the first bytes of a record where it belongs.
fn put(file: &mut [u8], record: Record, bytes: usize) {
    let at = usize::try_from(record.offset()).expect("an offset");
    file[at..at + bytes].copy_from_slice(&record.text()[..bytes]);
}

#[test]
fn the_text_is_readable_and_stays_as_it_is() {
    let text = record(Some(2), 41, 907).text();
    let text = std::str::from_utf8(&text).expect("text");
    let expected = "dagtwin witness 1\nowner 2\nepoch 41\ncounter 907\ncheck 1850bc570cd8850e\n";
    assert_eq!(text.trim_end_matches([' ', '\n']), expected.trim_end());
    assert_eq!(text.len(), 512);
}

#[test]
fn every_record_is_read_as_it_was_written() {
    for owner in [None, Some(0), Some(1), Some(255)] {
        for number in [0, 1, 9, 10, u64::MAX - 1] {
            let older = record(owner, number, number);
            let newer = older.followed_by(owner, number);
            assert_eq!(Record::of_file(&file(older, newer)), Ok(newer));
        }
    }
}

#[test]
fn a_write_cut_short_anywhere_leaves_the_old_record_or_the_new_one() {
    let old = record(Some(1), 41, 999);
    for new in [record(Some(2), 42, 1000), record(Some(1), 41, 1000), record(None, 9, 1000)] {
        for bytes in 0..=PLACE {
            let mut cut = file(record(Some(1), 41, 998), old);
            put(&mut cut, new, bytes);
            let found = Record::of_file(&cut).expect("a whole record");
            // The end of the text is spaces, and may be there already.
            let whole = cut[..PLACE] == new.text();
            assert_eq!(found, if whole { new } else { old }, "cut after {bytes} bytes");
            // The rest as a file system may leave it after a crash.
            let at = usize::try_from(new.offset()).expect("an offset");
            cut[at + bytes..at + PLACE].fill(0);
            let found = Record::of_file(&cut).expect("a whole record");
            assert_eq!(found, if bytes == PLACE { new } else { old }, "zeros after {bytes} bytes");
        }
    }
}

#[test]
fn a_preparation_cut_short_is_no_record_of_another_kind() {
    let first = Record::first_file();
    for bytes in 0..=FILE {
        match Record::of_file(&first[..bytes]) {
            Ok(found) => assert_eq!((found.owner, found.epoch), (None, 0)),
            Err(Unfit::Blank) => assert_eq!(bytes, 0),
            Err(Unfit::Torn) => assert!(bytes < PLACE),
            Err(other @ (Unfit::Version(_) | Unfit::Foreign)) => panic!("{other} at {bytes}"),
        }
    }
}

#[test]
fn a_changed_bit_is_found() {
    let (old, new) = (record(Some(1), 41, 7), record(Some(1), 41, 8));
    let whole = file(old, new);
    for bit in 0..PLACE * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let found = Record::of_file(&changed);
        let refused = matches!(found, Err(Unfit::Foreign | Unfit::Version(_)));
        assert!(refused || found == Ok(old), "bit {bit}: {found:?}");
    }
}

#[test]
fn what_is_not_a_record_is_refused() {
    let whole = file(record(Some(1), 41, 8), record(Some(1), 41, 9));
    let changed = |from: &str, to: &str| {
        let text = String::from_utf8(whole.clone()).expect("text").replace(from, to);
        text.as_bytes()[..FILE].to_vec()
    };
    let mut long = whole.clone();
    long.push(b' ');
    let mut swapped = whole[PLACE..].to_vec();
    swapped.extend_from_slice(&whole[..PLACE]);
    let table = [
        (Vec::new(), Unfit::Blank),
        (vec![0; FILE], Unfit::Blank),
        (vec![b' '; FILE], Unfit::Blank),
        (b"hello\n".to_vec(), Unfit::Foreign),
        (long, Unfit::Foreign),
        (swapped, Unfit::Torn),
        (changed("witness 1\n", "witness 2\n"), Unfit::Version("2".to_owned())),
        (changed("owner 1", "owner 2"), Unfit::Torn),
        (changed("epoch 41", "epoch 42"), Unfit::Torn),
        (changed("counter", "Counter"), Unfit::Torn),
    ];
    for (text, unfit) in table {
        assert_eq!(Record::of_file(&text), Err(unfit), "{}", String::from_utf8_lossy(&text));
    }
    assert!(Unfit::Version("2".to_owned()).to_string().contains("version 2"));
}
