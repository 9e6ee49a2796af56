//! An engine on a pool: what a step costs there, how much KV there is, and how a replica starts.

use std::sync::Arc;

use super::context::Context;
use super::laws;
use crate::catalog::{Device, Evidence};
use crate::formats::Place;
use crate::kernel::Dist;
use crate::scenario::decode::Spanned;
use crate::scenario::file::service as shape;
use crate::scenario::file::training::Grade;
use crate::scenario::model::Model as Scenario;
use crate::scenario::model::service::{CpuUse, Engine, Start};
use crate::serving::cost::{Quantised, Step, StepCost};
use crate::serving::fit;
use crate::serving::memory::{self, Budget};
use crate::serving::physics::{Link, Setup};
use crate::serving::profile::{self, Dtype, Model, Profile};
use crate::serving::replica::factors::{Shrunk, Speculation};
use crate::serving::replica::{Config, PrefixCaching};
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration};
use crate::workload::traffic::BLOCK_TOKENS;

/// PCIe between GPUs that have nothing faster: 4.0 x16, as measured by all-reduces; the latency is a guess.
const PCIE: Link = Link { latency_ms: 0.01, gb_s: 16.0 };

/// An engine with what checks want to know of it.
pub(super) struct Made {
    pub engine: Engine,
    /// Of a prompt of one token, and of one sequence that decodes, alone, nanoseconds: nothing can be faster.
    pub least_ttft: u64,
    pub least_tpot: u64,
    /// Bytes of KV of a token, all GPUs together.
    pub kv_bytes: f64,
}

const fn dtype(d: &shape::NumberFormat) -> Dtype {
    match d {
        shape::NumberFormat::Bf16 => Dtype::Bf16,
        shape::NumberFormat::Fp8 => Dtype::Fp8,
        shape::NumberFormat::Fp4 => Dtype::Fp4,
    }
}

fn placed(d: Diagnostic, at: Place, label: &str) -> Diagnostic {
    d.at(at.0, at.1, label)
}

/// What a step costs, from where, and how well that is known.
struct Costed {
    cost: StepCost,
    name: String,
    grade: &'static str,
    source: String,
    kv_tokens: Option<u64>,
    max_sequences: Option<u32>,
}

impl From<&Profile> for Costed {
    fn from(p: &Profile) -> Costed {
        let quality = p.quality.and_then(|q| q.loo).map_or_else(String::new, |l| format!(", left-out error {l:.1} %"));
        let version = if p.version.is_empty() { String::new() } else { format!(" {}", p.version) };
        Costed {
            cost: p.cost,
            name: p.name.to_string(),
            grade: match p.evidence {
                Evidence::Fitted => "fitted",
                Evidence::Guess => "guess",
                Evidence::Measured => "measured",
                _ => "prior",
            },
            source: format!("{}; {}{version}{quality}", p.source, p.engine),
            kv_tokens: p.kv_tokens,
            max_sequences: p.max_sequences,
        }
    }
}

