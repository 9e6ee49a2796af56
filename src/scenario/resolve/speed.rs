//! How fast a training run goes on each pool's device, and whether it fits the device's memory.

use super::context::Context;
use super::prices::placed;
use super::work::nobody_answers;
use crate::catalog::{DeviceId, Evidence};
use crate::formats::Place;
use crate::scenario::decode::Spanned;
use crate::scenario::file::Scenario;
use crate::scenario::file::laws::ShareLaw;
use crate::scenario::file::training as shape;
use crate::scenario::model::Model;
use crate::training::lever::{IN_MFU, Lever, Part, Pulled, pull};
use crate::training::memory::{self, HELD, Held};
use crate::training::speed::{Efficiency, Estimate, NoSpeed, Physics, Row, Speeds, Width, from_physics};
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration, Fraction};

/// The work of a run and how fast each pool does it.
pub(super) struct Going {
    /// On the reference device.
    pub work: Duration,
    /// By pool, relative to the reference.
    pub speed: Vec<f64>,
    /// Share of the time that it waits for input.
    pub stall: Fraction,
    /// Factor on the bytes of activations.
    pub activations: f64,
}

/// The gang whose speed is asked for.
pub(super) struct Gang {
    pub nodes: u32,
    /// GPUs of a node; 0 for nodes without.
    pub per_node: u32,
    /// Pools that it may be in, by index.
    pub pools: Vec<usize>,
}

impl Gang {
    pub fn gpus(&self) -> u32 {
        self.nodes.saturating_mul(self.per_node)
    }
}

pub(super) fn evidence(g: &shape::Grade) -> Evidence {
    match g {
        shape::Grade::Measured => Evidence::Measured,
        shape::Grade::Fitted => Evidence::Fitted,
        shape::Grade::Prior => Evidence::Prior,
        shape::Grade::Guess => Evidence::Guess,
    }
}

fn levers(list: &[Spanned<shape::Lever>]) -> Vec<Lever> {
    let one = |l: &Spanned<shape::Lever>| match &l.value {
        shape::Lever::MixedPrecision => Lever::mixed_precision(),
        shape::Lever::BatchSize(b) => Lever::batch(b.times, b.speed, evidence(&b.grade), b.source.clone()),
        shape::Lever::InputPrefetch => Lever::input_prefetch(),
        shape::Lever::AttentionKernels(a) => Lever::attention_kernels(a.sequence.get(), a.head_dim.get()),
        shape::Lever::ActivationCheckpointing(l) => Lever::activation_checkpointing(l.layers.get()),
        shape::Lever::Other(o) => Lever {
            activations: o.activations,
            stall: o.stall.get(),
            ..Lever::new(o.name.clone(), Part::Other, o.speed, evidence(&o.grade), o.source.clone())
        },
    };
    list.iter().map(one).collect()
}

