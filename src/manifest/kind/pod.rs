//! Pod templates: what a pod asks for, where it may go, and how it leaves.

use super::meta::{Meta, Pair, Requirement, Toleration};
use crate::formats::Place;
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::{Quantity, duration};
use crate::units::{Diagnostic, Duration};

/// NVIDIA's GPUs as an extended resource.
pub const GPU: &str = "nvidia.com/gpu";
/// What names of MIG instances begin with.
pub const MIG: &str = "nvidia.com/mig-";

/// Grace where a pod says nothing (`pkg/apis/core/v1/defaults.go`).
pub const GRACE: Duration = Duration::from_secs(30);

/// A pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Where its spec begins.
    pub at: Place,
    /// The path of its spec.
    pub path: String,
    /// Its labels.
    pub meta: Meta,
    /// What it requests: containers together, or the largest init container if that is more.
    pub requests: Vec<(String, At<Quantity>)>,
    /// A container that requests no CPU, by name.
    pub without_cpu: Option<At<String>>,
    /// `nodeSelector`.
    pub node_selector: Vec<Pair>,
    /// Required node affinity: one of these terms, each all of its requirements.
    pub affinity: Vec<Vec<Requirement>>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// `terminationGracePeriodSeconds`; 30 s where left out.
    pub grace: Option<At<Duration>>,
    /// How long the longest preStop hook sleeps.
    pub pre_stop: Option<At<Duration>>,
    /// `karpenter.sh/do-not-disrupt`: for ever, or for so long after its start.
    pub do_not_disrupt: Option<At<Option<Duration>>>,
    /// `cluster-autoscaler.kubernetes.io/safe-to-evict`.
    pub safe_to_evict: Option<At<bool>>,
    /// `priorityClassName`.
    pub priority_class: Option<At<String>>,
}

impl Pod {
    /// What it requests of a resource.
    #[must_use]
    pub fn request(&self, resource: &str) -> Option<At<Quantity>> {
        self.requests.iter().find(|(r, _)| r == resource).map(|(_, q)| *q)
    }

    /// GPUs that it asks for.
    #[must_use]
    pub fn gpus(&self) -> u32 {
        self.request(GPU).map_or(0, |q| u32::try_from(q.units()).unwrap_or(u32::MAX))
    }

    /// MIG instances that it asks for: profile and number.
    pub fn mig(&self) -> impl Iterator<Item = (&str, At<Quantity>)> {
        self.requests.iter().filter_map(|(r, q)| r.strip_prefix(MIG).map(|p| (p, *q)))
    }

    /// Whether it asks for GPUs or parts of some.
    #[must_use]
    pub fn wants_gpu(&self) -> bool {
        self.gpus() > 0 || self.mig().any(|(_, q)| q.units() > 0)
    }

