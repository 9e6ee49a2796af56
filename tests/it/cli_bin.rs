//! The binary, as a user calls it. No test may depend on public data or on the caller's environment.

use std::path::Path;
use std::process::Command;

/// What a call said and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Calls `fleetcast` with these words; public data is looked for where there is none.
pub fn fleetcast(words: &[&str]) -> Said {
    let out = Command::new(env!("CARGO_BIN_EXE_fleetcast"))
        .args(words)
        .env_remove("FLEETCAST_DATA")
        .env_remove("NO_COLOR")
        .current_dir(std::env::temp_dir())
        .output()
        .expect("the binary runs");
    let text = |b: Vec<u8>| String::from_utf8(b).expect("UTF-8");
    Said { code: out.status.code().expect("it was not killed"), out: text(out.stdout), err: text(out.stderr) }
}

/// A call that must be refused: exit 2, nothing on stdout, all of `words_in_err` on stderr.
pub fn refused(words: &[&str], words_in_err: &[&str]) -> String {
    let said = fleetcast(words);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{words:?}: {}", said.err);
    for w in words_in_err {
        assert!(said.err.contains(w), "{words:?}: no `{w}` in\n{}", said.err);
    }
    said.err
}

/// A call that must be fine; its stdout.
pub fn fine(words: &[&str]) -> String {
    let said = fleetcast(words);
    assert_eq!(said.code, 0, "{words:?}: {}", said.err);
    said.out
}

/// A path as a word of the command line.
pub fn word(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}
