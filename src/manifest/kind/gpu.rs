//! How GPUs are cut and shared: NVIDIA's mig-parted and device-plugin configurations.
//!
//! Neither has an `apiVersion` and a `kind`: they are told by `mig-configs`, and by `sharing` or `flags.migStrategy`.

use std::sync::Arc;

use crate::catalog::mig::{Geometry, ProfileId, Strategy, geometries};
use crate::fleet::mig::MigGpu;
use crate::formats::{Place, Value};
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::policy::mig::{FragTable, GpuOrder, Mix, Placer, StartOrder, pack};
use crate::units::{Diagnostic, nearest};

/// `mig-configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct MigParted {
    /// Each by its name.
    pub configs: Vec<(At<String>, Vec<MigEntry>)>,
}

/// What some GPUs of a node shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct MigEntry {
    /// Where it begins.
    pub at: Place,
    /// Which GPUs of the node; all where empty.
    pub devices: Vec<u32>,
    /// PCI ids of the GPUs that it is for; any where empty.
    pub filter: Vec<At<String>>,
    /// Whether MIG is on.
    pub enabled: bool,
    /// How many of each profile.
    pub profiles: Vec<(At<String>, At<u32>)>,
    /// Names of the geometries that can be cut so; all of those that it is for where MIG is off.
    pub fits: Vec<&'static str>,
}

/// GPUs by their PCI ids, as mig-parted's `deployments/gpu-operator` / `config-default.yaml` filters them; the same id
/// stands for all GPUs that are cut alike. Ids that are not here are taken to be any GPU.
const PCI: [(&str, &str); 17] = [
    ("0x20B010DE", "A100-40"),
    ("0x20B110DE", "A100-40"),
    ("0x20F110DE", "A100-40"),
    ("0x20F610DE", "A100-40"),
    ("0x20B210DE", "A100-80"),
    ("0x20B510DE", "A100-80"),
    ("0x20F310DE", "A100-80"),
    ("0x20F510DE", "A100-80"),
    ("0x20B710DE", "A30"),
    ("0x233010DE", "H100-80"),
    ("0x233110DE", "H100-80"),
    ("0x232210DE", "H100-80"),
    ("0x232110DE", "H100-94"),
    ("0x233A10DE", "H100-94"),
    ("0x234210DE", "H100-96"),
    ("0x233510DE", "H200-141"),
    ("0x232910DE", "H20-96"),
];

impl MigParted {
    /// Reads one.
    pub fn read(f: &mut Fields<'_>, cx: &mut Cx<'_>) -> MigParted {
        f.no_effect(&["version"], cx);
        let mut configs = Vec::new();
        if let Some(mut all) = f.map("mig-configs", cx) {
            for (name, node, path) in all.entries() {
                let Value::List(items) = &node.value else {
                    let message = format!("`{path}` is {}", node.found());
                    cx.invalid(node.at, &path, &message, "a list is wanted", "begin each entry with `- devices: all`");
                    continue;
                };
                let entries = items
                    .iter()
                    .enumerate()
                    .filter_map(|(i, n)| Fields::of(n, format!("{path}[{i}]"), cx))
                    .collect::<Vec<_>>();
                configs.push((name, entries.into_iter().map(|e| entry(e, cx)).collect()));
            }
        }
        MigParted { configs }
    }
}

fn entry(mut e: Fields<'_>, cx: &mut Cx<'_>) -> MigEntry {
    let at = e.at;
    let mut devices = Vec::new();
    match e.take("devices").map(|n| (&n.value, n.at)) {
        None => e.missing("devices", cx),
        Some((Value::Text(t), _)) if t == "all" => {}
        Some((Value::List(items), _)) => {
            for n in items {
                match &n.value {
                    Value::Number(t) if t.parse::<u32>().is_ok() => devices.extend(t.parse::<u32>()),
                    _ => {
                        let path = e.path_of("devices");
                        let message = format!("`{path}` holds {}", n.found());
                        cx.invalid(n.at, &path, &message, "the number of a GPU is wanted", "for example [0, 1, 2, 3]");
                    }
                }
            }
        }
        Some((_, place)) => {
            let path = e.path_of("devices");
            cx.invalid(place, &path, &format!("`{path}` is not known"), "all, or a list", "write all or [0, 1]");
        }
    }
    let filter = match e.take("device-filter") {
        None => Vec::new(),
        Some(n) => match &n.value {
            Value::Text(t) => vec![At::new(t.clone(), n.at)],
            // Without quotes the hexadecimal number is still the same letters.
            Value::Number(t) => vec![At::new(t.clone(), n.at)],
            Value::List(items) => {
                items.iter().filter_map(|i| i.key_text().map(|t| At::new(t.to_owned(), i.at))).collect()
            }
            _ => Vec::new(),
        },
    };
    if !e.has("mig-enabled") {
        e.missing("mig-enabled", cx);
    }
    let enabled = e.flag("mig-enabled", cx).is_some_and(|m| m.value);
    let mut profiles = Vec::new();
    let path = e.path_of("mig-devices");
    if let Some(mut m) = e.map("mig-devices", cx) {
        for (name, node, path) in m.entries() {
            match &node.value {
                Value::Number(t) if t.parse::<u32>().is_ok_and(|n| n <= 64) => {
                    profiles.push((name, At::new(t.parse().unwrap_or(0), node.at)));
                }
                _ => {
                    let message = format!("`{path}` is {}", node.found());
                    cx.invalid(node.at, &path, &message, "the number of instances is wanted", "for example 7");
                }
            }
        }
    }
    e.finish(cx);
    if !enabled && profiles.iter().any(|(_, n)| n.value > 0) {
        let d = Diagnostic::error(format!("`{path}` of {} cuts GPUs whose MIG is off", cx.named()))
            .at(profiles[0].0.at.0, profiles[0].0.at.1, "mig-parted refuses it")
            .help("write `mig-enabled: true`, or `mig-devices: {}`");
        cx.lint("mig-devices-without-mig", d, &path);
    }
    let fits = if enabled { fitting(&filter, &profiles, &path, cx) } else { Vec::new() };
    MigEntry { at, devices, filter, enabled, profiles, fits }
}