    /// Its grace.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace.map_or(GRACE, |g| g.value)
    }

    /// The values that a label of its node must have, where selector or affinity name some.
    #[must_use]
    pub fn wants(&self, key: &str) -> Vec<&At<String>> {
        let selected = self.node_selector.iter().filter(|(k, _)| k.value == key).map(|(_, v)| v);
        let terms = self.affinity.iter().flatten().filter(|r| r.key.value == key);
        let listed = terms.filter(|r| r.operator.value == super::meta::Operator::In).flat_map(|r| &r.values);
        selected.chain(listed).collect()
    }

    /// Reads a template (`metadata` and `spec`) below a key.
    pub fn template(f: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Option<Pod> {
        let mut t = f.needed_map(key, cx)?;
        let meta = Meta::read(&mut t, cx);
        let spec = t.needed_map("spec", cx);
        t.finish(cx);
        Some(Pod::spec(spec?, meta, cx))
    }

    /// Reads a pod's spec.
    pub fn spec(mut s: Fields<'_>, meta: Meta, cx: &mut Cx<'_>) -> Pod {
        let (at, path) = (s.at, s.path.clone());
        let mut without_cpu = None;
        let mut pre_stop: Option<At<Duration>> = None;
        let mut sum: Vec<(String, At<Quantity>)> = Vec::new();
        let containers = s.maps("containers", cx);
        if containers.is_empty() && !s.has("containers") {
            s.missing("containers", cx);
        }
        for c in containers {
            let found = container(c, cx);
            if without_cpu.is_none() && !found.requests.iter().any(|(r, _)| r == "cpu") {
                without_cpu = Some(found.name);
            }
            pre_stop = longer(pre_stop, found.pre_stop);
            found.requests.into_iter().for_each(|(r, q)| add(&mut sum, &r, q));
        }
        // Init containers run one after the other; those that restart always stay beside the others.
        let mut largest: Vec<(String, At<Quantity>)> = Vec::new();
        for c in s.maps("initContainers", cx) {
            let found = container(c, cx);
            if found.sidecar {
                found.requests.into_iter().for_each(|(r, q)| add(&mut sum, &r, q));
                pre_stop = longer(pre_stop, found.pre_stop);
            } else {
                found.requests.into_iter().for_each(|(r, q)| most(&mut largest, &r, q));
            }
        }
        largest.into_iter().for_each(|(r, q)| most(&mut sum, &r, q));
        for (r, q) in s.resources("overhead", cx) {
            add(&mut sum, &r, q);
        }
        let node_selector = s.text_map("nodeSelector", cx);
        let affinity = affinity(&mut s, cx);
        let tolerations = Toleration::read_all(&mut s, "tolerations", cx);
        let grace = s.seconds("terminationGracePeriodSeconds", cx);
        let priority_class = s.text("priorityClassName", cx);
        s.no_effect(
            &[
                "automountServiceAccountToken",
                "dnsConfig",
                "dnsPolicy",
                "enableServiceLinks",
                "hostAliases",
                "hostIPC",
                "hostNetwork",
                "hostPID",
                "hostUsers",
                "hostname",
                "imagePullSecrets",
                "os",
                "priority",
                "readinessGates",
                "restartPolicy",
                "securityContext",
                "serviceAccount",
                "serviceAccountName",
                "setHostnameAsFQDN",
                "shareProcessNamespace",
                "subdomain",
                "volumes",
                "ephemeralContainers",
            ],
            cx,
        );
        if s.has("schedulerName") {
            let name = s.text("schedulerName", cx);
            if let Some(n) = name.filter(|n| n.value != "default-scheduler") {
                cx.not_modelled(n.at, &s.path_of("schedulerName"), "the scenario's queue and placement decide");
            }
        }
        let where_it_goes = "pods go where the scenario's placement puts them";
        for key in ["topologySpreadConstraints", "nodeName", "runtimeClassName", "schedulingGates"] {
            s.not_modelled(key, where_it_goes, cx);
        }
        s.not_modelled("resourceClaims", "claims of dynamic resource allocation ask for nothing here", cx);
        s.not_modelled("resources", "the containers' own requests count", cx);
        s.not_modelled("activeDeadlineSeconds", "it runs for as long as the scenario says", cx);
        s.not_modelled("preemptionPolicy", "the scenario's queue decides who pushes out whom", cx);
        s.finish(cx);
        let do_not_disrupt = meta.annotation("karpenter.sh/do-not-disrupt").and_then(|v| match v.value.as_str() {
            "true" => Some(At::new(None, v.at)),
            "false" => None,
            text => match duration(text) {
                Ok(d) => Some(At::new(Some(d), v.at)),
                Err((why, _)) => {
                    let help = "write \"true\", or how long after its start it holds: \"4h\"";
                    cx.invalid(v.at, &path, &format!("`karpenter.sh/do-not-disrupt` is \"{text}\""), &why, help);
                    None
                }
            },
        });
        let safe = meta.annotation("cluster-autoscaler.kubernetes.io/safe-to-evict");
        let safe_to_evict = safe.map(|v| At::new(v.value == "true", v.at));
        Pod {
            at,
            path,
            meta,
            requests: sum,
            without_cpu,
            node_selector,
            affinity,
            tolerations,
            grace,
            pre_stop,
            do_not_disrupt,
            safe_to_evict,
            priority_class,
        }
    }
}

fn longer(a: Option<At<Duration>>, b: Option<At<Duration>>) -> Option<At<Duration>> {
    match (a, b) {
        (Some(a), Some(b)) if b.value > a.value => Some(b),
        (None, b) => b,
        (a, _) => a,
    }
}

fn add(all: &mut Vec<(String, At<Quantity>)>, resource: &str, q: At<Quantity>) {
    match all.iter_mut().find(|(r, _)| r == resource) {
        Some((_, have)) => have.value = have.plus(q.value),
        None => all.push((resource.to_owned(), q)),
    }
}