impl Context<'_, '_> {
    /// The model of a deployment.
    pub(super) fn served(d: &shape::Deployment, out: &mut Diagnostics) -> Option<&'static Model> {
        Model::find(&d.model).map_err(|e| out.push(placed(e.to_diagnostic(), d.model.at, "not a model"))).ok()
    }

    /// The engine of a deployment on a pool.
    pub(super) fn engine(
        &mut self,
        d: &shape::Deployment,
        model: &'static Model,
        pool: usize,
        scenario: &Scenario,
        out: &mut Diagnostics,
    ) -> Option<Made> {
        let name = &scenario.pools[pool].name;
        let Some(device) = self.facts[pool].device.clone() else {
            out.push(
                Diagnostic::error(format!("pool `{name}` has no GPU that is known to serve `{}`", *d.model))
                    .at(d.pools.at.0, d.pools.at.1, "among these")
                    .help("a pool for a service has an instance type or a device of the catalogue: `fleetcast catalog devices`"),
            );
            return None;
        };
        let setup = Setup {
            model,
            device: &device,
            tp: d.gpus.get(),
            engine: &d.engine,
            weights: dtype(&d.dtype),
            compute: if d.dtype == shape::NumberFormat::Fp4 { Dtype::Bf16 } else { dtype(&d.dtype) },
            kv: dtype(&d.kv_dtype),
            link: device.nvlink_gb_s.is_none().then_some(PCIE),
        };
        let mut costed = self.costed(d, &setup, out)?;
        let kv = self.kv_tokens(d, &setup, &costed, out)?;
        let kv = self.factors(d, &mut costed, kv, out)?;
        self.note(format!("step cost of {} on {name}", *d.name), costed.grade, costed.source.clone());
        let config = limits(d, model, kv, costed.max_sequences, out)?;
        let cost = match Quantised::new(&costed.cost) {
            Ok(c) => c,
            Err(e) => {
                out.push(Diagnostic::error(e.to_string()).at(
                    d.profile.at.0,
                    d.profile.at.1,
                    "cannot be a step's cost",
                ));
                return None;
            }
        };
        let mut prompt = Step::default();
        prompt.add_chunk(1, 0);
        Some(Made {
            least_ttft: cost.step(&prompt) / 1_000,
            least_tpot: cost.decode(1, 1) / 1_000,
            kv_bytes: model.kv_bytes(setup.kv, setup.tp),
            engine: Engine { config, cost, profile: costed.name },
        })
    }

    fn costed(&mut self, d: &shape::Deployment, s: &Setup<'_>, out: &mut Diagnostics) -> Option<Costed> {
        match &d.profile.value {
            shape::Profile::Best => match best(s) {
                Some(p) => Some(Costed::from(p)),
                None => physics(d, s, out),
            },
            shape::Profile::FromPhysics => physics(d, s, out),
            shape::Profile::Bundled(name) => bundled(name, s, out),
            shape::Profile::FromBenchmark(file) => self.benchmark(d, file, s, out),
            shape::Profile::Explicit(c) => {
                let cost = StepCost {
                    a: *c.a,
                    host: c.host,
                    b: c.b,
                    b1: c.b1,
                    b2: c.b2,
                    t0: c.t0,
                    c: c.c,
                    p: c.p,
                    q: c.q,
                    m: c.m,
                    expert_ms: c.expert_ms,
                    expert_share: c.expert_share,
                };
                let grade = match c.grade {
                    Grade::Measured => "measured",
                    Grade::Fitted => "fitted",
                    Grade::Prior => "prior",
                    Grade::Guess => "guess",
                };
                let (name, source) = ("given in the scenario".to_owned(), c.source.clone());
                Some(Costed { cost, name, grade, source, kv_tokens: None, max_sequences: None })
            }
        }
    }

    fn benchmark(
        &mut self,
        d: &shape::Deployment,
        file: &Spanned<String>,
        s: &Setup<'_>,
        out: &mut Diagnostics,
    ) -> Option<Costed> {
        let path = self.env.input(file, out)?;
        let sets = match fit::read::open(&path) {
            Ok(sets) => sets,
            Err(fault) => {
                out.push(fault.into_diagnostic(self.env.sources));
                return None;
            }
        };
        let same = |k: &fit::read::Key| {
            let model = Model::find(&k.model).is_ok_and(|m| m.name == s.model.name) || k.model == fit::read::UNRECORDED;
            let device = self.env.catalog.device(k.gpu.trim_end_matches("_sxm")).is_ok_and(|g| g.name == s.device.name);
            model && (device || k.gpu == fit::read::UNRECORDED) && k.tp == u64::from(s.tp)
        };
        let mut hits: Vec<_> = sets.iter().filter(|set| set.plain() && same(&set.key)).collect();
        if hits.len() > 1 {
            hits.retain(|set| {
                set.key.engine.eq_ignore_ascii_case(s.engine) && Dtype::named(&set.key.dtype) == Some(s.weights)
            });
        }
        let [set] = hits.as_slice() else {
            let names: Vec<&str> = sets.iter().take(12).map(|s| s.name.as_str()).collect();
            out.push(
                Diagnostic::error(format!(
                    "`{}` has {} sets of {} on {} with TP {}",
                    path.display(),
                    hits.len(),
                    s.model.name,
                    s.device.name,
                    s.tp
                ))
                .at(file.at.0, file.at.1, "one is needed")
                .help(format!("its sets are {}", names.join(", "))),
            );
            return None;
        };
        let options = fit::Options { expert_share: s.model.expert_share(), ..fit::Options::default() };
        match fit::from_benchmark(&set.rows, &options) {
            Ok(f) => Some(Costed {
                cost: f.cost,
                name: set.name.clone(),
                grade: "fitted",
                source: format!("{}, {} rows, left-out error {:.1} %", path.display(), f.used, f.loo),
                kv_tokens: None,
                max_sequences: None,
            }),
            Err(e) => {
                out.push(placed(e.to_diagnostic(), file.at, &format!("set {} of it, for `{}`", set.name, *d.name)));
                None
            }
        }
    }

    /// KV tokens: as given, as the engine reported them, else by the memory that weights and engine leave.
    fn kv_tokens(
        &mut self,
        d: &shape::Deployment,
        s: &Setup<'_>,
        costed: &Costed,
        out: &mut Diagnostics,
    ) -> Option<u64> {
        let budget = Budget::of(s.engine);
        // A model that is made smaller takes less room.
        let room = d.shrunk.as_ref().map_or(1.0, |x| x.weights.0);
        let computed = if room < 1.0 {
            let smaller = Model { params_b: s.model.params_b * room, ..*s.model };
            memory::kv_tokens(&smaller, s.weights, s.kv, s.device.memory_gb, s.tp, budget)
        } else {
            memory::kv_tokens(s.model, s.weights, s.kv, s.device.memory_gb, s.tp, budget)
        };
        if let Some(kv) = &d.limits.kv_tokens {
            return Some(**kv);
        }
        match (costed.kv_tokens, computed) {
            (Some(reported), _) => Some(reported),
            (None, Ok(kv)) => Some(kv),
            (None, Err(e)) => {
                let e = e.to_diagnostic();
                out.push(placed(e, d.model.at, &format!("on {} × {}", s.tp, s.device.name)));
                None
            }
        }
    }

    /// Speculative decoding, and a smaller model, on the cost of a step; returns KV tokens.
    fn factors(&mut self, d: &shape::Deployment, c: &mut Costed, kv: u64, out: &mut Diagnostics) -> Option<u64> {
        let mut kv = kv;
        if let Some(x) = &d.shrunk {
            let shrunk = Shrunk {
                what: x.what.clone(),
                source: x.source.clone(),
                weights: x.weights.0,
                compute: x.compute.0,
                kv: x.kv.0,
            };
            match shrunk.apply(&c.cost) {
                Ok(cost) => c.cost = cost,
                Err(e) => {
                    out.push(Diagnostic::error(e.to_string()).at(x.at.0, x.at.1, "not a smaller model"));
                    return None;
                }
            }
            kv = shrunk.kv_tokens(kv);
            c.name.push_str(&format!(" · {}", x.what));
            self.note(format!("{} of {}", x.what, *d.name), "prior", x.source.clone());
        }
        if let Some(x) = &d.speculative {
            let speculation = Speculation { accepted: x.accepted, drafted: x.drafted, draft: x.draft.0 };
            match speculation.apply(&c.cost) {
                Ok(cost) => c.cost = cost,
                Err(e) => {
                    out.push(Diagnostic::error(e.to_string()).at(x.at.0, x.at.1, "cannot be"));
                    return None;
                }
            }
            c.name.push_str(&format!(" · speculative, {} tokens a step", x.accepted));
            self.note(format!("speculative decoding of {}", *d.name), "prior", x.source.clone());
        }
        Some(kv)
    }

    /// How a replica starts.
    pub(super) fn start(&mut self, d: &shape::Deployment, model: &Model, out: &mut Diagnostics) -> Option<Start> {
        let s = &d.start;
        let over = |bytes: Bytes, bps: u64| Dist::constant(bytes.0 as f64 / bps.max(1) as f64).ok();
        let weights = s.weights.unwrap_or_else(|| {
            let share = d.shrunk.as_ref().map_or(1.0, |x| x.weights.0);
            Bytes((model.weight_bytes(dtype(&d.dtype)) * share) as u64)
        });
        for (what, b) in [("pull", &s.pull), ("load", &s.load)] {
            if b.0 == 0 {
                out.push(Diagnostic::error(format!("`{what}` moves nothing")).at(b.at.0, b.at.1, "above 0"));
                return None;
            }
        }
        let law = |l: &Option<Spanned<crate::scenario::file::laws::Length>>, out: &mut Diagnostics| match l {
            Some(l) => laws::length(l, l.at, out).map(Some),
            None => Some(None),
        };
        let (image, load) = (law(&s.image_time, out)?, law(&s.load_time, out)?);
        if s.value == crate::scenario::decode::all_defaults() {
            self.note(format!("start-up of {}", *d.name), "guess", "image, weights and warm-up by default");
        }
        Some(Start {
            image: image.or_else(|| over(s.image, s.pull.0))?,
            image_stays: s.image_stays,
            load: load.or_else(|| over(weights, s.load.0))?,
            warm_up: laws::length(&s.warm_up, s.warm_up.at, out)?,
        })
    }
}

