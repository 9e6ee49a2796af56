//! The outcome of a service.

use super::DeploymentState;
use crate::kernel::Buckets;
use crate::outcome::service::{
    DeploymentOutcome, DeploymentSeries, LabelUse, LatencyOutcome, Promise, RequestCounts, ServiceOutcome,
    ServiceSeries, SloOutcome, TokenCounts,
};
use crate::outcome::{Charge, ChargeKind, Exact, Money};
use crate::scenario::model::service::Deployment;
use crate::serving::front::tally::Bucket;
use crate::sim::world::World;
use crate::units::{Activity, Usd};

impl World<'_, '_> {
    /// What became of each service, by workload. The replicas' time has been booked until the end.
    pub fn close_services(&mut self, charges: &[Charge], lengths: &[f64]) -> Vec<(u16, ServiceOutcome)> {
        let end = self.window.1;
        let services = std::mem::take(&mut self.services);
        let mut out = Vec::new();
        for mut s in services {
            let model = s.model;
            if let Some(f) = s.front.fault() {
                self.tally.notices.push(format!(
                    "requests of {} end early: their file has changed ({})",
                    self.model.work[model.work as usize].name, f.message
                ));
            }
            s.deployments.iter_mut().for_each(|d| d.tally.roll());
            let preemptions: Vec<u64> = model.deployments.iter().map(|d| s.front.lane(d.lane).preemptions).collect();
            let closed = s.front.close(end);
            let (c, t) = (closed.counts, closed.latency);
            let requests = RequestCounts {
                in_flight_at_start: c.in_flight_at_start,
                sent: c.sent,
                answered: c.answered,
                from_cache: c.from_cache,
                refused: c.refused,
                limited: c.limited,
                timed_out: c.timed_out,
                failed: c.failed,
                in_flight_at_end: closed.in_flight_at_end,
                retries: c.retries,
                wrong_answers: c.wrong,
                shadowed: c.shadowed,
            };
            let slo = &model.slo;
            let promised = [(Promise::Ttft, slo.ttft), (Promise::Tpot, slo.tpot), (Promise::E2e, slo.e2e)];
            let mut kept: Vec<SloOutcome> = promised
                .into_iter()
                .zip(closed.promises)
                .filter_map(|((what, o), k)| {
                    let o = o?;
                    Some(SloOutcome { what, within_ns: o.within.0, share: o.share, met: k.met, of: k.of })
                })
                .collect();
            let due = closed.promises[3];
            if due.of > 0 {
                // A deadline is for every request.
                kept.push(SloOutcome { what: Promise::Deadline, within_ns: 0, share: 1.0, met: due.met, of: due.of });
            }
            let work = &self.model.work[model.work as usize];
            let sets = model.traffic.label_sets();
            let by_label = closed
                .used
                .iter()
                .enumerate()
                .filter(|(_, u)| u.requests > 0)
                .map(|(i, u)| {
                    let account = &self.accounts.get(self.accounts.account(model.work, 1 + i as u16)).labels;
                    let mine = |c: &&Charge| c.workload.as_deref() == Some(&work.name) && c.labels == *account;
                    // Sets that come to the same labels share a line of the bill: its first has it.
                    let first = (0..i).all(|j| {
                        sets[j] != sets[i]
                            && self.accounts.get(self.accounts.account(model.work, 1 + j as u16)).labels != *account
                    });
                    let own = self.accounts.get(self.accounts.account(model.work, 0)).labels == *account;
                    // Labels of requests that are the service's own share its line too: the work there is theirs, and the
                    // start-up and the idleness are not.
                    let worked = |c: &&Charge| !own || c.kind == ChargeKind::Activity(Activity::Productive);
                    let usd: Usd = if first {
                        charges.iter().filter(mine).filter(worked).map(|c| c.usd.0).sum()
                    } else {
                        Usd::ZERO
                    };
                    LabelUse {
                        labels: account.clone(),
                        requests: u.requests,
                        good: u.good,
                        input: u.input,
                        output: u.output,
                        usd: Money(usd),
                    }
                })
                .collect();
            let mut buckets = std::mem::take(&mut s.buckets);
            buckets.push(closed.last);
            buckets.truncate(lengths.len());
            let average =
                |b: Buckets| -> Vec<f64> { b.finish().iter().zip(lengths).map(|(v, l)| *v as f64 / l).collect() };
            let mut tokens =
                TokenCounts { input: c.input, input_cached: c.cached, output: c.output, ..TokenCounts::default() };
            (tokens.prefilled, tokens.produced) = (s.computed_tokens.0, s.computed_tokens.1);
            let rate =
                |f: fn(&Bucket) -> u64| buckets.iter().zip(lengths).map(|(b, l)| f(b) as f64 / (l / 1e9)).collect();
            let quantile = |i: usize, high: bool| -> Vec<Option<f64>> {
                let pick = |q: (u64, u64)| (if high { q.1 } else { q.0 }) as f64 / 1e9;
                buckets.iter().map(|b| b.quantiles[i].map(pick)).collect()
            };
            let mut usd = s.usd_series;
            usd.push(s.usd_recent);
            usd.truncate(lengths.len());
            let (deployments, series): (Vec<_>, Vec<_>) = model
                .deployments
                .iter()
                .zip(s.deployments)
                .zip(preemptions)
                .map(|((d, state), preemptions)| self.close_deployment(d, state, preemptions, lengths))
                .unzip();
            let series = ServiceSeries {
                sent: buckets.iter().map(|b| b.sent).collect(),
                concluded: buckets.iter().map(|b| b.concluded).collect(),
                good: buckets.iter().map(|b| b.good).collect(),
                lost: buckets.iter().map(|b| b.lost).collect(),
                ttft_p50: quantile(0, false),
                ttft_p99: quantile(0, true),
                tpot_p50: quantile(1, false),
                tpot_p99: quantile(1, true),
                e2e_p50: quantile(2, false),
                e2e_p99: quantile(2, true),
                in_system: average(closed.in_system_series),
                queued: average(closed.queued_series),
                input_per_s: rate(|b| b.input),
                output_per_s: rate(|b| b.output),
                deployments: series,
                usd,
            };
            let law = [closed.in_system, closed.queued];
            out.push((
                model.work,
                ServiceOutcome {
                    requests,
                    tokens,
                    latency: LatencyOutcome {
                        ttft: t.ttft,
                        ttft_from_admission: t.ttft_from_admission,
                        wait: t.wait,
                        tpot: t.tpot,
                        itl_ps: t.itl_ps,
                        e2e: t.e2e,
                    },
                    slo: kept,
                    good: c.good,
                    in_system_ns: Exact(law[0].0),
                    stayed_ns: Exact(law[0].1),
                    queued_ns: Exact(law[1].0),
                    waited_ns: Exact(law[1].1),
                    by_label,
                    deployments,
                    rollouts: s.steps,
                    series,
                },
            ));
        }
        out
    }

