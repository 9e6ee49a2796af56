use super::kind::gpu::product;
use super::kind::hpa::{Amount, Source};
use super::kind::workload::{Step, WorkloadKind};
use super::*;
use crate::formats::Syntax;
use crate::policy::karpenter::budget::{Nodes, Window};
use crate::units::{Duration, SourceMap};

fn read_text(text: &str) -> (Manifests, Findings, SourceMap) {
    let (mut sources, mut all, mut findings) = (SourceMap::default(), Manifests::default(), Findings::default());
    let id = sources.add("k8s.yaml", text);
    read(id, Syntax::Yaml, &mut sources, &mut all, &mut findings);
    lint(&all, &mut findings);
    (all, findings, sources)
}

/// Reads what must be without fault.
fn good(text: &str) -> Manifests {
    let (all, findings, _) = read_text(text);
    assert_eq!(findings.list, [], "{text}");
    all
}

fn ids(text: &str) -> Vec<&'static str> {
    read_text(text).1.list.iter().map(|f| f.id).collect()
}

const POD: &str = "{metadata: {labels: {app: a}}, spec: {containers: [{name: a, resources: {requests: {cpu: 1}}}]}}";

#[test]
fn an_hpa_is_read_word_for_word() {
    let m = good(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  scaleTargetRef: {kind: StatefulSet, name: s}\n  \
         maxReplicas: 7\n  metrics:\n  - {type: ContainerResource, containerResource: {name: cpu, container: x, target: {type: AverageValue, averageValue: 1500m}}}\n  \
         - {type: Object, object: {describedObject: {kind: Service, name: x}, metric: {name: queue_depth}, target: {type: Value, value: 2k}}}\n",
    );
    let (_, h) = m.hpas().next().unwrap();
    assert_eq!((h.target.kind(), h.max.value, h.min.is_none()), ("StatefulSet", 7, true));
    let Amount::Average(q) = h.metrics[0].target else { panic!() };
    assert_eq!(q.milli(), 1500);
    let Amount::Value(q) = h.metrics[1].target else { panic!() };
    assert_eq!(q.units(), 2000);
    assert!(matches!(&h.metrics[1].source, Source::Object(n) if n.value == "queue_depth"));
    assert_eq!(h.config().faults(), []);
}

#[test]
fn merges_and_anchors_are_followed_and_what_is_beside_them_wins() {
    let m = good(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\n  labels: &l {app: a, tier: x}\nspec:\n  selector: {matchLabels: {app: a}}\n  \
         template:\n    metadata:\n      labels:\n        tier: y\n        <<: *l\n    spec: {containers: [{name: a, resources: {requests: {cpu: 250m}}}]}\n",
    );
    let (_, w) = m.workloads().next().unwrap();
    let labels: Vec<(&str, &str)> =
        w.pod.meta.labels.iter().map(|(k, v)| (k.value.as_str(), v.value.as_str())).collect();
    assert_eq!(labels, [("tier", "y"), ("app", "a")]);
    assert_eq!(w.pod.request("cpu").unwrap().milli(), 250);
}

