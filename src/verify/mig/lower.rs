//! From what a case file says to grids and profiles. `None` is what cannot be used, and has been reported.

use std::sync::Arc;

use super::format as f;
use crate::catalog::Evidence;
use crate::catalog::mig::{self, Geometry, Profile, ProfileId, Shape, Slices};
use crate::policy::mig::{GpuOrder, Mix, StartOrder};
use crate::scenario::decode::Spanned;
use crate::units::Diagnostic;
use crate::verify::cases::Report;

pub fn grid(g: &Spanned<f::Grid>, report: &mut Report<'_>) -> Option<Arc<Geometry>> {
    match &g.value {
        f::Grid::Device(name) => device(name, report),
        f::Grid::Own(own) => {
            let shape = Shape {
                name: "the case's grid".into(),
                width: own.width,
                compute: own.compute,
                profiles: own.profiles.iter().map(profile).collect(),
                reset_to_toggle: false,
                evidence: Evidence::Guess,
                source: "the case".into(),
                note: "".into(),
            };
            // A start beyond any mask would be lost before the grid can be checked.
            let far = own.profiles.iter().find(|p| p.starts.iter().any(|s| *s >= own.width.min(16)));
            if let Some(p) = far {
                let d = Diagnostic::error(format!("profile `{}` starts beyond the grid", p.name));
                report.diagnostic(d.help("slices count from 0 to `width` less 1"), g.at, "in this grid");
                return None;
            }
            match Geometry::new(shape) {
                Ok(geometry) => Some(Arc::new(geometry)),
                Err(faults) => {
                    for fault in faults {
                        report.diagnostic(Diagnostic::error(fault.to_string()), g.at, "in this grid");
                    }
                    None
                }
            }
        }
    }
}

fn profile(p: &f::OwnProfile) -> Profile {
    let shape = Profile::of_shape(p.name.clone(), p.compute, p.size, &p.starts);
    Profile {
        max: p.max.unwrap_or(shape.max),
        media: match p.media {
            f::Media::Base => mig::Media::Base,
            f::Media::Extended => mig::Media::Extended,
            f::Media::All => mig::Media::All,
            f::Media::Without => mig::Media::Without,
        },
        driver_order: p.driver_order.clone().unwrap_or_else(|| Slices::of(&p.starts).iter().collect()),
        sms: p.sms,
        ..shape
    }
}

pub fn device(name: &Spanned<String>, report: &mut Report<'_>) -> Option<Arc<Geometry>> {
    match mig::find(name) {
        Ok(geometry) => Some(geometry.clone()),
        Err(e) => {
            report.diagnostic(e.to_diagnostic(), name.at, "no grid of this name");
            None
        }
    }
}

pub fn id(g: &Geometry, name: &Spanned<String>, report: &mut Report<'_>) -> Option<ProfileId> {
    match g.find(name) {
        Ok(id) => Some(id),
        Err(e) => {
            report.diagnostic(e.to_diagnostic(), name.at, "no profile of this name");
            None
        }
    }
}

/// Profiles by their names; all of the grid where none are given.
pub fn set(g: &Geometry, names: Option<&[Spanned<String>]>, report: &mut Report<'_>) -> Option<Vec<ProfileId>> {
    match names {
        None => Some(g.ids().collect()),
        Some(names) => {
            // All of them, so that all that is wrong is told.
            let ids: Vec<Option<ProfileId>> = names.iter().map(|n| id(g, n, report)).collect();
            ids.into_iter().collect()
        }
    }
}

/// The mix of a case; one part of each profile where it has none.
pub fn mix(g: &Geometry, parts: Option<&[(Spanned<String>, u32)]>, report: &mut Report<'_>) -> Option<Mix> {
    let Some(parts) = parts else { return Some(Mix::even(g.ids())) };
    let ids: Vec<Option<(ProfileId, u32)>> =
        parts.iter().map(|(name, n)| id(g, name, report).map(|id| (id, *n))).collect();
    ids.into_iter().collect::<Option<Vec<_>>>().map(Mix::new)
}

pub const fn order(o: &f::Order) -> StartOrder {
    match o {
        f::Order::Ascending => StartOrder::Ascending,
        f::Order::NvidiaDriver => StartOrder::NvidiaDriver,
        f::Order::LeastFragmentation => StartOrder::LeastFragmentation,
    }
}

pub const fn between(b: &f::Between) -> GpuOrder {
    match b {
        f::Between::FirstFit => GpuOrder::FirstFit,
        f::Between::BestFit => GpuOrder::BestFit,
        f::Between::Spread => GpuOrder::Spread,
        f::Between::LeastFragmentation => GpuOrder::LeastFragmentation,
    }
}
