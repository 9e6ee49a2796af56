//! Services: what is written becomes what runs.

use super::tests::loaded;
use crate::fleet::{PoolId, PoolSet};
use crate::policy::{hpa, keda};
use crate::scenario::model::service::{Deployment, Role, Scale, Service, Signal};
use crate::scenario::model::{Model, Source};
use crate::serving::cost::Quantised;
use crate::serving::front::Limited;
use crate::serving::profile;
use crate::serving::replica::PrefixCaching;
use crate::serving::router::Routing;
use crate::units::{Duration, SimTime};
use crate::workload::traffic::Source as Requests;

const SERVED: &str = include_str!("../../../tests/good/served.ron");

/// A service on eight nodes of eight H100s, with traffic and deployments of its own.
fn service(fields: &str, traffic: &str, deployments: &str) -> Model {
    loaded(&format!(
        "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"1d\", warmup: \"1h\",
          pools: [(name: \"p\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 8),
                  (name: \"l4\", instance: \"g6.xlarge\", region: \"us-east-1\", nodes: 4)],
          work: [Service(name: \"s\", {fields} traffic: [{traffic}], deployments: [{deployments}])])"
    ))
    .model
}

const USERS: &str = "Synthetic(name: \"users\", rate: (per_second: 5))";

fn one(deployment: &str) -> Deployment {
    let main = format!("(name: \"main\", model: \"Llama-3.1-8B\", pools: [\"p\"], {deployment})");
    service("", USERS, &main).services.remove(0).deployments.remove(0)
}

fn served() -> Service {
    loaded(SERVED).model.services.remove(0)
}

#[test]
fn a_service_is_a_workload_whose_labels_are_its_own_and_those_of_its_requests() {
    let m = loaded(SERVED).model;
    let (w, s) = (&m.work[0], &m.services[0]);
    assert!(matches!(w.source, Source::Service(0)));
    assert_eq!((s.work, w.name.as_str(), &w.speed[..]), (0, "chat", &[1.0][..]));
    let labels: Vec<Vec<String>> = w.labels.iter().map(|l| l.iter().map(ToString::to_string).collect()).collect();
    // The service's own team wins over the batch's.
    let (own, free, paid) = ("team=support", "tier=free", "tier=paid");
    assert_eq!(labels, [vec![own], vec![own, free], vec![own, paid], vec![own], vec![own]]);
    assert_eq!(w.accepts, [PoolSet::only(PoolId(0)); 2], "the deployment and its new version");
    assert_eq!(s.traffic.label_sets().len(), 4);
    assert_eq!(s.front.lane_of_source, [0, 0, 0]);
}

#[test]
fn traffic_is_what_is_written() {
    let s = served();
    let Requests::Synth(users) = &s.traffic.sources()[0] else { panic!("synthetic") };
    let spec = users.spec();
    assert_eq!((spec.rate.per_second, spec.rate.cv, spec.shared, spec.context), (2.0, 1.4, 400, 16_384));
    // Six hours after a window that starts an hour into the run.
    assert_eq!(spec.rate.launches[0].at, SimTime(7 * 3_600_000_000_000));
    assert_eq!(spec.rate.growth.map(|g| g.factor), Some(1.12));
    let sessions = spec.sessions.as_ref().expect("conversations");
    assert_eq!((sessions.turns, sessions.think.mean()), (3.0, 40.0));
    assert_eq!(spec.marks.priority.values(), [0, 10]);
    let Requests::Batch(nightly) = &s.traffic.sources()[1] else { panic!("a batch") };
    let spec = nightly.spec();
    assert_eq!((spec.requests, spec.due_in, spec.same_prompts), (500, Some(Duration::from_hours(6)), false));
    assert_eq!((spec.lengths.max_input, spec.lengths.output.mean()), (8_000, 200.0));
    let Requests::Batch(ci) = &s.traffic.sources()[2] else { panic!("an evaluation") };
    assert!(ci.spec().same_prompts && ci.spec().due_in.is_none());
}

#[test]
fn the_front_is_what_is_written() {
    let f = served().front;
    assert_eq!(f.lanes.len(), 2, "one for the new version");
    assert_eq!(f.lanes[0].routing, Routing::PrefixAffine { most: 1.25 });
    assert_eq!((f.patience, f.timeout), (Duration::from_secs(60), Duration::from_secs(300)));
    assert_eq!((f.retry.most, f.retry.refused, f.retry.timed_out, f.retry.cut_off), (2, true, false, true));
    assert_eq!(f.caches.prompts, Some((100_000, 1.0)));
    assert_eq!(f.caches.exact.map(|e| (e.capacity, e.ttl)), Some((5_000, Some(Duration::from_hours(1)))));
    assert_eq!(f.limits[0].covers, [true, false, false, false]);
    assert_eq!((f.limits[0].of, f.limits[0].per_second, f.limits[0].burst), (Limited::Requests, 20.0, 20.0));
    assert_eq!((f.limits[1].of, f.limits[1].burst), (Limited::Tokens, 2e6));
    assert!((f.limits[1].per_second - 2e6 / 60.0).abs() < 1e-9);
}

#[test]
fn a_new_version_is_a_deployment_without_replicas_and_a_lane_of_its_own() {
    let s = served();
    let (old, new) = (&s.deployments[0], &s.deployments[1]);
    assert_eq!((new.name.as_str(), new.lane, old.lane), ("v2", 1, 0));
    assert!(matches!(new.scale, Scale::Fixed(0)));
    assert_eq!(new.request, old.request);
    let r = &s.rollouts[0];
    assert_eq!((r.at, r.old, r.new, r.shadow), (SimTime(25 * 3_600_000_000_000), 0, 1, false));
    let steps: Vec<(u32, u64)> = r.steps.iter().map(|s| (s.share_ppm, s.pause.0 / 60_000_000_000)).collect();
    assert_eq!(steps, [(50_000, 10), (500_000, 30)]);
    assert_eq!(r.gate.map(|g| (g.least, g.good, g.worse_by)), Some((100, 0.99, 0.01)));
}

#[test]
fn staged_and_shadow_rollouts() {
    let with = |strategy: &str| {
        let fields = format!(
            "rollouts: [(at: After(\"2h\"), deployment: \"main\", new: (name: \"v2\", model: \"Llama-3-8B\"), strategy: {strategy})],"
        );
        service(&fields, USERS, "(name: \"main\", model: \"Llama-3.1-8B\", pools: [\"p\"])").services.remove(0)
    };
    let staged = with("Staged(steps: 4, each: \"5m\")");
    let shares: Vec<u32> = staged.rollouts[0].steps.iter().map(|s| s.share_ppm).collect();
    assert_eq!(shares, [250_000, 500_000, 750_000]);
    assert_eq!(staged.deployments[1].model, "Llama-3-8B");
    let shadow = with("Shadow(\"100%\", \"2h\")");
    assert!(shadow.rollouts[0].shadow);
    assert_eq!(shadow.rollouts[0].steps[0].share_ppm, 1_000_000);
    assert!(with("AllAtOnce").rollouts[0].steps.is_empty());
}

#[test]
fn a_matching_profile_is_taken_and_else_an_estimate() {
    let with = |fields: &str| {
        let d = format!("(name: \"main\", pools: [\"p\"], {fields})");
        let l = loaded(&format!(
            "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"1d\",
              pools: [(name: \"p\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 8)],
              work: [Service(name: \"s\", traffic: [{USERS}], deployments: [{d}])])"
        ));
        let e = l.model.services[0].deployments[0].engines[0].clone().expect("on p");
        let known = l.model.evidence.iter().find(|n| n.what.starts_with("steps of s/main")).expect("said");
        (e.profile.clone(), known.grade.clone(), e)
    };
    // Fitted by ai-dynamo's measurements; 8 H100 of vLLM 0.041 ms a sequence (section 3.3 of the specification).
    let (name, grade, e) = with("model: \"Llama-3.1-70B\", dtype: Fp8, gpus: 2");
    assert_eq!((name.as_str(), grade.as_str()), ("llama-3.1-70b-fp8-h100-vllm-tp2", "fitted"));
    assert_eq!(e.cost, Quantised::new(&profile::find("llama-3.1-70b-fp8-h100-vllm-tp2").unwrap().cost).unwrap());
    // Nobody measured this model in 16 bits on one H100 with that engine.
    let (_, grade, _) = with("model: \"Llama-2-7B\", engine: \"lmdeploy\"");
    assert_eq!(grade, "prior");
    // A profile by name brings its number format.
    let (name, grade, _) =
        with("model: \"Llama-3.1-70B\", gpus: 4, profile: Bundled(\"llama-3.1-70b-fp8-h100-vllm-tp4\")");
    assert_eq!((name.as_str(), grade.as_str()), ("llama-3.1-70b-fp8-h100-vllm-tp4", "fitted"));
    // 12 ms for each step.
    let (_, grade, e) = with("model: \"Llama-3.1-8B\", profile: Explicit(a: 12, b: 0.1)");
    assert_eq!((grade.as_str(), e.cost.decode(1, 0)), ("prior", 12_100_000_000));
    let (name, ..) = with("model: \"Llama-3.1-8B\", speculative: (accepted: 2.4, drafted: 4)");
    assert!(name.ends_with("· speculative 2.4"), "{name}");
}

#[test]
fn keda_and_the_hpa_it_makes() {
    let s = served();
    let Scale::Keda { config, signals, watch, initial, .. } = &s.deployments[0].scale else { panic!("KEDA") };
    assert_eq!(signals[..], [Signal::Queue, Signal::RequestsPerSecond]);
    assert_eq!((config.min, config.max, *initial), (0, 12, 0));
    let target = |t: &keda::Trigger| (t.target, t.activation, t.cached);
    assert_eq!(target(&config.triggers[0]), (hpa::Target::AverageValue(5_000), 0.0, false));
    assert_eq!(target(&config.triggers[1]), (hpa::Target::AverageValue(4_000), 0.5, false));
    assert_eq!(
        (watch.lag, watch.scrape, watch.sync),
        (Duration::from_secs(10), Duration::from_secs(15), hpa::SYNC_PERIOD)
    );
    let behavior = config.behavior.as_ref().expect("told");
    assert_eq!(behavior.up, hpa::Rules::up());
    let minute = Duration::from_secs(60);
    assert_eq!(behavior.down.policies, [hpa::Policy { kind: hpa::PolicyKind::Pods, value: 1, period: minute }]);
}

#[test]
fn an_hpa_has_its_metrics_in_the_units_of_what_is_scraped() {
    let d = one(
        "cpu: (request: 4), scale: Hpa(min: 2, max: 9, metrics: [Cpu(\"80%\"), GpuUtilisation(\"70%\"), KvUse(\"65%\"), Concurrency(16), TokensPerSecond(1500)])",
    );
    let Scale::Hpa { config, signals, initial, .. } = &d.scale else { panic!("an HPA") };
    let pods = |average| hpa::Metric::Pods { average };
    let cpu = hpa::Metric::Resource { cpu: true, target: hpa::PodTarget::Utilisation(80) };
    assert_eq!(config.metrics, [cpu, pods(70_000), pods(65_000), pods(16_000), pods(1_500_000)]);
    assert_eq!(signals.len(), 5);
    assert_eq!((config.min, config.max, *initial, d.cpu.request, d.request.cpu_milli), (2, 9, 2, 4_000, 4_000));
    let d = one("scale: Hpa(max: 9, metrics: [Queue(5)], read_as: External)");
    let Scale::Hpa { config, .. } = &d.scale else { panic!("an HPA") };
    assert_eq!(config.metrics, [hpa::Metric::External(hpa::Target::AverageValue(5_000))]);
    assert_eq!(config.tolerance, 0.1);
}

#[test]
fn prefix_caches_and_limits_of_an_engine() {
    let d = one("limits: (max_num_seqs: 64, kv_tokens: 50000, queue_limit: 7), prefix_cache: Blocks(512)");
    let c = &d.engines[0].as_ref().expect("on p").config;
    assert_eq!((c.max_num_seqs, c.kv_tokens, c.queue_limit), (64, 50_000, 7));
    assert_eq!(c.prefix, PrefixCaching::Blocks { tokens_per_hash: 512 });
    // The model's context is 131,072; KV holds less.
    assert_eq!(c.max_model_len, 50_000);
    assert!(d.engines[1].is_none(), "only on the pool that is named");
}

#[test]
fn sixteen_gpus_are_two_pods_of_a_node_each() {
    let d = one("gpus: 16");
    assert_eq!((d.pods, d.request.gpus, d.request.gpu_milli), (2, 8, 1000));
}

#[test]
fn prefill_and_decode_are_lanes_with_a_link() {
    let two = "(name: \"pre\", model: \"Llama-3.1-8B\", pools: [\"p\"], role: Prefill),
               (name: \"dec\", model: \"Llama-3.1-8B\", pools: [\"p\"], role: Decode)";
    let s = service("transfer: (bandwidth: \"10GB/s\", overlap: \"50%\"),", USERS, two).services.remove(0);
    assert_eq!(s.front.lanes.len(), 2);
    let to = s.front.lanes[0].decode.as_ref().expect("decoded elsewhere");
    // 2 · 32 layers · 8 heads · 128 · 2 bytes.
    assert_eq!((to.lane, to.bytes_per_token), (1, 131_072.0));
    assert_eq!((to.link.bps.get(), to.link.overlap_ppm), (10_000_000_000, 500_000));
    assert_eq!(s.deployments[1].role, Role::Decode);
    assert_eq!(s.front.lane_of_source, [0]);
}

#[test]
fn traffic_of_several_models_asks_its_own() {
    let two = "(name: \"small\", model: \"Llama-3.1-8B\", pools: [\"p\"]),
               (name: \"large\", model: \"Llama-3.1-70B\", pools: [\"p\"], gpus: 4)";
    let traffic = "Synthetic(name: \"a\", model: \"llama-3.1-70b\", rate: (per_second: 1)),
                   Synthetic(name: \"b\", model: \"Llama-3.1-8B\", rate: (per_second: 1))";
    let s = service("", traffic, two).services.remove(0);
    assert_eq!(s.front.lane_of_source, [1, 0]);
}

#[test]
fn fallback_pools_open_later_and_only_where_the_model_fits() {
    let m = service(
        "fallback: [(pools: [\"l4\"], after: \"5m\")],",
        "Synthetic(name: \"a\", model: \"Llama-3.1-8B\", rate: (per_second: 1)),
         Synthetic(name: \"b\", model: \"Llama-3.1-70B\", rate: (per_second: 1))",
        "(name: \"small\", model: \"Llama-3.1-8B\", pools: [\"p\"]),
         (name: \"large\", model: \"Llama-3.1-70B\", pools: [\"p\"], gpus: 4)",
    );
    let w = &m.work[0];
    assert_eq!(
        w.tiers.iter().map(|t| t.pools).collect::<Vec<_>>(),
        [PoolSet::only(PoolId(0)), PoolSet::only(PoolId(1))]
    );
    assert_eq!(w.accepts, [PoolSet::only(PoolId(0)).with(PoolId(1)), PoolSet::only(PoolId(0))]);
    assert!(m.services[0].deployments[0].engines[1].is_some() && m.services[0].deployments[1].engines[1].is_none());
}

#[test]
fn recorded_requests_are_read_and_cut_to_the_context() {
    let traffic = "Recorded(name: \"conv\", file: \"requests/mooncake.jsonl\", over: Clip, repeat: BackToBack, labels: {\"app\": \"x\"})";
    let s = service("", traffic, "(name: \"main\", model: \"Llama-3.1-8B\", pools: [\"p\"])").services.remove(0);
    let Requests::Recorded(r) = &s.traffic.sources()[0] else { panic!("recorded") };
    assert!(r.summary().kept > 0);
    assert_eq!(s.traffic.label_sets()[0][0].to_string(), "app=x");
}

#[test]
fn a_timed_run_calibrates_the_host() {
    // 24 requests, 5 s apart, the k-th of 5 + k answers: alone each. With steps of the estimate and h ms of host, the mean
    // is (mean answer) · h above that without: 0.4 s more than that is what the host takes.
    let with = |profile: &str| {
        let d = format!("(name: \"main\", model: \"Llama-3.1-8B\", engine: \"lmdeploy\", pools: [\"p\"], {profile})");
        let l = loaded(&format!(
            "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"1d\",
              pools: [(name: \"p\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 8)],
              work: [Service(name: \"s\", traffic: [{USERS}], deployments: [{d}])])"
        ));
        let known = l.model.evidence.iter().find(|n| n.what.starts_with("steps of s/main")).expect("said").clone();
        (l.model.services[0].deployments[0].engines[0].clone().expect("on p"), known)
    };
    let (plain, _) = with("profile: FromPhysics()");
    let (slow, known) = with("profile: FromTrace(file: \"requests/azure.csv\", mean: \"1s\")");
    assert_eq!(known.grade, "fitted");
    assert!(known.source.contains("azure.csv"), "{}", known.source);
    // A second over 5 to 28 tokens, 16.5 on average: steps of about 1/16.5 s, all but a few ms of it the host's.
    let step = slow.cost.decode(1, 100) as f64 / 1e9;
    assert!((step - 1_000.0 / 16.5).abs() < 1.0, "{step} ms");
    assert!(plain.cost.decode(1, 100) < slow.cost.decode(1, 100) / 5);
}

#[test]
fn a_benchmark_is_fitted() {
    // Rows made of a = 10 ms, b = 0.5 ms a sequence, prompts of 0.01 ms a token: p·(isl/osl) a step and sequence.
    let folder = std::env::temp_dir().join(format!("fleetcast-benchmark-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bench.csv");
    let mut text = "isl,osl,concurrency,ttft_ms,tpot_ms\n".to_owned();
    for (isl, osl) in [(1000, 500), (2000, 100), (500, 1000)] {
        for c in [1, 2, 4, 8, 16, 32] {
            let tpot = 10.0 + f64::from(c) * (0.5 + 0.01 * f64::from(isl) / f64::from(osl));
            text += &format!("{isl},{osl},{c},{},{tpot}\n", 20.0 + 0.01 * f64::from(isl));
        }
    }
    std::fs::write(&file, text).unwrap();
    let path = file.display().to_string().replace('\\', "/");
    let d = one(&format!("profile: FromBenchmark(file: \"{path}\", length_share: 1.0)"));
    std::fs::remove_dir_all(&folder).unwrap();
    let e = d.engines[0].as_ref().expect("on p");
    let step = |n: u64| e.cost.decode(n, n * 1_000) as f64 / 1e9;
    assert!((step(1) - 10.5).abs() < 0.2, "{}", step(1));
    assert!((step(16) - 18.0).abs() < 0.3, "{}", step(16));
}

#[test]
fn a_setting_of_a_service_is_found_by_name() {
    let mut sources = crate::units::SourceMap::default();
    let id = sources.add("served.ron", SERVED);
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good");
    let set = [
        "work.chat.deployments.main.scale.max=7",
        "work.chat.traffic.users.rate.per_second=2.5",
        "work.chat.deployments.main.scale.triggers[0].on=Queue(9)",
        "work.chat.slo.ttft.within=3s",
    ];
    let set = set.map(str::to_owned);
    let env = &mut crate::scenario::resolve::Env::new(&mut sources, base, "no-such-data");
    let s =
        crate::scenario::load(id, crate::formats::Syntax::Ron, &set, None, env).expect("fine").model.services.remove(0);
    let Scale::Keda { config, .. } = &s.deployments[0].scale else { panic!("KEDA") };
    assert_eq!((config.max, config.triggers[0].target), (7, hpa::Target::AverageValue(9_000)));
    let Requests::Synth(users) = &s.traffic.sources()[0] else { panic!("synthetic") };
    assert_eq!(users.spec().rate.per_second, 2.5);
    assert_eq!(s.slo.ttft.map(|o| o.within), Some(Duration::from_secs(3)));
}
