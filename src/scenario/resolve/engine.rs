//! Engines: which profile a deployment has on a pool, what fits its memory, and its limits.

use super::context::Context;
use crate::catalog::mig::SliceSpeed;
use crate::catalog::{Device, Evidence};
use crate::fleet::cut::Places;
use crate::scenario::decode::Spanned;
use crate::scenario::file::engine as shape;
use crate::scenario::file::service::Deployment;
use crate::scenario::model::Share;
use crate::scenario::model::service::Engine;
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::fit::{self, read};
use crate::serving::memory::{self, Budget};
use crate::serving::physics::{Link, Setup};
use crate::serving::profile::{Dtype, Model as Architecture, Profile, Quality, bundled, find};
use crate::serving::replica::factors::{Shrunk, Speculation};
use crate::serving::replica::{Config, Mode, PrefixCaching, Replica};
use crate::serving::request::{Record, Request, Sink};
use crate::serving::slice::{Slice, on_slice};
use crate::units::{Diagnostic, Diagnostics, SimTime, nearest};
use crate::workload::Request as Pod;
use crate::workload::traffic;

/// An engine on the GPUs of a pool, and what the service wants to know of it.
#[derive(Clone, Debug)]
pub(super) struct OnPool {
    pub engine: Engine,
    /// Bytes that a token keeps in KV.
    pub kv_bytes: f64,
    /// Bytes of the weights.
    pub weights: f64,
    /// How well the profile is known, and from where.
    pub known: (Evidence, String),
}

pub(super) fn format(f: &shape::NumberFormat) -> Dtype {
    match f {
        shape::NumberFormat::Bf16 => Dtype::Bf16,
        shape::NumberFormat::Fp8 => Dtype::Fp8,
        shape::NumberFormat::Fp4 => Dtype::Fp4,
    }
}

/// What an engine has of a GPU.
struct Part {
    memory_gb: f64,
    /// On a slice: its name, its compute and its memory as shares of the GPU.
    slice: Option<(String, Slice)>,
}

impl Part {
    fn of(device: &Device, share: Option<&Share>, slice: u8) -> Part {
        let whole = Part { memory_gb: device.memory_gb, slice: None };
        let Some(share) = share else { return whole };
        let pod = Pod { gpus: 1, gpu_milli: 1000, slice, ..Pod::default() };
        let (Some(g), Some(t)) = (share.cut.geometry(), share.cut.take_of(&pod)) else {
            // Nothing divides the memory of a GPU that pods take turns on but they themselves: each keeps to its part.
            return match share.cut.places() {
                Places::Turns(n) => Part { memory_gb: device.memory_gb / f64::from(*n), slice: None },
                _ => whole,
            };
        };
        let known = share.slices.get(usize::from(slice)).and_then(Option::as_ref);
        let memory_gb = g.usable_mib(t.profile).map_or(device.memory_gb, |(mib, _)| f64::from(mib) / 1024.0);
        let compute = known.map_or_else(|| g.compute_share(t.profile), |s| s.compute);
        let part = Slice::new(compute, g.memory_share(t.profile)).unwrap_or(Slice::WHOLE);
        Part { memory_gb, slice: known.map(|s| (s.name.clone(), part)) }
    }

    /// Slows the steps of a profile of the whole GPU down to those on the slice.
    fn slow(&self, p: &mut Profile, unsliced: f64) {
        let (Some((name, part)), Some(speed)) = (&self.slice, SliceSpeed::new(unsliced, Evidence::Guess)) else {
            return;
        };
        p.cost = on_slice(&p.cost, *part, speed);
        p.name = format!("{} · {name}", p.name).into();
    }
}

/// A deployment and the GPU that it is tried on.
struct On<'a> {
    d: &'a Deployment,
    model: &'static Architecture,
    device: &'a Device,
    tp: u32,
    /// GB of each of its GPUs, or of the slice of one.
    memory_gb: f64,
}

