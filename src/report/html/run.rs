//! The page of a run.

mod inputs;
mod losses;
mod money;
mod services;
mod summary;
mod usage;

use std::collections::BTreeMap;

use maud::html;

use super::method;
use super::page::{Page, Picture, Section, page};
use crate::experiment::luck::Luck;
use crate::outcome::Outcome;
use crate::report::chart::drawings;
use crate::report::clock::Clock;
use crate::report::manifest::Manifest;
use crate::report::waste::slices;
use crate::report::{About, summary as terminal, words};

/// What a run's folder holds.
#[derive(Clone, Debug)]
pub struct Results {
    /// The run.
    pub outcome: Outcome,
    /// Its variants.
    pub variants: Vec<Outcome>,
    /// What went in; none for a summary without its folder.
    pub manifest: Option<Manifest>,
    /// What replications say, the scenario's own first, with the variant that each is of.
    pub luck: Vec<(Option<String>, Luck)>,
    /// Its charts.
    pub pictures: Vec<Picture>,
}

/// What the sections share.
struct View<'a> {
    results: &'a Results,
    o: &'a Outcome,
    clock: Clock,
    /// What each chart says, by its name.
    titles: BTreeMap<&'static str, String>,
}

impl View<'_> {
    /// What a chart says, or something in its place.
    fn title(&self, chart: &str, or: &str) -> String {
        self.titles.get(chart).cloned().unwrap_or_else(|| or.to_owned())
    }
}

/// The page.
#[must_use]
pub fn render(r: &Results) -> String {
    let o = &r.outcome;
    let titles = drawings(o, &r.variants, &About::default()).into_iter().map(|d| (d.name, d.title)).collect();
    let v = View { results: r, o, clock: Clock::of(o), titles };
    let mut sections = vec![
        Section::new("summary", "Summary", summary::body(&v)),
        Section::new("money", "Where the money went", money::body(&v)),
    ];
    if o.gpu_pools().next().is_some() || o.all_waits().count() > 0 {
        sections.push(Section::new("use", "Use and queue", usage::body(&v)));
    }
    if o.work.iter().any(|w| w.service.is_some()) {
        sections.push(Section::new("services", "Services", services::body(&v)));
    }
    if o.has_interruptions() {
        sections.push(Section::new("losses", "Interruptions", losses::body(&v)));
    }
    sections.push(Section::new("figures", "All figures", summary::figures(&v)));
    sections.push(Section::new("inputs", "Inputs", inputs::body(&v)));
    let about = html! { (method::remarks(&o.notices)) (method::method(method::Kind::Run)) };
    sections.push(Section::new("method", "Method and limits", about));
    let variant = o.variant.as_ref().map(|v| format!(", variant {v}")).unwrap_or_default();
    let version = r.manifest.as_ref().map_or(env!("CARGO_PKG_VERSION"), |m| &m.fleetcast);
    page(Page {
        kind: "run",
        title: format!("{}{variant}", o.scenario),
        over: format!("Run of {} from {} ({}) · seed {}", words::length(o.horizon_ns), v.clock.date(0), o.tz, o.seed),
        finding: terminal::verdict(o, &slices(o), &r.variants, &v.clock),
        head: summary::tiles(&v),
        sections,
        pictures: r.pictures.clone(),
        foot: format!(
            "Simulated by fleetcast {version}, seed {}, fingerprint {:016x}, {} events. This page has all of it: nothing is fetched.",
            o.seed,
            o.fingerprint,
            words::count(o.events)
        ),
    })
}
