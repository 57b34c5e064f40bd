//! TSIG keys, and the key files of BIND.

use super::{Error, HostName};
use domain::base::Name;
use domain::tsig;
use domain::utils::base64;
use ring::hmac;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// The largest key file that is read, in bytes. Assumed; a file with one key has about 100.
const LARGEST_FILE: u64 = 64 * 1024;

/// A TSIG algorithm that is still recommended (RFC 8945 §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Algorithm {
    /// `hmac-sha256`, which `tsig-keygen` chooses.
    HmacSha256,
    /// `hmac-sha384`.
    HmacSha384,
    /// `hmac-sha512`.
    HmacSha512,
}

impl Algorithm {
    fn named(text: &str) -> Option<Algorithm> {
        let all = [Algorithm::HmacSha256, Algorithm::HmacSha384, Algorithm::HmacSha512];
        all.into_iter().find(|algorithm| algorithm.to_string().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::HmacSha256 => "hmac-sha256",
            Algorithm::HmacSha384 => "hmac-sha384",
            Algorithm::HmacSha512 => "hmac-sha512",
        })
    }
}

/// A TSIG key: its name, algorithm and secret. Nothing ever shows the secret.
#[derive(Clone)]
pub struct Key {
    name: HostName,
    tsig: Arc<tsig::Key>,
    hmac: hmac::Key,
}

impl Key {
    /// A key from its parts; the secret as base64.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is none, [`Error::Key`] if the secret is empty or not base64.
    pub fn new(name: &str, algorithm: Algorithm, secret: &str) -> Result<Key, Error> {
        let name: HostName = name.parse()?;
        let wrong = |problem| Error::Key { name: name.to_string(), problem };
        let secret: Vec<u8> =
            base64::decode(secret).map_err(|_| wrong("its secret is not base64"))?;
        if secret.is_empty() {
            return Err(wrong("its secret is empty"));
        }
        let (in_tsig, in_hmac) = match algorithm {
            Algorithm::HmacSha256 => (tsig::Algorithm::Sha256, hmac::HMAC_SHA256),
            Algorithm::HmacSha384 => (tsig::Algorithm::Sha384, hmac::HMAC_SHA384),
            Algorithm::HmacSha512 => (tsig::Algorithm::Sha512, hmac::HMAC_SHA512),
        };
        let wire = Name::from_str(&name.to_string()).map_err(|_| wrong("its name is too long"))?;
        let tsig = tsig::Key::new(in_tsig, &secret, wire, None, None)
            .map_err(|_| wrong("its signatures cannot have their full length"))?;
        Ok(Key { name, tsig: Arc::new(tsig), hmac: hmac::Key::new(in_hmac, &secret) })
    }