impl On<'_> {
    fn dtype(&self) -> Dtype {
        self.d.dtype.as_ref().map_or(Dtype::Bf16, format)
    }

    fn setup(&self, link: Option<Link>) -> Setup<'_> {
        let weights = self.dtype();
        Setup {
            model: self.model,
            device: self.device,
            tp: self.tp,
            engine: &self.d.engine,
            weights,
            // 4-bit weights are unpacked before they are multiplied.
            compute: if weights == Dtype::Fp4 { Dtype::Bf16 } else { weights },
            kv: self.d.kv_dtype.as_ref().map_or(Dtype::Bf16, format),
            link,
        }
    }

    /// Of the bundled profiles that match the one with the most measured rows, then the first by name.
    fn matching(&self) -> Option<&'static Profile> {
        let rows = |p: &Profile| p.quality.and_then(|q| q.rows).unwrap_or(0);
        let fits = |p: &&'static Profile| {
            p.model == self.model.name
                && p.device == self.device.name
                && p.tp == self.tp
                && p.engine.eq_ignore_ascii_case(&self.d.engine)
                && p.dtype == self.dtype()
                && self.d.kv_dtype.as_ref().is_none_or(|k| format(k) == p.kv_dtype)
        };
        bundled().iter().filter(fits).min_by_key(|p| (u32::MAX - rows(p), &*p.name))
    }

    /// What all-reduces go over: told, or PCIe where the GPU has no NVLink.
    fn link(&self, own: Option<&shape::SlowLink>) -> Option<Link> {
        let link = |latency_ms: f64, bytes: u64| Link { latency_ms, gb_s: bytes as f64 / 1e9 };
        match own {
            Some(l) => Some(link(l.latency.as_secs_f64() * 1e3, l.bandwidth.0)),
            None if self.tp > 1 && self.device.nvlink_gb_s.is_none() => Some(link(0.01, 16_000_000_000)),
            None => None,
        }
    }

    fn physics(&self, own: Option<&shape::SlowLink>) -> Result<Profile, Diagnostics> {
        let profile = Profile::from_physics(&self.setup(self.link(own)));
        profile.map_err(|e| self.too_large(&e))
    }

    fn too_large(&self, e: &memory::DoesNotFit) -> Diagnostics {
        let at = self.d.model.at;
        if self.memory_gb < self.device.memory_gb {
            let d = Diagnostic::error(e.to_string()).at(at.0, at.1, format!("on a part of `{}`", self.device.name));
            return d.help("ask for a larger slice, or use a smaller number format: dtype: Fp8 or Fp4").into();
        }
        e.to_diagnostic().at(at.0, at.1, format!("on `{}`", self.device.name)).into()
    }

    /// A profile by name must be of what it is used for.
    fn named(&self, name: &Spanned<String>) -> Result<Profile, Diagnostics> {
        let at = name.at;
        let p = find(name).map_err(|e| e.to_diagnostic().at(at.0, at.1, "no such profile"))?;
        let of = |what: &str, theirs: String, ours: String| format!("its {what} is {theirs}, not {ours}");
        let wrong = if p.model != self.model.name {
            Some(of("model", p.model.to_string(), self.model.name.to_owned()))
        } else if p.device != self.device.name {
            Some(of("GPU", p.device.to_string(), self.device.name.to_owned()))
        } else if p.tp != self.tp {
            Some(of("number of GPUs", p.tp.to_string(), self.tp.to_string()))
        } else if self.d.dtype.as_ref().is_some_and(|f| format(f) != p.dtype) {
            Some(of("number format", p.dtype.key().to_owned(), self.dtype().key().to_owned()))
        } else {
            None
        };
        let Some(why) = wrong else { return Ok(p.clone()) };
        let d = Diagnostic::error(format!("profile `{}` is not of what `{}` runs", p.name, *self.d.name))
            .at(at.0, at.1, why)
            .help("leave `profile` out for the one that matches, or write FromPhysics for an estimate");
        Err(match self.matching() {
            Some(m) => d.help(format!("`{}` matches", m.name)).into(),
            None => d.into(),
        })
    }

    fn explicit(&self, c: &shape::Coefficients) -> Result<Profile, Diagnostics> {
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
            expert_share: if c.expert_ms > 0.0 { self.model.expert_share() } else { 0.0 },
        };
        cost.check().map_err(|e| {
            Diagnostic::error(format!("these coefficients are no cost of a step: {e}"))
                .at(c.a.at.0, c.a.at.1, "here")
                .help("milliseconds, as `fleetcast profile fit` prints them")
        })?;
        let mut p = Profile::explicit(&self.setup(None), cost);
        p.evidence = Evidence::Prior;
        p.source = c.source.clone().into();
        Ok(p)
    }

    /// What drafting or shrinking makes of the cost.
    fn factors(&self, profile: &mut Profile) -> Result<Option<Shrunk>, Diagnostics> {
        if let Some(s) = &self.d.speculative {
            let speculation = Speculation { accepted: *s.accepted, drafted: s.drafted, draft: s.draft.get() };
            profile.cost = speculation.apply(&profile.cost).map_err(|e| {
                Diagnostic::error(e.to_string())
                    .at(s.accepted.at.0, s.accepted.at.1, "not possible")
                    .help("tokens that come of a step, the model's own included: for example accepted: 2.4, drafted: 4")
            })?;
            profile.name = format!("{} · speculative {}", profile.name, *s.accepted).into();
        }
        let Some(s) = &self.d.shrunk else { return Ok(None) };
        let shrunk = Shrunk {
            what: s.what.value.clone(),
            source: s.source.clone(),
            weights: s.weights,
            compute: s.compute,
            kv: s.kv,
        };
        profile.cost = shrunk.apply(&profile.cost).map_err(|e| {
            Diagnostic::error(e.to_string())
                .at(s.what.at.0, s.what.at.1, "its factors")
                .help("shares of the original: weights: 0.5 is half of its bytes")
        })?;
        profile.name = format!("{} · {}", profile.name, shrunk.what).into();
        Ok(Some(shrunk))
    }

    /// Tokens of KV: told, measured, or what weights leave.
    fn kv_tokens(&self, p: &Profile, shrunk: Option<&Shrunk>) -> Result<u64, Diagnostics> {
        let limits = &self.d.limits;
        if let Some(k) = &limits.kv_tokens {
            return Ok(k.value);
        }
        let own = limits.gpu_memory_utilization.as_ref();
        let whole = self.memory_gb >= self.device.memory_gb;
        let tokens = match (p.kv_tokens.filter(|_| whole), own) {
            (Some(n), None) => n,
            _ => {
                let budget = Budget::of(&self.d.engine);
                let budget = own.map_or(budget, |s| Budget { share: s.get(), ..budget });
                memory::kv_tokens(self.model, p.dtype, p.kv_dtype, self.memory_gb, self.tp, budget)
                    .map_err(|e| self.too_large(&e))?
            }
        };
        Ok(shrunk.map_or(tokens, |s| s.kv_tokens(tokens)))
    }

    fn config(&self, kv_tokens: u64) -> Result<Config, Diagnostics> {
        let limits = &self.d.limits;
        let context = self.model.context;
        let fits = u32::try_from(kv_tokens).unwrap_or(u32::MAX);
        let max_model_len = match &limits.max_model_len {
            Some(n) if n.value > context => {
                return Err(Diagnostic::error(format!("`{}` has a context of {context} tokens", self.model.name))
                    .at(n.at.0, n.at.1, format!("longer by {}", n.value - context))
                    .help(format!("write max_model_len: {context} or less"))
                    .into());
            }
            Some(n) if n.value > fits => {
                return Err(Diagnostic::error(format!(
                    "the longest request of `{}` does not fit its KV on `{}`",
                    *self.d.name, self.device.name
                ))
                .at(n.at.0, n.at.1, format!("KV holds {kv_tokens} tokens"))
                .help(format!("write max_model_len: {fits} or less, or use more GPUs: vLLM refuses to start so"))
                .into());
            }
            Some(n) => n.value,
            None => context.min(fits),
        };
        let config = Config {
            max_num_seqs: limits.max_num_seqs,
            max_num_batched_tokens: *limits.max_num_batched_tokens,
            kv_tokens,
            block_tokens: limits.block_tokens,
            max_model_len,
            queue_limit: limits.queue_limit.unwrap_or(u32::MAX),
            prefix: match &self.d.prefix_cache.value {
                shape::PrefixCache::Off => PrefixCaching::Off,
                shape::PrefixCache::Fixed(share) => PrefixCaching::Fixed(*share),
                shape::PrefixCache::Sessions(s) => PrefixCaching::Sessions { idle: s.idle },
                shape::PrefixCache::Blocks(n) => PrefixCaching::Blocks { tokens_per_hash: *n },
            },
            mode: Mode::Leap,
        };
        config.check().map_err(|e| {
            let hash = matches!(e, crate::serving::replica::BadConfig::Hash { .. });
            // A default has no place of its own beyond that of its deployment.
            let at = match (&self.d.limits.kv_tokens, hash) {
                (_, true) => self.d.prefix_cache.at,
                (Some(k), _) if k.value < u64::from(limits.block_tokens) => k.at,
                _ => limits.max_num_batched_tokens.at,
            };
            Diagnostic::error(format!("the engine of `{}` cannot be set up: {e}", *self.d.name))
                .at(at.0, at.1, "here")
                .help("vLLM's own are max_num_seqs: 256, max_num_batched_tokens: 2048, block_tokens: 16")
        })?;
        Ok(config)
    }
}

