//! MIG, time-slicing and MPS.

use super::Out;
use crate::catalog::mig::Strategy;
use crate::manifest::fields::Cx;
use crate::manifest::kind::gpu::{DevicePlugin, MigEntry, Sharing, check_resource};
use crate::manifest::kind::pod::{GPU, MIG};
use crate::manifest::object::{Manifests, Object};
use crate::units::Diagnostic;

/// Clients that the device plugin allows a GPU from Turing on (`cmd/mps-control-daemon/mps`).
const MPS_CLIENTS: u32 = 48;

pub(super) fn lint(m: &Manifests, out: &mut Out<'_>) {
    for (o, p) in m.device_plugins() {
        plugin(o, p, out);
    }
    // Several configurations are for several kinds of nodes: what holds for one may not hold for another.
    let only = {
        let mut all = m.device_plugins();
        all.next().filter(|_| all.next().is_none())
    };
    if let Some((o, p)) = only {
        single(m, o, p, out);
        requests(m, o, p, out);
    }
    profiles(m, out);
}

fn plugin(o: &Object, p: &DevicePlugin, out: &mut Out<'_>) {
    if let (Some(t), Some(s)) = (&p.time_slicing, &p.mps) {
        let d = Diagnostic::error(format!("{} has time-slicing and MPS", o.named()))
            .at(s.at.0, s.at.1, "the device plugin takes one of them")
            .also(t.at.0, t.at.1, "time-slicing")
            .help("keep one; nodes of different kinds may have configurations of their own");
        out.push("sharing-twice", o, "sharing", d);
    }
    let strategy = p.strategy.map_or(Strategy::None, |s| s.value);
    for (what, s) in [("timeSlicing", &p.time_slicing), ("mps", &p.mps)] {
        let Some(Sharing { resources, .. }) = s else { continue };
        for (name, n) in resources {
            let path = format!("sharing.{what}.resources");
            if n.value == 1 {
                let d = Diagnostic::error(format!("{} shares `{}` among 1", o.named(), name.value))
                    .at(n.at.0, n.at.1, "the device plugin takes 2 or more")
                    .help("write replicas: 2 or more, or leave the resource out");
                out.push("sharing-one-replica", o, &path, d);
            }
            let mig = name.value.starts_with(MIG) || name.value.starts_with("mig-");
            if what == "mps" && (mig || strategy != Strategy::None) {
                let at = if mig { name.at } else { p.strategy.map_or(name.at, |s| s.at) };
                let d = Diagnostic::error(format!("{} has MPS and MIG", o.named()))
                    .at(at.0, at.1, "the device plugin has MPS for whole GPUs only")
                    .help("use time-slicing on MIG devices, or MPS with migStrategy: none");
                out.push("mps-on-mig", o, &path, d);
            } else if what == "mps" && n.value > MPS_CLIENTS {
                let d = Diagnostic::error(format!("{} shares a GPU among {} MPS clients", o.named(), n.value))
                    .at(n.at.0, n.at.1, format!("the device plugin takes at most {MPS_CLIENTS}"))
                    .help(format!("write replicas: {MPS_CLIENTS} or less"));
                out.push("mps-too-many", o, &path, d);
            }
            if what == "timeSlicing" && mig && strategy != Strategy::Mixed {
                mig_name(o, &name.value, name.at, strategy, out);
            }
        }
    }
}

fn mig_name(o: &Object, name: &str, at: crate::formats::Place, strategy: Strategy, out: &mut Out<'_>) {
    let d = Diagnostic::warning(format!("{} names `{name}`, and the MIG strategy is `{}`", o.named(), strategy.key()))
        .at(at.0, at.1, "only the strategy `mixed` offers it: nothing ever matches")
        .help(match strategy {
            Strategy::Single => "under `single` each instance is one nvidia.com/gpu",
            _ => "write migStrategy: mixed",
        });
    out.push("mig-name-under-single", o, "", d);
}

/// `single` wants every GPU of a node cut into one and the same profile.
fn single(m: &Manifests, o: &Object, p: &DevicePlugin, out: &mut Out<'_>) {
    let Some(strategy) = p.strategy.filter(|s| s.value == Strategy::Single) else { return };
    for (c, parted) in m.mig_parted() {
        for (name, entries) in &parted.configs {
            let on = |e: &&MigEntry| e.enabled && e.profiles.iter().any(|(_, n)| n.value > 0);
            // Entries with filters of their own are for different nodes.
            let plain: Vec<&MigEntry> = entries.iter().filter(|e| e.filter.is_empty()).collect();
            let groups: Vec<Vec<&MigEntry>> =
                entries.iter().filter(|e| !e.filter.is_empty()).map(|e| vec![e]).chain([plain]).collect();
            for g in groups {
                let used: Vec<_> =
                    g.iter().copied().filter(on).flat_map(|e| &e.profiles).filter(|(_, n)| n.value > 0).collect();
                let Some((first, _)) = used.first() else { continue };
                let other = used.iter().find(|(p, _)| p.value != first.value).map(|(p, _)| p);
                let whole = g.iter().find(|e| !e.enabled);
                let (at, what) = match (other, whole) {
                    (Some(p), _) => (p.at, format!("{} beside {}", p.value, first.value)),
                    (None, Some(e)) => (e.at, "GPUs without MIG beside others with it".to_owned()),
                    _ => continue,
                };
                let d = Diagnostic::error(format!(
                    "`{}` of {} has {what}, and the MIG strategy is `single`",
                    name.value,
                    c.named()
                ))
                .at(at.0, at.1, "the device plugin marks such a node invalid and offers none of its GPUs")
                .also(strategy.at.0, strategy.at.1, "single")
                .help("write migStrategy: mixed, or one profile on all GPUs of a node");
                out.push("mig-single-clash", o, "flags.migStrategy", d);
            }
        }
    }
}

/// What pods ask for, under the one configuration that there is.
fn requests(m: &Manifests, o: &Object, p: &DevicePlugin, out: &mut Out<'_>) {
    let strategy = p.strategy.map_or(Strategy::None, |s| s.value);
    let fails = p.time_slicing.iter().chain(&p.mps).any(|s| s.fail_above_one);
    for (w, k) in m.workloads() {
        if let Some((profile, q)) = k.pod.mig().next()
            && strategy != Strategy::Mixed
            && p.strategy.is_some()
        {
            mig_name(w, &format!("{MIG}{profile}"), q.at, strategy, out);
        }
        if let Some(q) = k.pod.request(GPU).filter(|q| fails && q.units() > 1) {
            let d = Diagnostic::warning(format!("{} asks for {} GPUs where they are shared", w.named(), q.value))
                .at(q.at.0, q.at.1, format!("{} refuses requests above one", o.named()))
                .help("several shares are no larger share: ask for 1");
            out.push("sharing-request-above-one", w, &k.pod.path, d);
        }
    }
}

/// Profiles that pods ask for and no GPU has, or not the one that they select.
fn profiles(m: &Manifests, out: &mut Out<'_>) {
    for (w, k) in m.workloads() {
        let wanted: Vec<(String, crate::formats::Place)> = k.pod.mig().map(|(p, q)| (p.to_owned(), q.at)).collect();
        let device = k.pod.wants("nvidia.com/gpu.product").into_iter().next();
        for (profile, at) in wanted {
            let mut cx = Cx { findings: out.findings, object: w.id() };
            check_resource(&profile, at, device, &mut cx);
        }
    }
}