    /// Reads a key from a file as `tsig-keygen` writes it. With several keys in it, `name` says
    /// which. Blocks; call it at start, not in the loop.
    ///
    /// # Errors
    /// [`Error::KeyFile`] with the line and what was expected there; also for a file that every
    /// user of the host may read, since whoever has the secret can move the name.
    pub fn read(path: &Path, name: Option<&str>) -> Result<Key, Error> {
        let wrong = |problem: String| Error::KeyFile { path: path.to_owned(), problem };
        let text = read_text(path).map_err(wrong)?;
        let mut keys = parse(&text).map_err(wrong)?;
        let wanted: Option<HostName> = name.map(str::parse).transpose()?;
        if let Some(wanted) = &wanted {
            keys.retain(|(_, key)| key.name == *wanted);
        }
        match (keys.len(), wanted) {
            (1, _) => Ok(keys.remove(0).1),
            (0, Some(wanted)) => Err(wrong(format!("has no key {wanted}"))),
            (0, None) => Err(wrong("has no key; expected key \"NAME\" { ... };".to_owned())),
            (_, None) => Err(wrong("has more than one key; say which by its name".to_owned())),
            (_, Some(wanted)) => Err(wrong(format!("has key {wanted} twice"))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &HostName {
        &self.name
    }

    pub(super) fn tsig(&self) -> &Arc<tsig::Key> {
        &self.tsig
    }

    pub(super) fn hmac(&self) -> &hmac::Key {
        &self.hmac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    // Before it is opened: to open a pipe would wait for its writer.
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("is not a file".to_owned());
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o006 != 0 {
        return Err(format!("every user may read or change it (mode {mode:o}); chmod 640 it"));
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("is larger than {LARGEST_FILE} bytes; it is no key file"));
    }
    String::from_utf8(bytes).map_err(|_| "is not text".to_owned())
}

/// All keys of a file, each with its line.
fn parse(text: &str) -> Result<Vec<(usize, Key)>, String> {
    let words = words(text)?;
    let mut rest = words.as_slice();
    let mut keys = Vec::new();
    while let Some(first) = rest.first() {
        let (key, left) = parse_key(rest)?;
        keys.push((first.line, key));
        rest = left;
    }
    Ok(keys)
}

/// Reads one `key NAME { algorithm ALGORITHM; secret SECRET; };`.
fn parse_key<'a>(words: &'a [Word<'a>]) -> Result<(Key, &'a [Word<'a>]), String> {
    let mut words = Words { rest: words, line: 1 };
    words.exactly("key")?;
    let (line, name) = words.value("the key's name")?;
    words.exactly("{")?;
    let (mut algorithm, mut secret) = (None, None);
    loop {
        let statement = words.next("algorithm, secret or }")?;
        let place = match statement.text.to_ascii_lowercase().as_str() {
            "}" if !statement.quoted => break,
            "algorithm" => &mut algorithm,
            "secret" => &mut secret,
            // It may be the secret itself, so it is not shown.
            _ => return Err(format!("line {}: expected algorithm, secret or }}", statement.line)),
        };
        let value = words.value("a value")?;
        if place.replace(value).is_some() {
            return Err(format!("line {}: given twice", statement.line));
        }
        words.exactly(";")?;
    }
    words.exactly(";")?;
    let (at, algorithm) = algorithm.ok_or(format!("line {line}: the key has no algorithm"))?;
    let algorithm = Algorithm::named(algorithm).ok_or(format!(
        "line {at}: this algorithm is not supported; expected hmac-sha256, -sha384 or -sha512"
    ))?;
    let (at, secret) = secret.ok_or(format!("line {line}: the key has no secret"))?;
    let key = Key::new(name, algorithm, secret).map_err(|error| format!("line {at}: {error}"))?;
    Ok((key, words.rest))
}

/// A word, or one of `{`, `}` and `;`.
struct Word<'a> {
    line: usize,
    text: &'a str,
    quoted: bool,
}

/// The words that are left.
struct Words<'a> {
    rest: &'a [Word<'a>],
    line: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self, expected: &str) -> Result<&'a Word<'a>, String> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Err(format!("ends after line {}; expected {expected}", self.line));
        };
        (self.rest, self.line) = (rest, first.line);
        Ok(first)
    }

    fn exactly(&mut self, expected: &str) -> Result<(), String> {
        let word = self.next(expected)?;
        if word.quoted || !word.text.eq_ignore_ascii_case(expected) {
            return Err(format!("line {}: expected {expected}", word.line));
        }
        Ok(())
    }

    fn value(&mut self, expected: &str) -> Result<(usize, &'a str), String> {
        let word = self.next(expected)?;
        if !word.quoted && ["{", "}", ";"].contains(&word.text) {
            return Err(format!("line {}: expected {expected}", word.line));
        }
        Ok((word.line, word.text))
    }
}

/// Splits a text into words; comments are `#`, `//` to the end of the line and `/* */`.
fn words(text: &str) -> Result<Vec<Word<'_>>, String> {
    let mut words = Vec::new();
    let (mut rest, mut line) = (text, 1);
    loop {
        let blank = rest.len() - rest.trim_start().len();
        line += rest[..blank].matches('\n').count();
        rest = &rest[blank..];
        let Some(first) = rest.chars().next() else { return Ok(words) };
        let length = if first == '#' || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(inner) = rest.strip_prefix("/*") {
            inner.find("*/").ok_or(format!("line {line}: this comment has no end"))? + 4
        } else if let Some(inner) = rest.strip_prefix('"') {
            let end = inner.find(['"', '\n']).filter(|&end| inner[end..].starts_with('"'));
            let end = end.ok_or(format!("line {line}: this quotation has no end"))?;
            words.push(Word { line, text: &inner[..end], quoted: true });
            end + 2
        } else {
            let special = |c: char| c.is_whitespace() || "{};\"#".contains(c);
            let length =
                if "{};".contains(first) { 1 } else { rest.find(special).unwrap_or(rest.len()) };
            words.push(Word { line, text: &rest[..length], quoted: false });
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
}