impl Context<'_, '_> {
    /// The engine of a deployment on the GPUs of a pool.
    ///
    /// # Errors
    /// Why it cannot run there.
    pub(super) fn engine(
        &mut self,
        d: &Deployment,
        model: &'static Architecture,
        pool: usize,
        share: Option<&Share>,
        slice: u8,
    ) -> Result<OnPool, Diagnostics> {
        let Some(device) = self.facts[pool].device.clone() else {
            let at = d.name.at;
            return Err(Diagnostic::error(format!("`{}` needs GPUs", *d.name))
                .at(at.0, at.1, "its pool has none")
                .into());
        };
        let part = Part::of(&device, share, slice);
        let on = On { d, model, device: &device, tp: d.gpus.get(), memory_gb: part.memory_gb };
        let mut profile = match &d.profile.value {
            shape::ProfileOf::Matching => match on.matching() {
                Some(p) => p.clone(),
                None => on.physics(None)?,
            },
            shape::ProfileOf::Bundled(name) => on.named(name)?,
            shape::ProfileOf::FromPhysics(p) => on.physics(p.link.as_ref())?,
            shape::ProfileOf::FromBenchmark(b) => self.benchmark(&on, b)?,
            shape::ProfileOf::FromTrace(t) => self.calibrated(&on, t)?,
            shape::ProfileOf::Explicit(c) => on.explicit(c)?,
        };
        part.slow(&mut profile, d.unsliced.get());
        let shrunk = on.factors(&mut profile)?;
        let kv_tokens = on.kv_tokens(&profile, shrunk.as_ref())?;
        let config = on.config(kv_tokens)?;
        let cost = Quantised::new(&profile.cost).map_err(|e| {
            Diagnostic::error(format!("profile `{}` has no usable cost: {e}", profile.name)).at(
                d.profile.at.0,
                d.profile.at.1,
                "here",
            )
        })?;
        let scale = |f: fn(&Shrunk) -> f64| shrunk.as_ref().map_or(1.0, f);
        let source = if profile.note.is_empty() {
            format!("profile {}: {}", profile.name, profile.source)
        } else {
            format!("profile {}: {}; {}", profile.name, profile.source, profile.note)
        };
        Ok(OnPool {
            kv_bytes: model.kv_bytes(profile.kv_dtype, on.tp) * scale(|s| s.kv),
            weights: model.weight_bytes(profile.dtype) * scale(|s| s.weights),
            known: (profile.evidence, source),
            engine: Engine { config, cost, profile: profile.name.into_owned() },
        })
    }