#[test]
fn node_pools_of_both_versions_are_read() {
    let m = good(
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\nspec:\n  template:\n    spec:\n      \
         nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: c}\n      requirements: []\n      expireAfter: Never\n      terminationGracePeriod: 1h30m\n  \
         disruption: {consolidationPolicy: Balanced, consolidateAfter: 1h30m, budgets: [{nodes: \"20%\"}, {nodes: \"0\", schedule: \"@daily\", duration: 48h}]}\n\
         ---\napiVersion: karpenter.sh/v1beta1\nkind: NodePool\nmetadata: {name: q}\nspec:\n  template: {spec: {nodeClassRef: {name: c}, requirements: []}}\n  \
         disruption: {consolidationPolicy: WhenUnderutilized, expireAfter: 720h}\n",
    );
    let all: Vec<_> = m.node_pools().map(|(_, n)| n).collect();
    assert_eq!(all[0].expire_after.unwrap().value, None);
    assert_eq!(all[0].termination_grace.unwrap().value, Duration::from_secs(5400));
    assert_eq!(all[0].consolidate_after.unwrap().value, Some(Duration::from_secs(5400)));
    let budgets = all[0].budgets.as_ref().unwrap();
    assert_eq!(budgets[0].nodes, Nodes::Percent(20));
    assert!(matches!(budgets[1].window, Window::Scheduled { duration, .. } if duration == Duration::from_hours(48)));
    assert_eq!(all[1].expire_after.unwrap().value, Some(Duration::from_hours(720)));
}

#[test]
fn a_rollout_has_its_steps_and_a_job_its_pods() {
    let m = good(&format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: r}}\nspec:\n  selector: {{matchLabels: {{app: a}}}}\n  \
         strategy: {{canary: {{steps: [{{setWeight: 20}}, {{pause: {{duration: 90}}}}, {{setWeight: 40}}, {{pause: {{duration: \"10m\"}}}}]}}}}\n  template: {POD}\n\
         ---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec: {{parallelism: 4, completions: 2, template: {POD}}}\n"
    ));
    let all: Vec<_> = m.workloads().map(|(_, w)| w).collect();
    let steps: Vec<Step> = all[0].canary.as_ref().unwrap().steps.iter().map(|s| s.value).collect();
    let pause = |s| Step::Pause(Some(Duration::from_secs(s)));
    assert_eq!(steps, [Step::SetWeight(20), pause(90), Step::SetWeight(40), pause(600)]);
    // Never more at once than are left to complete.
    assert_eq!((all[1].kind, all[1].pods()), (WorkloadKind::Job, 2));
}

/// Vectors of the specification, section 8 (`pkg/controller/disruption`).
#[test]
fn budgets_allow_what_the_controller_allows() {
    for (spec, pods, allowed) in [
        ("maxUnavailable: 25%", 10, 3),
        ("minAvailable: 50%", 5, 2),
        ("minAvailable: 2", 2, 0),
        ("maxUnavailable: 10%", 1, 1),
        ("minAvailable: 100%", 9, 0),
        ("maxUnavailable: 0", 9, 0),
    ] {
        let text = format!(
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: b}}\nspec: {{selector: {{}}, {spec}}}\n"
        );
        let (all, _, _) = read_text(&text);
        assert_eq!(all.pdbs().next().unwrap().1.allows(pods), allowed, "{spec} of {pods}");
    }
}

#[test]
fn configurations_in_configmaps_keep_their_places() {
    for (style, place) in [("|", (8, 15)), ("|-", (8, 15)), ("|+", (8, 15))] {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n  # ä comment\n  a: {style}\n    sharing:\n      mps: {{ reso: 1 }}\n  b: x\n"
        );
        let (all, findings, sources) = read_text(&text);
        assert_eq!(all.device_plugins().count(), 1);
        let at = findings.list.iter().find(|f| f.path == "sharing.mps.reso").unwrap().diagnostic.at.unwrap();
        assert_eq!(sources.line_col(at.0, at.1.start), (place.0, place.1 - 1), "{style}");
        assert_eq!(sources.get(at.0).name, "k8s.yaml");
    }
    // A quoted text has no lines of its own.
    let (all, _, _) = read_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: \"flags: {migStrategy: mixed}\\nversion: v1\\n\"}\n",
    );
    assert_eq!(all.device_plugins().count(), 1);
}

#[test]
fn mig_layouts_are_matched_with_the_gpus_that_take_them() {
    let m = good(
        "version: v1\nmig-configs:\n  balanced:\n  - device-filter: [\"0x20B010DE\"]\n    devices: all\n    mig-enabled: true\n    mig-devices: {1g.5gb: 2, 2g.10gb: 1, 3g.20gb: 1}\n  \
         - devices: all\n    device-filter: 0x20B210DE\n    mig-enabled: true\n    mig-devices: {1g.10gb: 7}\n  - {devices: [0], mig-enabled: false, mig-devices: {}}\n",
    );
    let (_, p) = m.mig_parted().next().unwrap();
    let fits: Vec<&[&str]> = p.configs[0].1.iter().map(|e| e.fits.as_slice()).collect();
    assert_eq!(fits, [&["A100-40"][..], &["A100-80"], &[]]);
    // On a 40 GB card `1g.10gb` is the double-memory profile: four at most.
    let text = "version: v1\nmig-configs:\n  x:\n  - {devices: all, device-filter: 0x20B010DE, mig-enabled: true, mig-devices: {1g.10gb: 5}}\n";
    assert_eq!(ids(text), ["invalid"]);
}

#[test]
fn products_are_devices_of_the_catalogue() {
    let catalog = crate::catalog::Catalog::embedded();
    for (label, device) in [
        ("NVIDIA-A100-SXM4-40GB", "A100-SXM-40GB"),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "A100-SXM-80GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100-SXM-80GB"),
        ("NVIDIA-H200", "H200-SXM-141GB"),
        ("Tesla-T4-SHARED", "T4-16GB"),
        ("NVIDIA-L40S", "L40S-48GB"),
        ("NVIDIA-A10G", "A10G-24GB"),
    ] {
        assert_eq!(catalog.device(&product(label)).unwrap().name, device, "{label}");
    }
}

/// What sounds alike and is fine is left alone.
#[test]
fn lints_keep_quiet_where_nothing_is_wrong() {
    let hpa = |metric: &str, target: &str| {
        ids(&format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h}}\nspec:\n  scaleTargetRef: {{kind: Deployment, name: d}}\n  \
             maxReplicas: 7\n  metrics: [{{type: Pods, pods: {{metric: {{name: {metric}}}, target: {{type: AverageValue, averageValue: {target}}}}}}}]\n"
        ))
    };
    assert_eq!(hpa("requests_per_second", "100m"), ["hpa-milli-target"]);
    assert_eq!(hpa("requests_per_second", "\"100\""), [] as [&str; 0]);
    assert_eq!(hpa("kv_cache_usage_perc", "800m"), [] as [&str; 0]);
    assert_eq!(hpa("request_latency_seconds", "500m"), [] as [&str; 0]);
    // The preStop hook leaves time; a grace of 30 s is the default.
    let pod = |stop: u32| {
        ids(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a, lifecycle: {{preStop: {{sleep: {{seconds: {stop}}}}}}}}}]}}\n"
        ))
    };
    assert_eq!(pod(29), [] as [&str; 0]);
    assert_eq!(pod(30), ["prestop-eats-grace"]);
    // KEDA: a cooldown means something where it can go to zero or to idle replicas.
    let keda = |min: &str| {
        ids(&format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: k}}\nspec: {{scaleTargetRef: {{name: d}}, {min}, cooldownPeriod: 60, \
             triggers: [{{type: prometheus, metadata: {{query: rps, threshold: \"5\"}}}}]}}\n"
        ))
    };
    assert_eq!(keda("minReplicaCount: 0"), [] as [&str; 0]);
    assert_eq!(keda("minReplicaCount: 2, idleReplicaCount: 0"), [] as [&str; 0]);
    assert_eq!(keda("minReplicaCount: 2"), ["keda-cooldown-without-zero"]);
}

#[test]
fn every_lint_has_one_name() {
    for (i, l) in lint::LINTS.iter().enumerate() {
        assert!(lint::LINTS[..i].iter().all(|o| o.id != l.id), "{} is there twice", l.id);
        assert!(l.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    }
}
