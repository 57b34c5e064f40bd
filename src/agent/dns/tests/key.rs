//! Key files and their mistakes.

use super::super::{Algorithm, Error, Fault, HostName, Key};
use super::SECRET;
use super::named::key_file;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory that is removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("dagtwin-key-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Directory(path)
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.0.join("file.key");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn error(path: &Path, name: Option<&str>) -> String {
    let error = Key::read(path, name).expect_err("a mistake");
    assert_eq!(error.fault(), Fault::Configuration);
    let text = error.to_string();
    assert!(text.starts_with(&format!("TSIG key file {}: ", path.display())), "{text}");
    assert!(!text.contains("c2VjcmV0"), "{text}");
    text
}

#[test]
fn reads_what_bind_reads() {
    let directory = Directory::new("good");
    let good = [
        key_file("ddns-key", "hmac-sha256", SECRET),
        format!("key ddns-key. {{ secret {SECRET}; algorithm HMAC-SHA256; }};"),
        format!(
            "# one\n// two\n/* three\n * four */ key \"ddns-key\"{{algorithm hmac-sha256;// x\n\
             secret \"{SECRET}\";}};/**/"
        ),
    ];
    for text in good {
        let key = Key::read(&directory.file(text.as_bytes()), None).expect(&text);
        assert_eq!(key.name().to_string(), "ddns-key");
        assert_eq!(format!("{key:?}"), "Key { name: ddns-key, .. }");
    }
    let two = key_file("a", "hmac-sha256", SECRET) + &key_file("B", "hmac-sha512", SECRET);
    let path = directory.file(two.as_bytes());
    assert_eq!(Key::read(&path, Some("b")).expect("the second").name().to_string(), "B");
    assert!(error(&path, None).ends_with("has more than one key; say which by its name"));
    assert!(error(&path, Some("c")).ends_with("has no key c"));
    let two = key_file("a", "hmac-sha256", SECRET) + &key_file("A", "hmac-sha512", SECRET);
    assert!(error(&directory.file(two.as_bytes()), Some("a")).ends_with("has key a twice"));
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let directory = Directory::new("bad");
    let secret = format!("secret \"{SECRET}\";");
    let with = |inner: &str| format!("key k {{\n{inner}\n}};");
    let cases = [
        (String::new(), "has no key"),
        ("# nothing\n".to_owned(), "has no key"),
        (SECRET.to_owned(), "line 1: expected key"),
        ("options { };".to_owned(), "line 1: expected key"),
        ("key".to_owned(), "ends after line 1; expected the key's name"),
        ("key {".to_owned(), "line 1: expected the key's name"),
        ("key k {\n".to_owned(), "ends after line 1; expected algorithm, secret or }"),
        (with("algorithm hmac-sha256;"), "line 1: the key has no secret"),
        (with(&secret), "line 1: the key has no algorithm"),
        (with(&format!("algorithm hmac-md5; {secret}")), "line 2: this algorithm is not"),
        (with(&format!("algorithm hmac-sha1; {secret}")), "line 2: this algorithm is not"),
        (with("algorithm hmac-sha256;\nsecret \"\";"), "line 3: TSIG key \"k\": its secret is e"),
        (with("algorithm hmac-sha256;\nsecret \"a b\";"), "line 3: TSIG key \"k\": its secret i"),
        (with("algorithm hmac-sha256;\nsecret \"AAA\";"), "is not base64"),
        (with("algorithm hmac-sha256;\nsecret \"AAAA=\";"), "is not base64"),
        (with("algorithm hmac-sha256;\nsecret ;"), "line 3: expected a value"),
        (with("algorithm hmac-sha256\nsecret x;"), "line 3: expected ;"),
        (with(&format!("{secret}\n{secret}")), "line 3: given twice"),
        (with(&format!("{secret}\n{SECRET};")), "line 3: expected algorithm, secret or }"),
        (with("algorithm \"hmac-sha256;"), "line 2: this quotation has no end"),
        (with("/*/ algorithm"), "line 2: this comment has no end"),
        (format!("key k {{ algorithm hmac-sha256; {secret} }}"), "ends after line 1; expected ;"),
        (format!("key \"a b\" {{ algorithm hmac-sha256; {secret} }};"), "has a character that"),
    ];
    for (text, expected) in cases {
        let found = error(&directory.file(text.as_bytes()), None);
        assert!(found.contains(expected), "{text:?}: {found}");
    }
    assert!(error(&directory.file(b"key \xFF"), None).ends_with("is not text"));
    assert!(error(&directory.file(&[b'#'; 70_000]), None).contains("larger than 65536 bytes"));
}

#[test]
fn says_why_a_file_is_not_read() {
    let directory = Directory::new("none");
    assert!(error(&directory.0, None).ends_with("is not a file"));
    assert!(error(Path::new("/dev/zero"), None).ends_with("is not a file"));
    assert!(error(&directory.0.join("missing"), None).contains("No such file"));
    let path = directory.file(key_file("k", "hmac-sha256", SECRET).as_bytes());
    for mode in [0o644, 0o606, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        let text = error(&path, None);
        assert!(text.ends_with(&format!("(mode {mode:o}); chmod 640 it")), "{text}");
    }
}

#[test]
fn host_names_are_such() {
    let long = "a".repeat(63);
    let most = format!("{long}.{long}.{long}.{}", "a".repeat(61));
    for good in ["a", "A.b.", "ex01_x.example.test", "1.2", long.as_str(), most.as_str()] {
        let name: HostName = good.parse().expect(good);
        assert_eq!(name.to_string(), good.trim_end_matches('.'));
    }
    let longer = format!("{most}a");
    let label = "a".repeat(64);
    let bad =
        ["", ".", "a..b", ".a", "*.a", "a b", "a\\.b", "-a.b", "a-.b", "ä.b", &label, &longer];
    for text in bad {
        assert!(matches!(text.parse::<HostName>(), Err(Error::Name { .. })), "{text}");
    }
    let name: HostName = "CasArray.Example.Test".parse().expect("a name");
    assert_eq!(name, "casarray.example.test".parse().expect("a name"));
    assert!(name.is_inside(&"example.TEST".parse().expect("a name")));
    assert!(!name.is_inside(&"ample.test".parse().expect("a name")));
}

#[test]
fn a_key_never_shows_its_secret() {
    let error = Key::new("k", Algorithm::HmacSha256, "c2VjcmV0*").expect_err("not base64");
    assert_eq!(error.to_string(), "TSIG key \"k\": its secret is not base64");
}