    /// A profile fitted to a table.
    fn benchmark(&mut self, on: &On<'_>, b: &shape::BenchmarkProfile) -> Result<Profile, Diagnostics> {
        let mut found = Diagnostics::default();
        let Some(path) = self.env.input(&b.file, &mut found) else { return Err(found) };
        let sets = read::open(&path).map_err(|f| Diagnostics::from(f.into_diagnostic(self.env.sources)))?;
        let names = || sets.iter().map(|s| s.name.as_str());
        let at = b.set.as_ref().map_or(b.file.at, |s| s.at);
        let set = match (&b.set, sets.as_slice()) {
            (None, [one]) => Some(one),
            (None, _) => None,
            (Some(word), _) => sets.iter().find(|s| s.name.eq_ignore_ascii_case(word.trim())),
        };
        let Some(set) = set else {
            let d = match &b.set {
                Some(word) => Diagnostic::error(format!("`{}` has no set `{}`", b.file.value, word.value)),
                None => Diagnostic::error(format!("`{}` has {} sets: which is meant?", b.file.value, sets.len())),
            };
            let d = d.at(at.0, at.1, "here");
            let near = b.set.as_ref().and_then(|w| nearest(w, names()));
            let d = if let Some(near) = near { d.help(format!("did you mean `{near}`?")) } else { d };
            let shown: Vec<&str> = names().take(12).collect();
            return Err(d.help(format!("for example set: \"{}\"", shown.join("\", \""))).into());
        };
        let options = fit::Options {
            length_share: b.length_share.get(),
            ttft_most_ms: b.ttft_most.as_secs_f64() * 1e3,
            expert_share: on.model.expert_share(),
        };
        let fitted = fit::from_benchmark(&set.rows, &options).map_err(|e| {
            let d = e.to_diagnostic().at(b.file.at.0, b.file.at.1, "this table");
            Diagnostic { message: format!("`{}` cannot be fitted: {}", set.name, d.message), ..d }
        })?;
        let mut p = Profile::explicit(&on.setup(None), fitted.cost);
        p.evidence = Evidence::Fitted;
        p.quality = Some(Quality {
            rows: u32::try_from(fitted.used).ok(),
            concurrency_max: set.rows.iter().filter_map(|r| u32::try_from(r.concurrency).ok()).max(),
            mape: fitted.mape,
            loo: Some(fitted.loo),
        });
        p.ttft = fitted.ttft;
        p.source = format!("{}, {} rows, mean error {:.1} %", b.file.value, fitted.used, fitted.mape).into();
        Ok(p)
    }
}

