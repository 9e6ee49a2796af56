//! What reading and linting manifests have to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::formats::Place;
use crate::units::{Diagnostic, Diagnostics, Severity};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It cannot be read for what it should be; always an error.
    Invalid,
    /// The controller refuses it (an error), or it does not do what it seems to (a warning).
    Lint,
    /// It is read and has no counterpart in the model; a warning.
    NotModelled,
}

impl Class {
    /// Its word in JSON.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Class::Invalid => "invalid",
            Class::Lint => "lint",
            Class::NotModelled => "not_modelled",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub class: Class,
    /// Which kind of finding: the name of a lint, else that of the class.
    pub id: &'static str,
    /// `HorizontalPodAutoscaler/llm`; empty where there is none.
    pub object: String,
    /// `spec.metrics[0].resource`; empty for the object as a whole.
    pub path: String,
    /// What is wrong, where, what happens and what to do.
    pub diagnostic: Diagnostic,
}

/// All findings, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Errors and warnings.
    pub list: Vec<Finding>,
    /// Keys that are known to have no effect on cost, with how often each was written.
    pub no_effect: BTreeMap<String, u32>,
    /// Kinds of objects that are known to have no effect on cost, likewise.
    pub idle_kinds: BTreeMap<String, u32>,
    /// What was told where, so that an alias does not repeat what its anchor said.
    told: BTreeSet<(Option<Place>, &'static str, String)>,
}

impl Findings {
    /// Whether anything could not be read.
    #[must_use]
    pub fn has_invalid(&self) -> bool {
        self.list.iter().any(|f| f.class == Class::Invalid)
    }

    /// Whether anything is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|f| f.diagnostic.severity == Severity::Error)
    }

    /// As plain diagnostics.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        Diagnostics { list: self.list.iter().map(|f| f.diagnostic.clone()).collect() }
    }

    /// In the order of the files and of the places within them.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|f| f.diagnostic.at.map(|(source, span)| (source, span.start)));
    }

    /// Adds a finding at a place.
    pub fn push(&mut self, class: Class, id: &'static str, object: &str, path: &str, diagnostic: Diagnostic) {
        let place = diagnostic.at;
        // An alias repeats what its anchor marks, and its faults.
        if self.told.insert((place, id, diagnostic.message.clone())) {
            let (object, path) = (object.to_owned(), path.to_owned());
            self.list.push(Finding { class, id, object, path, diagnostic });
        }
    }

    /// The note on what has no effect on cost; `None` when there is nothing to say.
    #[must_use]
    pub fn no_effect_note(&self) -> Option<String> {
        let list = |all: &BTreeMap<String, u32>| {
            let mut sorted: Vec<(&String, &u32)> = all.iter().collect();
            sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let shown = sorted.iter().take(12).map(|(k, n)| if **n == 1 { (*k).clone() } else { format!("{k} ({n})") });
            let mut text = shown.collect::<Vec<_>>().join(", ");
            if sorted.len() > 12 {
                text.push_str(&format!(" and {} more", sorted.len() - 12));
            }
            text
        };
        let mut parts = Vec::new();
        if !self.no_effect.is_empty() {
            parts.push(format!("these keys have no effect on cost: {}", list(&self.no_effect)));
        }
        if !self.idle_kinds.is_empty() {
            parts.push(format!("these kinds have no effect on cost: {}", list(&self.idle_kinds)));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub at: Place,
}

impl<T> At<T> {
    /// A value at a place.
    pub const fn new(value: T, at: Place) -> At<T> {
        At { value, at }
    }
    /// Another value at the same place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { value: f(self.value), at: self.at }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
