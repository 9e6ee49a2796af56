//! What the GPUs of a node are to Kubernetes.

use std::collections::BTreeMap;

use super::gpu::{MigGpu, Mode, Phase};
use crate::catalog::mig::Strategy;
use crate::catalog::mig::resource::GPU;

/// Why the `single` strategy offers nothing: the device plugin marks the node as invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexposable {
    /// A GPU without MIG beside one with it.
    #[error("GPU {0} is not in MIG mode: with the strategy `single` all GPUs of a node must be")]
    NotInMigMode(usize),
    /// A GPU in MIG mode without instances.
    #[error("GPU {0} has no MIG instances: with the strategy `single` each must have some")]
    NoInstances(usize),
    /// Two profiles on one node.
    #[error("instances of {0} and {1} on one node: with the strategy `single` all must be of one profile")]
    TwoProfiles(String, String),
}

/// How much of each extended resource a node with these GPUs offers (NVIDIA/k8s-device-plugin). A GPU of `None` has no
/// MIG. Instances count from when they are ready until they are being destroyed, in use or not.
///
/// With [`Strategy::None`] a GPU in MIG mode is still offered as one GPU, and nothing can run on it.
///
/// # Errors
/// [`Unexposable`], of the strategy `single` only, and not on a node on which no GPU is in MIG mode: its GPUs are whole.
pub fn offered(strategy: Strategy, gpus: &[Option<&MigGpu>]) -> Result<BTreeMap<String, u32>, Unexposable> {
    let mut out = BTreeMap::new();
    let mut add = |name: String| *out.entry(name).or_insert(0) += 1;
    let cut = |g: &Option<&MigGpu>| g.is_some_and(|g| g.mode() == Mode::On);
    let mut one: Option<String> = None;
    let single = strategy == Strategy::Single && gpus.iter().any(cut);
    for (i, gpu) in gpus.iter().enumerate() {
        let Some(g) = gpu.filter(|_| cut(gpu) && strategy != Strategy::None) else {
            if single {
                return Err(Unexposable::NotInMigMode(i));
            }
            add(GPU.to_owned());
            continue;
        };
        let there = g.instances().iter().filter(|i| matches!(i.phase, Phase::Ready | Phase::Bound));
        let mut any = false;
        for p in there.map(|i| g.geometry().profile(i.profile)) {
            any = true;
            if !single {
                add(p.resource());
                continue;
            }
            match &one {
                Some(name) if *name != p.name => {
                    return Err(Unexposable::TwoProfiles(name.clone(), p.name.to_string()));
                }
                _ => one = Some(p.name.to_string()),
            }
            add(GPU.to_owned());
        }
        if single && !any {
            return Err(Unexposable::NoInstances(i));
        }
    }
    Ok(out)
}