fn most(all: &mut Vec<(String, At<Quantity>)>, resource: &str, q: At<Quantity>) {
    match all.iter_mut().find(|(r, _)| r == resource) {
        Some((_, have)) if q.value > have.value => *have = q,
        Some(_) => {}
        None => all.push((resource.to_owned(), q)),
    }
}

/// Required node affinity; the rest of `affinity` has no counterpart.
fn affinity(s: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<Vec<Requirement>> {
    let mut terms = Vec::new();
    let Some(mut a) = s.map("affinity", cx) else { return terms };
    if let Some(mut node) = a.map("nodeAffinity", cx) {
        if let Some(mut r) = node.map("requiredDuringSchedulingIgnoredDuringExecution", cx) {
            for mut t in r.maps("nodeSelectorTerms", cx) {
                let all = t.maps("matchExpressions", cx).into_iter().filter_map(|f| Requirement::read(f, cx)).collect();
                t.not_modelled("matchFields", "left out of account", cx);
                t.finish(cx);
                terms.push(all);
            }
            r.finish(cx);
        }
        let preferred = "preferences do not move pods here: the scenario's placement does";
        node.not_modelled("preferredDuringSchedulingIgnoredDuringExecution", preferred, cx);
        node.finish(cx);
    }
    a.not_modelled("podAffinity", "pods go where the scenario's placement puts them", cx);
    a.not_modelled("podAntiAffinity", "pods of one kind may share a node here", cx);
    a.finish(cx);
    terms
}

/// What a container adds to its pod.
struct Container {
    name: At<String>,
    requests: Vec<(String, At<Quantity>)>,
    pre_stop: Option<At<Duration>>,
    sidecar: bool,
}

fn container(mut c: Fields<'_>, cx: &mut Cx<'_>) -> Container {
    let at = c.at;
    let name = c.needed_text("name", cx).unwrap_or_else(|| At::new(String::new(), at));
    let mut requests: Vec<(String, At<Quantity>)> = Vec::new();
    if let Some(mut r) = c.map("resources", cx) {
        let path = r.path.clone();
        let asked = r.resources("requests", cx);
        let limits = r.resources("limits", cx);
        r.not_modelled("claims", "claims of dynamic resource allocation ask for nothing here", cx);
        r.finish(cx);
        check_resources(&name, &asked, &limits, &path, cx);
        // A limit without a request is the request.
        requests = asked.iter().map(|(k, q)| (k.value.clone(), *q)).collect();
        for (k, q) in limits {
            if !requests.iter().any(|(r, _)| *r == k.value) {
                requests.push((k.value, q));
            }
        }
    }
    let always = c.text("restartPolicy", cx).is_some_and(|p| p.value == "Always");
    let pre_stop = c.map("lifecycle", cx).and_then(|mut l| {
        let found = l.map("preStop", cx).and_then(|h| pre_stop(h, cx));
        l.no_effect(&["postStart", "stopSignal"], cx);
        l.finish(cx);
        found
    });
    c.no_effect(
        &[
            "args",
            "command",
            "env",
            "envFrom",
            "image",
            "imagePullPolicy",
            "livenessProbe",
            "ports",
            "readinessProbe",
            "securityContext",
            "startupProbe",
            "stdin",
            "stdinOnce",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "tty",
            "volumeDevices",
            "volumeMounts",
            "workingDir",
        ],
        cx,
    );
    c.not_modelled("resizePolicy", "requests stay as they are", cx);
    c.finish(cx);
    Container { name, requests, pre_stop, sidecar: always }
}

/// How long a preStop hook sleeps, where that can be told: `sleep`, or a command that is one.
fn pre_stop(mut h: Fields<'_>, cx: &mut Cx<'_>) -> Option<At<Duration>> {
    let sleep = h.map("sleep", cx).and_then(|mut s| {
        let found = s.seconds("seconds", cx);
        s.finish(cx);
        found
    });
    let exec = h.map("exec", cx).and_then(|mut e| {
        let words = e.texts("command", cx);
        e.finish(cx);
        let line = words.iter().map(|w| w.value.as_str()).collect::<Vec<_>>().join(" ");
        words.first().map(|first| At::new(slept(&line), first.at)).filter(|d| d.value > Duration::ZERO)
    });
    h.no_effect(&["httpGet", "tcpSocket"], cx);
    h.finish(cx);
    longer(sleep, exec)
}

/// The seconds of all `sleep N` in a command line, together.
fn slept(line: &str) -> Duration {
    let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || c == ';' || c == '&').collect();
    let mut total = 0_u64;
    for (i, w) in words.iter().enumerate() {
        if *w != "sleep" && !w.ends_with("/sleep") {
            continue;
        }
        let Some(arg) = words[i + 1..].iter().find(|w| !w.is_empty()) else { continue };
        let (number, unit) = match arg.find(|c: char| !c.is_ascii_digit()) {
            Some(at) => arg.split_at(at),
            None => (*arg, "s"),
        };
        let each = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 0,
        };
        total = total.saturating_add(number.parse::<u64>().unwrap_or(0).min(1 << 32) * each);
    }
    Duration::from_secs(total.min(1 << 32))
}