/// The geometries that take the profiles all at once.
fn fitting(
    filter: &[At<String>],
    profiles: &[(At<String>, At<u32>)],
    path: &str,
    cx: &mut Cx<'_>,
) -> Vec<&'static str> {
    let named: Vec<&str> =
        filter.iter().filter_map(|f| PCI.iter().find(|(id, _)| id.eq_ignore_ascii_case(f)).map(|(_, g)| *g)).collect();
    // A filter with an id that is not known here may be any GPU.
    let any = named.is_empty() || named.len() < filter.len();
    let of = |g: &Geometry| any || named.iter().any(|n| n.eq_ignore_ascii_case(g.name()));
    let mine: Vec<&'static Arc<Geometry>> = geometries().filter(|g| of(g)).collect();
    let whose = if any { "any GPU that has MIG".to_owned() } else { named.join(", ") };
    let mut known = true;
    for (p, _) in profiles {
        if !mine.iter().any(|g| g.find(&p.value).is_ok()) {
            // Media and graphics variants that the catalogue does not have are no faults of the file.
            let bare = p.value.split(['+', '-']).next().unwrap_or("");
            if bare.len() < p.value.len() && mine.iter().any(|g| g.find(bare).is_ok()) {
                cx.not_modelled(p.at, path, "the catalogue does not have this variant of the profile");
                return Vec::new();
            }
            known = false;
            unknown_profile(p, &mine, &whose, path, cx);
        }
    }
    if !known {
        return Vec::new();
    }
    let fits: Vec<&'static str> = mine.iter().filter(|g| takes(g, profiles)).map(|g| g.name()).collect();
    if fits.is_empty()
        && let Some((first, _)) = profiles.first()
    {
        let listed = profiles.iter().map(|(p, n)| format!("{} × {}", n.value, p.value)).collect::<Vec<_>>().join(", ");
        let all: Vec<&str> =
            mine.iter().filter(|g| profiles.iter().all(|(p, _)| g.find(&p.value).is_ok())).map(|g| g.name()).collect();
        let help = if all.is_empty() {
            "its profiles belong to different GPUs: give each an entry of its own with a device-filter".to_owned()
        } else {
            format!("{} would take fewer of them: `fleetcast verify mig` lists the layouts", all.join(", "))
        };
        cx.invalid(first.at, path, &format!("no GPU can be cut into {listed}"), "an illegal placement", &help);
    }
    fits
}

fn unknown_profile(p: &At<String>, mine: &[&'static Arc<Geometry>], whose: &str, path: &str, cx: &mut Cx<'_>) {
    let names = || mine.iter().flat_map(|g| g.profiles()).map(|p| &*p.name);
    let help = match nearest(&p.value, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let mut all: Vec<&str> = names().collect();
            all.dedup();
            all.truncate(14);
            format!("profiles are {}", all.join(", "))
        }
    };
    let message = format!("`{}` is no MIG profile of {whose}", p.value);
    cx.invalid(p.at, path, &message, "no GPU has it", &help);
}

/// Whether one GPU of a geometry can hold the profiles, in whatever order they are made.
fn takes(g: &Arc<Geometry>, profiles: &[(At<String>, At<u32>)]) -> bool {
    let mut wanted: Vec<ProfileId> = Vec::new();
    for (p, n) in profiles {
        let Ok(id) = g.find(&p.value) else { return false };
        wanted.extend(std::iter::repeat_n(id, n.value as usize));
    }
    let table = FragTable::new(g, &Mix::even([]));
    let placer = Placer { gpus: GpuOrder::FirstFit, starts: StartOrder::Ascending, table: &table };
    pack::arrange(&MigGpu::new(Arc::clone(g)), &wanted, &placer).is_some()
}