    fn close_deployment(
        &self,
        d: &Deployment,
        state: DeploymentState,
        preemptions: u64,
        lengths: &[f64],
    ) -> (DeploymentOutcome, DeploymentSeries) {
        let (from, end) = self.window;
        let mut t = state.tally;
        t.desired_series.add(t.desired_since, end, u64::from(state.desired));
        let span = (end - from).0.max(1) as f64;
        let average = |b: Buckets| -> Vec<f64> { b.finish().iter().zip(lengths).map(|(v, l)| *v as f64 / l).collect() };
        let profiles = d
            .engines
            .iter()
            .zip(&self.model.pools)
            .filter_map(|(e, p)| Some(format!("{}: {}", p.name, e.as_deref()?.profile)))
            .collect();
        let mut kv_use = t.kv_series;
        kv_use.truncate(lengths.len());
        let mut busy: Vec<f64> = t.busy_series.iter().zip(lengths).map(|(b, l)| *b as f64 / l).collect();
        busy.truncate(lengths.len());
        let outcome = DeploymentOutcome {
            name: d.name.clone(),
            model: d.model.clone(),
            role: d.role.key().to_owned(),
            profiles,
            gpus: u32::from(d.request.gpus) * u32::from(d.pods),
            desired_mean: t.desired.total(end) as f64 / span,
            ready_mean: t.ready_ns as f64 / span,
            ready_max: t.ready_max,
            ready_ns: Exact(t.ready_ns),
            busy_ns: Exact(t.busy_ns),
            created: t.created,
            started: t.started,
            removed: t.removed,
            lost: t.lost,
            stages: t.stages.to_vec(),
            start_up: t.start_up,
            preemptions,
            kv_use_mean: if t.kv.1 > 0 { t.kv.0 / t.kv.1 as f64 } else { 0.0 },
            kv_use_max: t.kv_max,
            prefill_share: if t.step_ps > 0 { t.prompt_ps as f64 / t.step_ps as f64 } else { 0.0 },
            scalings: t.scalings,
        };
        let series = DeploymentSeries {
            desired: average(t.desired_series),
            ready: average(t.ready_series),
            starting: average(t.starting_series),
            busy,
            kv_use,
        };
        (outcome, series)
    }
}
