//! Which pools of the scenario labels, affinity and taints leave to a pod or to a NodePool.

use crate::catalog::Catalog;
use crate::manifest::kind::gpu::product;
use crate::manifest::kind::meta::{Effect, Operator, Requirement};
use crate::manifest::kind::node_pool::NodePool;
use crate::manifest::kind::pod::Pod;
use crate::manifest::{At, Manifests, Object};
use crate::scenario::decode::Spanned;
use crate::scenario::file::fleet::{Nodes, Pool};
use crate::scenario::file::money::Buy;
use crate::units::{Diagnostic, Diagnostics, Name};

/// The scenario's pools as nodes with labels.
pub(super) struct Places<'a> {
    pools: &'a [Pool],
    catalog: &'a Catalog,
    /// For each pool the NodePool of the manifests that launches it.
    owners: Vec<Option<(&'a Object, &'a NodePool)>>,
}

/// Labels that name a group of nodes: the pool's name.
const GROUPS: [&str; 7] = [
    "karpenter.sh/nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "node-pool",
];

impl<'a> Places<'a> {
    /// Scaled pools go to the NodePool whose requirements they meet: to the heaviest, then, as Karpenter has it, to the one
    /// whose name comes last.
    pub fn new(pools: &'a [Pool], catalog: &'a Catalog, m: &'a Manifests) -> Places<'a> {
        let mut places = Places { pools, catalog, owners: vec![None; pools.len()] };
        let mut node_pools: Vec<(&Object, &NodePool)> = m.node_pools().collect();
        node_pools.sort_by(|(a, p), (b, q)| {
            let weight = |n: &NodePool| n.weight.map_or(0, |w| w.value);
            weight(q).cmp(&weight(p)).then(b.name().cmp(a.name()))
        });
        for (i, _) in pools.iter().enumerate().filter(|(_, p)| matches!(p.nodes, Nodes::Scaled(_))) {
            let meets = |n: &NodePool| n.requirements.iter().all(|r| places.meets(i, r) != Some(false));
            let owner = node_pools.iter().find(|(_, n)| meets(n)).copied();
            places.owners[i] = owner;
        }
        places
    }

    /// The pools that a NodePool launches.
    pub fn of(&self, o: &Object) -> Vec<Spanned<Name>> {
        let mine = (0..self.pools.len()).filter(|i| self.owners[*i].is_some_and(|(p, _)| std::ptr::eq(p, o)));
        let at = o.name_at();
        mine.map(|i| Spanned { value: self.pools[i].name.value.clone(), at }).collect()
    }

    /// Whether a pool's nodes meet a requirement; `None` where nothing is known of the label.
    fn meets(&self, pool: usize, r: &Requirement) -> Option<bool> {
        let value = self.value(pool, &r.key.value)?;
        if matches!(r.operator.value, Operator::Gt | Operator::Lt | Operator::Exists | Operator::DoesNotExist) {
            return Some(r.allows(value.as_deref()));
        }
        let named = |w: &At<String>| At::new(self.norm(&r.key.value, &w.value), w.at);
        let normal = Requirement { values: r.values.iter().map(named).collect(), ..r.clone() };
        Some(normal.allows(value.as_deref()))
    }

    /// A label's value in the words that [`Self::value`] uses.
    fn norm(&self, key: &str, value: &str) -> String {
        match key {
            "nvidia.com/gpu.product" | "cloud.google.com/gke-accelerator" | "gpu.nvidia.com/class" => {
                let bare = value.trim_start_matches("nvidia-").trim_start_matches("tesla-");
                let found = self.catalog.device(&product(bare));
                found.map_or_else(|_| value.to_owned(), |d| d.name.to_owned())
            }
            "eks.amazonaws.com/capacityType" => value.to_ascii_lowercase().replace('_', "-"),
            _ => value.to_owned(),
        }
    }

    /// The value of a label on a pool's nodes; `Some(None)` where they do not have it, `None` where that is not known.
    fn value(&self, pool: usize, key: &str) -> Option<Option<String>> {
        let p = &self.pools[pool];
        let instance = p.instance.as_ref().and_then(|i| self.catalog.instance(i).ok());
        let device = match (&p.device, instance) {
            (Some(d), _) => self.catalog.device(d).ok(),
            (None, Some(i)) => i.device.map(|d| self.catalog.devices.get(d)),
            _ => None,
        };
        let gpus = p.gpus.map(|g| g.value).or(instance.map(|i| i.gpu_count()));
        let name = instance.map(|i| i.name.to_string());
        let family = name.as_deref().and_then(|n| n.split_once('.')).map(|(f, _)| f.to_owned());
        let some = |v: Option<String>| v.map(Some);
        if let Some((o, n)) = self.owners[pool] {
            if key == "karpenter.sh/nodepool" {
                return Some(Some(o.name().to_owned()));
            }
            if let Some((_, v)) = n.labels.iter().find(|(k, _)| k.value == key) {
                return Some(Some(v.value.clone()));
            }
        }
        match key {
            _ if GROUPS.contains(&key) => Some(Some(p.name.to_string())),
            "node.kubernetes.io/instance-type" | "beta.kubernetes.io/instance-type" => some(name),
            "topology.kubernetes.io/zone" | "failure-domain.beta.kubernetes.io/zone" => {
                some(p.zone.as_ref().map(|z| z.value.clone()))
            }
            "topology.kubernetes.io/region" | "failure-domain.beta.kubernetes.io/region" => {
                let of_zone = p.zone.as_ref().map(|z| z.trim_end_matches(|c: char| c.is_ascii_lowercase()).to_owned());
                some(p.region.as_ref().map(|r| r.value.clone()).or(of_zone))
            }
            "karpenter.sh/capacity-type" | "eks.amazonaws.com/capacityType" => {
                Some(Some(if matches!(p.buy, Buy::Spot(_)) { "spot" } else { "on-demand" }.to_owned()))
            }
            "cloud.google.com/gke-spot" => Some(matches!(p.buy, Buy::Spot(_)).then(|| "true".to_owned())),
            "kubernetes.io/os" => Some(Some("linux".to_owned())),
            "kubernetes.io/arch" => {
                let arm = family
                    .as_deref()
                    .is_some_and(|f| f.trim_start_matches(|c: char| c.is_ascii_alphabetic()).contains('g'));
                Some(Some(if arm { "arm64" } else { "amd64" }.to_owned()))
            }
            "nvidia.com/gpu.product" | "cloud.google.com/gke-accelerator" => Some(device.map(|d| d.name.to_owned())),
            "nvidia.com/gpu.present" | "nvidia.com/gpu" | "accelerator" if gpus.is_some() || device.is_some() => {
                Some((gpus != Some(0) && device.is_some()).then(|| "true".to_owned()))
            }
            "nvidia.com/gpu.count" | "karpenter.k8s.aws/instance-gpu-count" => {
                Some(gpus.filter(|g| *g > 0).map(|g| g.to_string()))
            }
            "karpenter.k8s.aws/instance-gpu-name" => {
                Some(device.map(|d| d.name.split('-').next().unwrap_or("").to_ascii_lowercase()))
            }
            "karpenter.k8s.aws/instance-gpu-manufacturer" => Some(device.map(|d| d.vendor.to_owned())),
            "karpenter.k8s.aws/instance-family" => some(family),
            "karpenter.k8s.aws/instance-category" => {
                some(family.map(|f| f.chars().take_while(char::is_ascii_alphabetic).collect()))
            }
            "karpenter.k8s.aws/instance-generation" => {
                some(family.map(|f| {
                    f.chars().skip_while(char::is_ascii_alphabetic).take_while(char::is_ascii_digit).collect()
                }))
            }
            "karpenter.k8s.aws/instance-size" => {
                some(name.as_deref().and_then(|n| n.split_once('.')).map(|(_, s)| s.to_owned()))
            }
            "karpenter.k8s.aws/instance-cpu" => some(instance.map(|i| (i.cpu.0 / 1000).to_string())),
            "karpenter.k8s.aws/instance-memory" => some(instance.map(|i| (i.memory.0 >> 20).to_string())),
            _ => None,
        }
    }

    /// The pools that a pod may use; `None` for all of them, and for none when that has been told.
    pub fn for_pod(&self, o: &Object, p: &Pod, out: &mut Diagnostics) -> Option<Vec<Spanned<Name>>> {
        let equal = |(k, v): &(At<String>, At<String>)| Requirement {
            key: k.clone(),
            operator: At::new(Operator::In, v.at),
            values: vec![v.clone()],
            min_values: None,
        };
        let selected: Vec<Requirement> = p.node_selector.iter().map(equal).collect();
        for r in selected.iter().chain(p.affinity.iter().flatten()) {
            if (0..self.pools.len()).all(|i| self.value(i, &r.key.value).is_none()) {
                out.push(
                    Diagnostic::warning(format!(
                        "{} selects nodes by `{}`, which no pool of the scenario has",
                        o.named(),
                        r.key.value
                    ))
                    .at(r.key.at.0, r.key.at.1, "left out of account")
                    .help(
                        "known are instance type, zone, region, capacity type, GPU, and a pool's name as a node group",
                    ),
                );
            }
        }
        let tolerated = |i: usize| {
            let taints = self.owners[i].map_or(&[][..], |(_, n)| n.taints.as_slice());
            let hard = |e: Effect| e != Effect::PreferNoSchedule;
            taints.iter().all(|t| !hard(t.effect) || p.tolerations.iter().any(|x| x.tolerates(t)))
        };
        let fits = |i: usize| {
            let all = |rs: &[Requirement]| rs.iter().all(|r| self.meets(i, r) != Some(false));
            tolerated(i) && all(&selected) && (p.affinity.is_empty() || p.affinity.iter().any(|t| all(t)))
        };
        let found: Vec<usize> = (0..self.pools.len()).filter(|i| fits(*i)).collect();
        if found.len() == self.pools.len() {
            return None;
        }
        let at = selected.first().map(|r| r.key.at).or_else(|| p.affinity.iter().flatten().next().map(|r| r.key.at));
        let at = at.unwrap_or(p.at);
        if found.is_empty() {
            let first = selected
                .iter()
                .chain(p.affinity.iter().flatten())
                .find(|r| !(0..self.pools.len()).any(|i| self.meets(i, r) != Some(false)));
            let d =
                match first {
                    Some(r) => {
                        let wanted = r.values.iter().map(|v| v.value.as_str()).collect::<Vec<_>>().join(", ");
                        Diagnostic::error(format!("no pool of the scenario has the nodes that {} selects", o.named()))
                            .at(r.key.at.0, r.key.at.1, format!("`{}`: {wanted}", r.key.value))
                    }
                    None => Diagnostic::error(format!(
                        "{} tolerates the taints of no pool of the scenario that it selects",
                        o.named()
                    ))
                    .at(at.0, at.1, "nowhere to go"),
                };
            out.push(d.help("add such a pool to the scenario, or mend the manifest"));
            return Some(Vec::new());
        }
        Some(found.into_iter().map(|i| Spanned { value: self.pools[i].name.value.clone(), at }).collect())
    }
}
