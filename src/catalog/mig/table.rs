//! The embedded geometries. Tables: `geometries.csv` (grids and the devices that have them) and `profiles.csv`.

use std::sync::{Arc, OnceLock};

use super::super::book::Catalog;
use super::super::device::Device;
use super::super::source::Evidence;
use super::super::table;
use super::geometry::{Geometry, Shape};
use super::profile::{Engines, Media, Profile};
use super::slices::Slices;
use crate::units::{Diagnostic, nearest};

/// One geometry and the devices that have it.
#[derive(Debug)]
struct Row {
    devices: Vec<&'static str>,
    geometry: Arc<Geometry>,
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(read)
}

/// Every geometry, in the order of the table.
pub fn geometries() -> impl Iterator<Item = &'static Arc<Geometry>> {
    rows().iter().map(|r| &r.geometry)
}

/// How a device of the catalogue can be cut; `None` where it has no MIG.
#[must_use]
pub fn of_device(device: &Device) -> Option<&'static Arc<Geometry>> {
    rows().iter().find(|r| r.devices.contains(&device.name)).map(|r| &r.geometry)
}

/// Neither a geometry nor a device that has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownGeometry {
    /// A device without MIG.
    #[error("{0} has no MIG")]
    NoMig(String),
    /// Nothing of that name.
    #[error("there is no MIG geometry `{word}`")]
    Unknown {
        /// What was asked for.
        word: String,
        /// The nearest right name.
        nearest: Option<&'static str>,
    },
}

impl UnknownGeometry {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let d = Diagnostic::error(self.to_string());
        let d = match self {
            UnknownGeometry::Unknown { nearest: Some(near), .. } => d.help(format!("did you mean `{near}`?")),
            _ => d,
        };
        let names: Vec<&str> = geometries().map(|g| g.name()).collect();
        d.help(format!("write a GPU that has MIG, or one of {}", names.join(", ")))
    }
}

/// The geometry of its own name (`A100-40`) or of a device's name or alias (`A100-40GB`); case does not matter.
///
/// # Errors
/// [`UnknownGeometry`]: a device without MIG, or no such name.
pub fn find(word: &str) -> Result<&'static Arc<Geometry>, UnknownGeometry> {
    let w = word.trim();
    if let Some(g) = geometries().find(|g| g.name().eq_ignore_ascii_case(w)) {
        return Ok(g);
    }
    match Catalog::embedded().device(w) {
        Ok(d) => of_device(d).ok_or_else(|| UnknownGeometry::NoMig(d.name.to_owned())),
        Err(_) => {
            let devices = rows().iter().flat_map(|r| r.devices.iter().copied());
            let names = rows().iter().map(|r| r.geometry.name()).chain(devices);
            Err(UnknownGeometry::Unknown { word: word.to_owned(), nearest: nearest(w, names) })
        }
    }
}

fn words(s: &'static str) -> impl Iterator<Item = &'static str> {
    s.split(';').filter(|w| !w.is_empty())
}

fn small(s: &str) -> u8 {
    table::number(s) as u8
}

fn maybe_small(s: &str) -> Option<u8> {
    table::maybe(s).map(|n| n as u8)
}

/// The tables are ours, and a test reads all of them: a malformed one cannot reach a user.
fn read() -> Vec<Row> {
    let profiles: Vec<(&str, Profile)> = table::rows::<21>(include_str!("profiles.csv")).map(profile).collect();
    table::rows::<8>(include_str!("geometries.csv"))
        .map(|[name, devices, width, compute, reset, evidence, source, note]| {
            let shape = Shape {
                name: name.into(),
                width: small(width),
                compute: small(compute),
                profiles: profiles.iter().filter(|p| p.0 == name).map(|p| p.1.clone()).collect(),
                reset_to_toggle: reset == "1",
                evidence: Evidence::of_table(evidence),
                source: source.into(),
                note: note.into(),
            };
            let geometry = Geometry::new(shape).expect("the embedded grids are sound");
            Row { devices: words(devices).collect(), geometry: Arc::new(geometry) }
        })
        .collect()
}

fn profile(f: [&'static str; 21]) -> (&'static str, Profile) {
    let list = |s: &'static str| words(s).map(small).collect::<Vec<u8>>();
    let starts = Slices::of(&list(f[6]));
    let driver = list(f[7]);
    let profile = Profile {
        name: f[1].into(),
        aliases: words(f[2]).map(Into::into).collect(),
        family: f[3].into(),
        compute: small(f[4]),
        size: small(f[5]),
        starts,
        driver_order: if driver.is_empty() { starts.iter().collect() } else { driver },
        max: small(f[8]),
        media: Media::of_table(f[9]),
        graphics: f[10] == "1",
        sms: table::maybe(f[11]).map(|n| n as u16),
        // Thousandths of a GiB, so that the MiB are rounded down and never off by a float.
        memory_mib: table::thousandths(f[12]).map(|milli| (milli * 1024 / 1000) as u32),
        engines: Engines {
            copy: maybe_small(f[13]),
            decoders: maybe_small(f[14]),
            encoders: maybe_small(f[15]),
            jpeg: maybe_small(f[16]),
            ofa: maybe_small(f[17]),
        },
        evidence: Evidence::of_table(f[18]),
        source: f[19].into(),
        note: f[20].into(),
    };
    (f[0], profile)
}