/// Records of a replay that ended.
#[derive(Default)]
struct Ended {
    seconds: f64,
    count: u64,
}

impl Sink for Ended {
    fn finished(&mut self, r: &Record) {
        self.seconds += r.ended.since(r.arrival).as_secs_f64();
        self.count += 1;
    }
}

/// The mean time to the last token when one replica is sent all requests; nothing when none ends.
fn mean_latency(run: &[traffic::Request], config: &Config, cost: &StepCost) -> f64 {
    let Ok(cost) = Quantised::new(cost) else { return 0.0 };
    let Ok(mut replica) = Replica::new(config.clone(), cost) else { return 0.0 };
    let mut ended = Ended::default();
    for (id, r) in run.iter().enumerate() {
        replica.offer(r.at, Request::new(id as u64, r.at, r.input, r.output), &mut ended);
    }
    replica.advance(SimTime::MAX, &mut ended);
    if ended.count == 0 { 0.0 } else { ended.seconds / ended.count as f64 }
}

impl Context<'_, '_> {
    /// A profile whose overhead of the host makes a replay of a timed run as slow as it was measured.
    fn calibrated(&mut self, on: &On<'_>, t: &shape::CalibratedProfile) -> Result<Profile, Diagnostics> {
        let base = match &t.base {
            Some(name) => on.named(name)?,
            None => match on.matching() {
                Some(p) => p.clone(),
                None => on.physics(None)?,
            },
        };
        let mut found = Diagnostics::default();
        let Some(path) = self.env.input(&t.file, &mut found) else { return Err(found) };
        let config = on.config(on.kv_tokens(&base, None)?)?;
        let options = traffic::Options {
            limit: Some(u64::from(t.limit.get())),
            context: Some(config.max_model_len),
            jitter: traffic::Jitter::Off,
            ..traffic::Options::default()
        };
        let name = on.d.name.value.clone();
        let run = traffic::Recorded::open(name, None, &path, options, self.env.sources).map_err(|mut all| {
            for d in all.list.iter_mut().filter(|d| d.at.is_none()) {
                *d = d.clone().at(t.file.at.0, t.file.at.1, "this run");
            }
            all
        })?;
        let wrong = |e: &dyn std::fmt::Display| {
            Diagnostics::from(Diagnostic::error(e.to_string()).at(t.mean.at.0, t.mean.at.1, "as measured"))
        };
        let all = traffic::Traffic::new(vec![run.into()]).map_err(|e| wrong(&e[0]))?;
        let calendar = crate::workload::synth::Calendar::default();
        let streams = crate::kernel::Streams::new(self.seed, 0);
        let run: Vec<traffic::Request> = all.requests(&streams, &calendar, SimTime::ZERO, SimTime::MAX).collect();
        let made = fit::from_trace(&base.cost, t.mean.as_secs_f64(), |cost| mean_latency(&run, &config, cost));
        let made = made.map_err(|e| {
            let d = e.to_diagnostic().at(t.mean.at.0, t.mean.at.1, "as measured");
            Diagnostics::from(d.help("is it the mean time to the last token of exactly these requests on one replica?"))
        })?;
        let source = format!("{}, calibrated on {} requests of {}", base.source, run.len(), t.file.value);
        Ok(Profile {
            name: format!("{} · host {:.3} ms", base.name, made.cost.host).into(),
            cost: made.cost,
            evidence: Evidence::Fitted,
            source: source.into(),
            ..base
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_latency_of_a_replay_is_that_of_its_steps() {
        // Two requests an hour apart, each of ten tokens: ten steps of 20 ms.
        let cost = StepCost { a: 20.0, ..StepCost::default() };
        let at = |s: u64| traffic::Request {
            at: SimTime(s * 1_000_000_000),
            input: 100,
            output: 10,
            session: 0,
            prefix: traffic::PrefixRef::None,
            labels: 0,
            source: 0,
            priority: 0,
        };
        let mean = mean_latency(&[at(0), at(3_600)], &Config::default(), &cost);
        assert!((mean - 0.2).abs() < 1e-9, "{mean}");
    }
}