impl Context<'_, '_> {
    /// The work and the speeds of a training run.
    pub(super) fn going(
        &mut self,
        s: &Scenario,
        t: &shape::Training,
        gang: &Gang,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Going> {
        let by_time = matches!(*t.work, shape::TrainingWork::Time(_));
        one_way_to_say_it(t, out)?;
        let reckoned = !by_time && t.throughput.is_empty();
        let pulled = self.pulled(t, reckoned, out)?;
        let amount = |v: f64, what: &str, out: &mut Diagnostics| {
            let fine = v.is_finite() && v > 0.0;
            if !fine {
                out.push(Diagnostic::error(format!("{v} {what} to do")).at(t.work.at.0, t.work.at.1, "above 0"));
            }
            fine.then_some(v)
        };
        let (work, speed) = match &*t.work {
            shape::TrainingWork::Time(d) => {
                if d.0 == 0 {
                    out.push(Diagnostic::error("no work to do").at(t.work.at.0, t.work.at.1, "above 0"));
                    return None;
                }
                let speed = self.speeds(s, &t.speed, model, out)?;
                (d.as_secs_f64(), speed)
            }
            shape::TrainingWork::Tokens(n) => {
                let rates = self.rates(t, gang, 6.0, out)?;
                relative(amount(*n, "tokens", out)?, &rates, gang, model)
            }
            shape::TrainingWork::Flops(n) => {
                let rates = self.rates(t, gang, 1.0, out)?;
                relative(amount(*n, "operations", out)?, &rates, gang, model)
            }
        };
        let seconds = work / pulled.speed;
        let limit = 3600.0 * 24.0 * 365.0 * 100.0;
        if !(seconds > 0.0 && seconds < limit) {
            out.push(
                Diagnostic::error(format!("`{}` would compute for {:.0} years", *t.name, seconds / 3600.0 / 8760.0))
                    .at(t.work.at.0, t.work.at.1, "so much is a slip")
                    .help("check the work, and the throughput or the parameters"),
            );
            return None;
        }
        // A stated time stays what it is to the nanosecond where no lever pulls at it.
        let exact = match &*t.work {
            shape::TrainingWork::Time(d) if pulled.speed == 1.0 => *d,
            _ => Duration::from_secs_f64(seconds),
        };
        Some(Going { work: exact, speed, stall: pulled.stall, activations: pulled.activations })
    }

    fn pulled(&mut self, t: &shape::Training, reckoned: bool, out: &mut Diagnostics) -> Option<Pulled> {
        let at = t.levers.first().map_or(t.name.at, |l| l.at);
        let stall = match &*t.use_of_gpu.stalled {
            ShareLaw::Constant(f) => *f,
            ShareLaw::Uniform(a, b) => Fraction::new(0.5 * (a.get() + b.get())).unwrap_or(*a),
        };
        let included: &[Part] = if reckoned { &IN_MFU } else { &[] };
        match pull(&levers(&t.levers), stall, included) {
            Ok(mut p) => {
                for w in std::mem::take(&mut p.warnings) {
                    out.push(Diagnostic { at: Some(at), ..w });
                }
                if let Some(e) = p.evidence {
                    self.note(format!("levers of {}", *t.name), e.key(), "published factors or the scenario's own");
                }
                Some(p)
            }
            Err(e) => {
                out.push(e.to_diagnostic().at(at.0, at.1, "these levers"));
                None
            }
        }
    }

    /// Units of work a second on each of the gang's pools.
    fn rates(
        &mut self,
        t: &shape::Training,
        gang: &Gang,
        flop_per_unit: f64,
        out: &mut Diagnostics,
    ) -> Option<Vec<f64>> {
        let efficiency = match efficiency(t) {
            Ok(e) => e,
            Err(e) => {
                out.push(e.to_diagnostic().at(t.parallel.at.0, t.parallel.at.1, "of this table"));
                return None;
            }
        };
        let table = self.table(t, efficiency.clone(), out)?;
        let mut rates = Vec::new();
        let mut told: Vec<(&str, Estimate)> = Vec::new();
        let facts = self.facts.clone();
        for p in &gang.pools {
            let f = &facts[*p];
            let Some(device) = &f.device else {
                out.push(
                    Diagnostic::error(format!("`{}` would train on nodes without GPUs", *t.name))
                        .at(t.work.at.0, t.work.at.1, "tokens and operations need a device")
                        .help("give its work as time: work: Time(\"72h\")"),
                );
                return None;
            };
            let id: DeviceId = self.env.catalog.devices.find(device.name).ok()?;
            let measured = table.as_ref().map(|table| table.at(id, gang.gpus()));
            let estimate = match (measured, &t.physics) {
                (Some(Ok(e)), _) => Ok(e),
                (Some(Err(NoSpeed::NoRow { .. })) | None, Some(ph)) => {
                    let tokens = flop_per_unit > 1.0;
                    let params = match (&ph.params, tokens) {
                        (Some(n), true) => **n,
                        (None, true) => {
                            out.push(
                                Diagnostic::error(format!("`{}` counts tokens of a model of unknown size", *t.name))
                                    .at(ph.mfu.at.0, ph.mfu.at.1, "field `params` is missing")
                                    .help("for example physics: (params: 70e9)"),
                            );
                            return None;
                        }
                        (_, false) => 1.0,
                    };
                    let width = match ph.dtype {
                        shape::Dtype::Bf16 => Width::Bits16,
                        shape::Dtype::Fp8 => Width::Bits8,
                    };
                    let what =
                        Physics { flop_per_token: flop_per_unit, width, mfu: ph.mfu.get(), ..Physics::new(params) };
                    from_physics(&what, device, gang.gpus(), efficiency.as_ref())
                }
                (Some(Err(e)), _) => Err(e),
                (None, None) => {
                    out.push(
                        Diagnostic::error(format!("how fast is `{}`?", *t.name))
                            .at(t.work.at.0, t.work.at.1, "work without a speed")
                            .help("give measured throughputs: throughput: [(device: \"H100\", gpus: 64, tokens_per_s: 2.1e5)]")
                            .help("or reckon it from the device's peak: physics: (params: 70e9)"),
                    );
                    return None;
                }
            };
            match estimate {
                Ok(e) => {
                    rates.push(e.per_second);
                    if !told.iter().any(|(d, _)| *d == device.name) {
                        told.push((device.name, e));
                    }
                }
                Err(NoSpeed::NoRow { .. }) => {
                    let at = t.throughput.first().map_or(t.work.at, |r| r.device.at);
                    out.push(
                        Diagnostic::error(format!("no throughput of `{}` on {}", *t.name, device.name))
                            .at(at.0, at.1, "none is for this device")
                            .help("add a row for it, or `physics` to reckon from its peak"),
                    );
                    return None;
                }
                Err(e) => {
                    let at = t.physics.as_ref().map_or(t.work.at, |p| p.params.as_ref().map_or(p.mfu.at, |n| n.at));
                    out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, format!("on {}", device.name)));
                    return None;
                }
            }
        }
        let at: Place = t.throughput.first().map_or(t.work.at, |r| r.gpus.at);
        for (device, e) in told {
            for w in e.warnings {
                out.push(Diagnostic { at: Some(at), ..w });
            }
            self.note(format!("speed of {} on {device}", *t.name), e.evidence.key(), e.source);
        }
        Some(rates)
    }

    fn table(
        &self,
        t: &shape::Training,
        efficiency: Option<Efficiency>,
        out: &mut Diagnostics,
    ) -> Option<Option<Speeds>> {
        if t.throughput.is_empty() {
            return Some(None);
        }
        let mut rows = Vec::new();
        for r in &t.throughput {
            let device = match self.env.catalog.devices.find(&r.device) {
                Ok(id) => id,
                Err(e) => {
                    out.push(placed(&e, &r.device));
                    return None;
                }
            };
            rows.push(Row {
                device,
                gpus: r.gpus.get(),
                per_second: *r.tokens_per_s,
                evidence: evidence(&r.grade),
                source: r.source.clone(),
            });
        }
        match Speeds::new(rows, efficiency) {
            Ok(s) => Some(Some(s)),
            Err(e) => {
                let at = match &e {
                    NoSpeed::Twice { gpus, .. } => {
                        t.throughput.iter().rev().find(|r| r.gpus.get() == *gpus).map(|r| r.gpus.at)
                    }
                    _ => t
                        .throughput
                        .iter()
                        .find(|r| r.tokens_per_s.is_nan() || *r.tokens_per_s <= 0.0)
                        .map(|r| r.tokens_per_s.at),
                };
                let at = at.unwrap_or(t.throughput[0].tokens_per_s.at);
                out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "this throughput"));
                None
            }
        }
    }

    /// Speeds by device, as a factor for each pool.
    pub(super) fn speeds(
        &self,
        s: &Scenario,
        list: &[(Spanned<String>, Spanned<f64>)],
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Vec<f64>> {
        let mut speed = vec![1.0; model.pools.len()];
        for (device, factor) in list {
            let pools = self.answering(s, model, device);
            if pools.is_empty() {
                out.push(nobody_answers(device, model));
            }
            if !(factor.is_finite() && **factor > 0.0 && **factor <= 1e6) {
                out.push(Diagnostic::error(format!("a speed of {}", **factor)).at(
                    factor.at.0,
                    factor.at.1,
                    "above 0, at most 1e6",
                ));
                return None;
            }
            for p in pools.iter() {
                speed[p.0 as usize] = **factor;
            }
        }
        Some(speed)
    }

    /// GPU memory that a run needs, checked against the devices of its pools; MiB.
    pub(super) fn memory(
        &self,
        need: &Spanned<shape::MemoryNeed>,
        gang: &Gang,
        activations: f64,
        out: &mut Diagnostics,
    ) -> Option<u64> {
        let recipe = |key: &str| HELD.iter().find(|h| h.key == key).copied();
        let held: Held = match need.held {
            shape::Held::Bf16Adam => recipe("bf16_adam"),
            shape::Held::Fp32Adam => recipe("fp32_adam"),
            shape::Held::Fp32Momentum => recipe("fp32_momentum"),
            shape::Held::Adam8bit => recipe("adam_8bit"),
        }?;
        let what = memory::Training {
            params: *need.params,
            held,
            frozen: need.frozen,
            sharding: match need.sharding {
                shape::Sharding::Nothing => memory::Sharding::Nothing,
                shape::Sharding::Optimizer => memory::Sharding::Optimizer,
                shape::Sharding::Gradients => memory::Sharding::Gradients,
                shape::Sharding::Everything => memory::Sharding::Everything,
            },
            activations: Bytes((need.activations.0 as f64 * activations).ceil() as u64),
            reserve: need.reserve,
        };
        let at = need.params.at;
        let mut seen: Vec<&str> = Vec::new();
        let mut fits = true;
        for p in &gang.pools {
            let Some(device) = &self.facts[*p].device else { continue };
            if seen.contains(&device.name) {
                continue;
            }
            seen.push(device.name);
            match what.complaint(&self.env.catalog.devices, device, gang.gpus()) {
                Ok(None) => {}
                Ok(Some(d)) => {
                    fits = false;
                    out.push(d.at(at.0, at.1, "does not fit"));
                }
                Err(e) => {
                    fits = false;
                    out.push(e.to_diagnostic().at(at.0, at.1, "of this need"));
                    break;
                }
            }
        }
        if !fits {
            return None;
        }
        what.per_gpu(gang.gpus().max(1)).ok().map(|b| b.mib_ceil())
    }
}

