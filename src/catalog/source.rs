//! Where a fact comes from and how sure it is.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::Serialize;

use super::table::{self, Text};

/// How a figure is known. Ordered from the strongest to the weakest: the weaker of two is their `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Read from a meter, a bill, a trace or the provider's own published list.
    Measured,
    /// Computed from measured figures by a stated rule; it would move if they did.
    Fitted,
    /// A published figure that we could not check against its original: data sheets from memory, third parties' pages.
    Prior,
    /// Our assumption. Replace it if the answer depends on it.
    Guess,
}

impl Evidence {
    /// The word in files and tables.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Evidence::Measured => "measured",
            Evidence::Fitted => "fitted",
            Evidence::Prior => "prior",
            Evidence::Guess => "guess",
        }
    }

    /// What the grade means, in a sentence without a full stop.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Evidence::Measured => "read from a meter, a bill, a trace or the provider's own published list",
            Evidence::Fitted => "computed from measured figures by a stated rule",
            Evidence::Prior => "published, but not checked against the original",
            Evidence::Guess => "our assumption; replace it if the answer depends on it",
        }
    }

    pub(super) fn of_table(s: &str) -> Evidence {
        match s {
            "measured" => Evidence::Measured,
            "fitted" => Evidence::Fitted,
            "prior" => Evidence::Prior,
            _ => Evidence::Guess,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// Who rents or owns a machine; billing rules, fees and PUE go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// Microsoft Azure.
    Azure,
    /// Hardware of one's own, or a provider that the catalogue does not know.
    Own,
}

impl Provider {
    /// All, in the order of every table.
    pub const ALL: [Provider; 4] = [Provider::Aws, Provider::Gcp, Provider::Azure, Provider::Own];

    /// The word in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Provider::Aws => "aws",
            Provider::Gcp => "gcp",
            Provider::Azure => "azure",
            Provider::Own => "own",
        }
    }

    /// The region of a zone: AWS zones end in a letter (`us-east-1a`), those of GCP in `-` and a letter
    /// (`us-central1-a`), those of Azure in `-` and a digit (`eastus-1`). A region's own name comes back unchanged.
    #[must_use]
    pub fn region_of_zone(self, zone: &str) -> &str {
        let bytes = zone.as_bytes();
        let n = bytes.len();
        if n < 3 {
            return zone;
        }
        let (last, before) = (bytes[n - 1], bytes[n - 2]);
        let cut = match self {
            Provider::Aws if last.is_ascii_lowercase() && before.is_ascii_digit() => 1,
            Provider::Gcp if last.is_ascii_lowercase() && before == b'-' => 2,
            Provider::Azure if last.is_ascii_digit() && before == b'-' => 2,
            _ => 0,
        };
        &zone[..n - cut]
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// Not a provider's name; allowed are `aws`, `gcp`, `azure` and `own`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider `{0}`: allowed are aws, gcp, azure and own")]
pub struct UnknownProvider(pub String);

impl FromStr for Provider {
    type Err = UnknownProvider;
    fn from_str(s: &str) -> Result<Provider, UnknownProvider> {
        let word = s.trim();
        let found = Provider::ALL.into_iter().find(|p| p.key().eq_ignore_ascii_case(word));
        found.ok_or_else(|| UnknownProvider(word.to_owned()))
    }
}

/// Which row of [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceRef(u16);

/// A publication, a project's file or a user's own table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Short name in the tables, e.g. `karpenter-aws`.
    pub id: Text,
    /// Project and file.
    pub title: Text,
    /// The licence under which the facts were published; empty for a user's own.
    pub licence: Text,
    /// Where it is.
    pub address: Text,
    /// The first date that it speaks of; `None` for a user's own.
    pub first: Option<Date>,
    /// The last date that it speaks of.
    pub last: Option<Date>,
    /// What to know about it.
    pub note: Text,
}

/// The sources of a catalogue's rows.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    pub(super) fn embedded() -> Sources {
        let list = table::rows::<7>(include_str!("sources.csv"))
            .map(|[id, title, licence, address, first, last, note]| Source {
                id: id.into(),
                title: title.into(),
                licence: licence.into(),
                address: address.into(),
                first: Some(table::date(first)),
                last: Some(table::date(last)),
                note: note.into(),
            })
            .collect();
        Sources { list }
    }

    /// The source of a row.
    #[must_use]
    pub fn get(&self, at: SourceRef) -> &Source {
        &self.list[usize::from(at.0)]
    }

    /// All, the embedded ones first.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    pub(super) fn find(&self, id: &str) -> Option<SourceRef> {
        self.list.iter().position(|s| s.id == id).map(|i| SourceRef(i as u16))
    }

    /// The source called `title` in a user's own table, added on first sight. Beyond 65,535 sources the last is reused.
    pub(super) fn own(&mut self, title: &str) -> SourceRef {
        if let Some(at) = self.list.iter().position(|s| s.first.is_none() && s.title == title) {
            return SourceRef(at as u16);
        }
        let at = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        if at < u16::MAX {
            self.list.push(Source {
                id: format!("own-{}", self.list.len()).into(),
                title: title.to_owned().into(),
                licence: "".into(),
                address: "".into(),
                first: None,
                last: None,
                note: "the user's own table".into(),
            });
            return SourceRef(at);
        }
        SourceRef(u16::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_with_a_licence_are_embedded() {
        for s in Sources::embedded().iter() {
            assert!(["Apache-2.0", "MIT"].contains(&&*s.licence), "{}", s.id);
            assert!(s.first <= s.last);
        }
    }

    #[test]
    fn a_zone_tells_its_region() {
        for (p, zone, region) in [
            (Provider::Aws, "us-east-1a", "us-east-1"),
            (Provider::Aws, "us-west-2-lax-1a", "us-west-2-lax-1"),
            (Provider::Aws, "us-east-1", "us-east-1"),
            (Provider::Gcp, "us-central1-a", "us-central1"),
            (Provider::Gcp, "us-central1", "us-central1"),
            (Provider::Azure, "eastus2", "eastus2"),
            (Provider::Azure, "eastus-1", "eastus"),
            (Provider::Own, "hall-1a", "hall-1a"),
        ] {
            assert_eq!(p.region_of_zone(zone), region);
        }
    }

    #[test]
    fn grades_go_from_strong_to_weak() {
        assert_eq!(Evidence::Measured.max(Evidence::Guess), Evidence::Guess);
        assert_eq!(serde_json::to_string(&Evidence::Prior).ok().as_deref(), Some("\"prior\""));
        assert_eq!("AWS".parse(), Ok(Provider::Aws));
        assert!("amazon".parse::<Provider>().is_err());
    }
}
