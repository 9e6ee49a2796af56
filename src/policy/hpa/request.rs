//! What a pod requests of a resource, as the HPA counts it (upstream's `calculatePodRequests`).

/// A container's share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its request in thousandths; `None` when it makes none.
    pub request: Option<i64>,
    /// What it uses in thousandths; `None` when there is no sample.
    pub usage: Option<i64>,
    /// What kind it is.
    pub kind: Kind,
}

/// The kind of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A regular one.
    #[default]
    Regular,
    /// An init container that restarts always (a sidecar): its request counts.
    Sidecar,
    /// An init container that runs once: its request does not count.
    Init,
}

/// The request of a pod, or of the container named `only` in it. A request of the whole pod, where it is set, stands for
/// all of its containers; it does not when one container is meant. `None` when a container that counts makes no request,
/// which makes the whole metric fail.
#[must_use]
pub fn request(containers: &[Container], pod_level: Option<i64>, only: Option<&str>) -> Option<i64> {
    if let (Some(request), None) = (pod_level, only) {
        return Some(request);
    }
    counted(containers, only).map(|c| c.request).try_fold(0i64, |sum, r| Some(sum.saturating_add(r?)))
}

/// What a pod, or the container named `only` in it, uses. `None` when any part of it has no sample: the metrics API then
/// has none of the pod.
#[must_use]
pub fn usage(containers: &[Container], only: Option<&str>) -> Option<i64> {
    let mut any = false;
    let sum = counted(containers, only).map(|c| c.usage).try_fold(0i64, |sum, u| {
        any = true;
        Some(sum.saturating_add(u?))
    });
    sum.filter(|_| any)
}

fn counted<'a>(containers: &'a [Container], only: Option<&'a str>) -> impl Iterator<Item = &'a Container> {
    containers.iter().filter(move |c| c.kind != Kind::Init && only.is_none_or(|name| c.name == name))
}
