//! VerticalPodAutoscaler, `autoscaling.k8s.io/v1`.

use super::hpa::Target;
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::Quantity;

/// A VPA.
#[derive(Clone, Debug, PartialEq)]
pub struct Vpa {
    /// What it sizes.
    pub target: Target,
    /// When it changes pods.
    pub mode: Mode,
    /// Where the mode is written.
    pub mode_at: Option<At<Mode>>,
    /// `updatePolicy.minReplicas`.
    pub min_replicas: Option<At<u32>>,
    /// What each container may have.
    pub containers: Vec<ContainerPolicy>,
}

/// `updateMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It only recommends.
    Off,
    /// Pods get the recommendation when they are made.
    Initial,
    /// Pods are evicted to get it.
    Recreate,
    /// What `Recreate` does, today.
    #[default]
    Auto,
    /// Pods are resized where they run, or evicted.
    InPlaceOrRecreate,
}

/// What a container may have.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerPolicy {
    /// Which; `*` is any.
    pub name: Option<At<String>>,
    /// Whether it is left alone.
    pub off: bool,
    /// At least so much.
    pub min: Vec<(At<String>, At<Quantity>)>,
    /// At most so much.
    pub max: Vec<(At<String>, At<Quantity>)>,
    /// Resources that it sizes; CPU and memory where left out.
    pub resources: Vec<At<String>>,
}

impl Vpa {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<Vpa> {
        let target = Target::read(&mut s, "targetRef", cx);
        let words = [
            ("Off", Mode::Off),
            ("Initial", Mode::Initial),
            ("Recreate", Mode::Recreate),
            ("Auto", Mode::Auto),
            ("InPlaceOrRecreate", Mode::InPlaceOrRecreate),
        ];
        let (mut mode_at, mut min_replicas) = (None, None);
        if let Some(mut u) = s.map("updatePolicy", cx) {
            mode_at = u.word("updateMode", &words, cx);
            min_replicas = u.count("minReplicas", cx);
            u.not_modelled("evictionRequirements", "left out of account", cx);
            u.finish(cx);
        }
        let mut containers = Vec::new();
        if let Some(mut r) = s.map("resourcePolicy", cx) {
            for mut c in r.maps("containerPolicies", cx) {
                let name = c.text("containerName", cx);
                let off = c.word("mode", &[("Auto", false), ("Off", true)], cx).is_some_and(|m| m.value);
                let (min, max) = (c.resources("minAllowed", cx), c.resources("maxAllowed", cx));
                for (k, low) in &min {
                    if let Some((_, high)) = max.iter().find(|(m, h)| m.value == k.value && h.value < low.value) {
                        let path = c.path_of("minAllowed");
                        let message = format!(
                            "the minimum of {} for `{}` is above the maximum of {}",
                            low.value, k.value, high.value
                        );
                        cx.invalid(low.at, &path, &message, "no size is both", "swap them");
                    }
                }
                let resources = c.texts("controlledResources", cx);
                c.not_modelled("controlledValues", "only requests are sized", cx);
                c.finish(cx);
                containers.push(ContainerPolicy { name, off, min, max, resources });
            }
            r.finish(cx);
        }
        s.not_modelled("recommenders", "upstream's recommender is the one that is modelled", cx);
        s.finish(cx);
        let mode = mode_at.map_or(Mode::Auto, |m| m.value);
        Some(Vpa { target: target?, mode, mode_at, min_replicas, containers })
    }
}