/// Tells of a profile that a pod asks for and no GPU has, or not the one that it selects.
pub fn check_resource(profile: &str, at: Place, device: Option<&At<String>>, cx: &mut Cx<'_>) {
    let all: Vec<&'static Arc<Geometry>> = geometries().collect();
    let p = At::new(profile.to_owned(), at);
    if !all.iter().any(|g| g.find(profile).is_ok()) {
        return unknown_profile(&p, &all, "any GPU", "", cx);
    }
    let Some(device) = device else { return };
    let found = crate::catalog::mig::find(&product(&device.value));
    if let Ok(g) = found
        && g.find(profile).is_err()
    {
        let names = g.profiles().iter().map(|p| &*p.name).take(8).collect::<Vec<_>>().join(", ");
        let message = format!("`{profile}` is no MIG profile of {}", g.name());
        cx.invalid(at, "", &message, "the GPU that it selects does not have it", &format!("it has {names}"));
    }
}

/// From the label `nvidia.com/gpu.product` to a name of the catalogue: `NVIDIA-A100-SXM4-40GB` is `A100-40GB`.
#[must_use]
pub fn product(label: &str) -> String {
    let bare = label.trim_start_matches("NVIDIA-").split("-MIG-").next().unwrap_or(label);
    let bare = bare.strip_suffix("-SHARED").unwrap_or(bare);
    let kept: Vec<&str> = bare
        .split(['-', ' '])
        .filter(|w| {
            !w.starts_with("SXM") && !matches!(*w, "PCIe" | "PCIE" | "HBM3" | "HBM3e" | "HBM2e" | "NVIDIA" | "Tesla")
        })
        .collect();
    kept.join("-")
}

/// A device-plugin configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DevicePlugin {
    /// `flags.migStrategy`; none where left out.
    pub strategy: Option<At<Strategy>>,
    /// `sharing.timeSlicing`.
    pub time_slicing: Option<Sharing>,
    /// `sharing.mps`.
    pub mps: Option<Sharing>,
}

/// How GPUs are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharing {
    /// Where it begins.
    pub at: Place,
    /// `renameByDefault`.
    pub rename: bool,
    /// `failRequestsGreaterThanOne`.
    pub fail_above_one: bool,
    /// Each resource with its replicas.
    pub resources: Vec<(At<String>, At<u32>)>,
}

impl DevicePlugin {
    /// Reads one.
    pub fn read(f: &mut Fields<'_>, cx: &mut Cx<'_>) -> DevicePlugin {
        f.no_effect(&["version", "imex"], cx);
        let mut found = DevicePlugin::default();
        if let Some(mut flags) = f.map("flags", cx) {
            let words = Strategy::ALL.map(|s| (s.key(), s));
            found.strategy = flags.word("migStrategy", &words, cx);
            flags
                .no_effect(&["failOnInitError", "nvidiaDriverRoot", "nvidiaDevRoot", "gdsEnabled", "mofedEnabled"], cx);
            flags.no_effect(&["plugin", "gfd", "useNodeFeatureAPI", "deviceDiscoveryStrategy", "deviceIDStrategy"], cx);
            flags.finish(cx);
        }
        if let Some(mut s) = f.map("sharing", cx) {
            found.time_slicing = s.map("timeSlicing", cx).map(|m| sharing(m, cx));
            found.mps = s.map("mps", cx).map(|m| sharing(m, cx));
            s.finish(cx);
        }
        f.not_modelled("resources", "GPUs are offered under their own names", cx);
        found
    }
}

fn sharing(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Sharing {
    let at = s.at;
    let rename = s.flag("renameByDefault", cx).is_some_and(|r| r.value);
    let fail_above_one = s.flag("failRequestsGreaterThanOne", cx).is_some_and(|r| r.value);
    let mut resources = Vec::new();
    if !s.has("resources") {
        s.missing("resources", cx);
    }
    for mut r in s.maps("resources", cx) {
        let name = r.needed_text("name", cx);
        if !r.has("replicas") {
            r.missing("replicas", cx);
        }
        let replicas = r.int("replicas", 1, 100_000, cx);
        r.no_effect(&["rename"], cx);
        r.not_modelled("devices", "all GPUs of a node are shared alike", cx);
        r.finish(cx);
        if let (Some(name), Some(n)) = (name, replicas) {
            resources.push((name, n.map(|n| n as u32)));
        }
    }
    s.finish(cx);
    Sharing { at, rename, fail_above_one, resources }
}
