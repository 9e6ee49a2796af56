//! Validated names: what a pool, a workload, a team or a label may be called.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than 63 characters, the Kubernetes limit.
    #[error("a name has at most 63 characters, this one has {0}")]
    TooLong(usize),
    /// A character outside `A-Za-z0-9 - _ .`, or not starting and ending with a letter or digit.
    #[error(
        "{0:?} is not allowed here: a name has letters, digits, '-', '_' and '.', and begins and ends with a letter or digit"
    )]
    BadCharacter(char),
}

/// A name of something in a scenario: a pool, a workload, a variant. Letters, digits, `-`, `_` and `.`, at most 63
/// of them, first and last a letter or digit (Kubernetes' rule for label values, so that one carries over).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks and takes a text as a name.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong with it.
    pub fn new(s: &str) -> Result<Name, NameError> {
        check(s)?;
        Ok(Name(s.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(s: &str) -> Result<(), NameError> {
    let n = s.chars().count();
    if n == 0 {
        return Err(NameError::Empty);
    }
    if n > 63 {
        return Err(NameError::TooLong(n));
    }
    for (i, c) in s.chars().enumerate() {
        let edge = i == 0 || i == n - 1;
        if !(c.is_ascii_alphanumeric() || (!edge && matches!(c, '-' | '_' | '.'))) {
            return Err(NameError::BadCharacter(c));
        }
    }
    Ok(())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A label on work, `key=value`: who pays, for what. Ordered by key, then value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Label {
    /// e.g. `team`.
    pub key: Name,
    /// e.g. `search`.
    pub value: Name,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_label_rule() {
        assert!(Name::new("h100-us_east.1").is_ok());
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new("-a"), Err(NameError::BadCharacter('-')));
        assert_eq!(Name::new("a b"), Err(NameError::BadCharacter(' ')));
        assert_eq!(Name::new(&"a".repeat(64)), Err(NameError::TooLong(64)));
    }
}