/// Time has its own speeds; tokens and operations have rates.
fn one_way_to_say_it(t: &shape::Training, out: &mut Diagnostics) -> Option<()> {
    let by_time = matches!(*t.work, shape::TrainingWork::Time(_));
    let flops = matches!(*t.work, shape::TrainingWork::Flops(_));
    if by_time && (!t.throughput.is_empty() || t.physics.is_some()) {
        out.push(
            Diagnostic::error(format!("the work of `{}` is a time, which has its speed in it", *t.name))
                .at(t.work.at.0, t.work.at.1, "with `throughput` or `physics` beside it")
                .help("give the work as Tokens(…), or other devices' speed by `speed`"),
        );
        return None;
    }
    if !by_time && let Some((device, _)) = t.speed.first() {
        out.push(
            Diagnostic::error(format!("`speed` of `{}` is for work that is given as time", *t.name))
                .at(device.at.0, device.at.1, "not for tokens or operations")
                .help("give a throughput for each device: throughput: [(device: …, gpus: …, tokens_per_s: …)]"),
        );
        return None;
    }
    if flops && !t.throughput.is_empty() {
        out.push(
            Diagnostic::error(format!("the throughputs of `{}` count tokens, and its work operations", *t.name))
                .at(t.work.at.0, t.work.at.1, "give the work as Tokens(…)")
                .help("or reckon from the device's peak: physics: ()"),
        );
        return None;
    }
    Some(())
}

fn efficiency(t: &shape::Training) -> Result<Option<Efficiency>, crate::training::Impossible> {
    if t.parallel.is_empty() {
        return Ok(None);
    }
    let points = t.parallel.iter().map(|(n, e)| (*n, e.get())).collect();
    Efficiency::new(points, Evidence::Prior).map(Some)
}

/// Seconds on the first pool, and the others relative to it.
fn relative(amount: f64, rates: &[f64], gang: &Gang, model: &Model) -> (f64, Vec<f64>) {
    let reference = rates.first().copied().unwrap_or(1.0);
    let mut speed = vec![1.0; model.pools.len()];
    for (p, rate) in gang.pools.iter().zip(rates) {
        speed[*p] = rate / reference;
    }
    (amount / reference, speed)
}