/// What the API server refuses of requests and limits, and a memory in thousandths of a byte.
fn check_resources(
    name: &At<String>,
    asked: &[(At<String>, At<Quantity>)],
    limits: &[(At<String>, At<Quantity>)],
    path: &str,
    cx: &mut Cx<'_>,
) {
    let whose = format!("container `{}` of {}", name.value, cx.named());
    for (k, q) in asked.iter().chain(limits) {
        if q.nanos() < 0 {
            let message = format!("`{}` of {} is negative", k.value, q.value);
            cx.invalid(q.at, path, &message, "below nothing", "write 0 or more");
        }
        let memory = k.value == "memory" || k.value == "ephemeral-storage";
        if memory && q.nanos() > 0 && q.to_f64() < 1024.0 * 1024.0 {
            let d = Diagnostic::warning(format!("{whose} asks for {} bytes of {}", q.value, k.value))
                .at(q.at.0, q.at.1, "far below what any program needs")
                .help("`m` means thousandths: write 128Mi for 128 mebibytes");
            cx.lint("memory-in-thousandths", d, path);
        }
        if k.value.contains('/') && !q.is_whole() {
            let d = Diagnostic::error(format!("{whose} asks for {} of `{}`", q.value, k.value))
                .at(q.at.0, q.at.1, "the API server takes whole numbers of extended resources only")
                .help("ask for 1, and share the GPU: MIG (`nvidia.com/mig-1g.10gb: 1`), time-slicing or MPS");
            cx.lint("gpu-fraction", d, path);
        }
    }
    for (k, q) in asked {
        match limits.iter().find(|(l, _)| l.value == k.value) {
            Some((_, limit)) if k.value.contains('/') && limit.value != q.value => {
                let d = Diagnostic::error(format!(
                    "{whose} requests {} of `{}` and has a limit of {}",
                    q.value, k.value, limit.value
                ))
                .at(q.at.0, q.at.1, "extended resources cannot be overcommitted: the API server refuses it")
                .also(limit.at.0, limit.at.1, "must be the same")
                .help("write the limit alone: the request follows it");
                cx.lint("gpu-request-is-not-limit", d, path);
            }
            Some((_, limit)) if q.value > limit.value => {
                let d = Diagnostic::error(format!(
                    "{whose} requests {} of `{}`, above its limit of {}",
                    q.value, k.value, limit.value
                ))
                .at(q.at.0, q.at.1, "the API server refuses it")
                .also(limit.at.0, limit.at.1, "the limit")
                .help("lower the request or raise the limit");
                cx.lint("request-above-limit", d, path);
            }
            None if k.value.contains('/') => {
                let d = Diagnostic::error(format!("{whose} requests `{}` without a limit", k.value))
                    .at(k.at.0, k.at.1, "the API server refuses extended resources without one")
                    .help(format!("write it under `limits:` as {}", q.value));
                cx.lint("gpu-request-without-limit", d, path);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_of_commands_are_added_up() {
        for (line, seconds) in [
            ("sleep 30", 30),
            ("/bin/sh -c sleep 10 && nginx -s quit; sleep 5", 15),
            ("sh -c sleep 2m", 120),
            ("curl -X POST localhost/drain", 0),
            ("sleep", 0),
            ("sleep 99999999999999999999", 0),
        ] {
            assert_eq!(slept(line), Duration::from_secs(seconds), "{line}");
        }
    }
}