/// The bundled profile that fits best: of that engine and format, fitted before prior, the newest version.
fn best(s: &Setup<'_>) -> Option<&'static Profile> {
    let fits = |p: &&Profile| {
        p.model == s.model.name
            && p.device == s.device.name
            && p.tp == s.tp
            && p.dtype == s.weights
            && p.engine.eq_ignore_ascii_case(s.engine)
    };
    profile::bundled().iter().filter(fits).max_by(|a, b| {
        let rank = |p: &Profile| (p.evidence == Evidence::Fitted, p.version.to_string());
        rank(a).cmp(&rank(b))
    })
}

fn physics(d: &shape::Deployment, s: &Setup<'_>, out: &mut Diagnostics) -> Option<Costed> {
    // What it needs of memory is asked elsewhere, too; a model that does not fit is told once, here.
    match Profile::from_physics(s) {
        Ok(p) => Some(Costed::from(&p)),
        Err(_) if d.limits.kv_tokens.is_some() || d.shrunk.is_some() => {
            Some(Costed::from(&Profile::explicit(s, crate::serving::physics::from_physics(s))))
        }
        Err(e) => {
            out.push(placed(e.to_diagnostic(), d.model.at, &format!("on {} × {}", s.tp, s.device.name)));
            None
        }
    }
}

fn bundled(name: &Spanned<String>, s: &Setup<'_>, out: &mut Diagnostics) -> Option<Costed> {
    let p = match profile::find(name) {
        Ok(p) => p,
        Err(e) => {
            out.push(placed(e.to_diagnostic(), name.at, "not a profile"));
            return None;
        }
    };
    let device: &Device = s.device;
    let wrong = if p.model != s.model.name {
        Some(format!("it is of {}, and the deployment serves {}", p.model, s.model.name))
    } else if p.device != device.name {
        Some(format!("it is of a {}, and a pool has {}", p.device, device.name))
    } else if p.tp != s.tp {
        Some(format!("it is of {} GPUs, and a replica has {}", p.tp, s.tp))
    } else {
        None
    };
    if let Some(why) = wrong {
        out.push(
            Diagnostic::error(format!("profile `{}` is not of this deployment: {why}", p.name))
                .at(name.at.0, name.at.1, "of something else")
                .help("leave `profile` out: the best one for each pool is taken"),
        );
        return None;
    }
    Some(Costed::from(p))
}

fn limits(
    d: &shape::Deployment,
    model: &Model,
    kv_tokens: u64,
    sequences: Option<u32>,
    out: &mut Diagnostics,
) -> Option<Config> {
    let l = &d.limits;
    if let Some(most) = &l.max_model_len
        && most.get() > model.context
    {
        out.push(
            Diagnostic::error(format!("`{}` has a context of {} tokens", model.name, model.context))
                .at(most.at.0, most.at.1, "longer than the model's")
                .help("leave it out to use all of the context"),
        );
        return None;
    }
    let prefix = match &d.prefix_cache.value {
        shape::PrefixCache::Off => PrefixCaching::Off,
        shape::PrefixCache::Fixed(share) => PrefixCaching::Fixed(*share),
        shape::PrefixCache::Sessions(idle) => PrefixCaching::Sessions { idle: *idle },
        shape::PrefixCache::Blocks => PrefixCaching::Blocks { tokens_per_hash: BLOCK_TOKENS },
    };
    let default = Config::default();
    let config = Config {
        max_num_seqs: l
            .max_num_seqs
            .map_or_else(|| sequences.unwrap_or(default.max_num_seqs), std::num::NonZeroU32::get),
        max_num_batched_tokens: l.max_num_batched_tokens.get(),
        kv_tokens,
        block_tokens: l.block_tokens.get(),
        max_model_len: l.max_model_len.as_ref().map_or(model.context, |m| m.get()),
        queue_limit: l.queue.map_or(u32::MAX, std::num::NonZeroU32::get),
        prefix,
        ..default
    };
    match config.check() {
        Ok(()) => Some(config),
        Err(e) => {
            out.push(Diagnostic::error(e.to_string()).at(l.at.0, l.at.1, "these limits"));
            None
        }
    }
}

/// CPU of a replica.
pub(super) fn cpu(c: &shape::Cpu, out: &mut Diagnostics) -> Option<CpuUse> {
    let milli = |v: &Spanned<f64>, out: &mut Diagnostics| super::work::milli(v, out);
    Some(CpuUse { request: milli(&c.request, out)?, idle: milli(&c.idle, out)?, busy: milli(&c.busy, out)? })
}

/// A promise that nothing can keep.
pub(super) fn impossible(what: &str, o: Option<&Spanned<shape::Objective>>, least: Option<u64>, out: &mut Diagnostics) {
    let (Some(o), Some(least)) = (o, least) else { return };
    if o.within.0 < least {
        out.push(
            Diagnostic::error(format!("no load is so light that {what} comes within {}", *o.within))
                .at(o.within.at.0, o.within.at.1, format!("at least {}", Duration(least)))
                .help("promise more time, or serve it on faster GPUs, on more of them, or a smaller model"),
        );
    }
}

/// A shared engine.
pub(super) fn shared(m: &Made) -> Arc<Engine> {
    Arc::new(m.engine.clone())
}
