//! Use of the GPUs, demand against capacity, the queue.

use maud::{Markup, html};

use super::View;
use crate::outcome::PoolSeries;
use crate::report::chart::add;
use crate::report::html::figure::{Curves, Series};
use crate::report::html::table::{self, maybe, number, text};
use crate::report::words;

/// The most devices with a figure of their own.
const DEVICES: usize = 6;

pub fn body(v: &View<'_>) -> Markup {
    html! { (utilisation(v)) (demand(v)) (nodes(v)) (queue(v)) (waits(v)) }
}

/// A series summed over some pools.
fn sum(pools: &[&PoolSeries], of: impl Fn(&PoolSeries) -> &Vec<f64>) -> Vec<f64> {
    let mut total = Vec::new();
    pools.iter().for_each(|p| add(&mut total, of(p)));
    total
}

fn utilisation(v: &View<'_>) -> Markup {
    let o = v.o;
    let Some((allocated, truth, sampled)) = o.utilisation() else { return html! {} };
    let pools: Vec<&PoolSeries> =
        o.pools.iter().zip(&o.series.pools).filter(|(p, _)| p.unit == "gpu").map(|(_, s)| s).collect();
    let billed = sum(&pools, |p| &p.provisioned);
    let share = |values: Vec<f64>| -> Vec<Option<f64>> {
        values.iter().zip(&billed).map(|(v, b)| (*b > 0.0).then(|| 100.0 * v / b)).collect()
    };
    let series = vec![
        Series::with_gaps("allocated", "sky", share(sum(&pools, |p| &p.allocated))).dash(1),
        Series::with_gaps("as a dashboard samples it", "orange", share(sum(&pools, |p| &p.sampled))).dash(2),
        Series { fill: true, ..Series::with_gaps("at work (true use)", "blue", share(sum(&pools, |p| &p.busy))) },
    ];
    let title = format!(
        "{} of the GPU time that is paid for does work; {} is allocated, and a dashboard shows {}",
        words::percent(truth),
        words::percent(allocated),
        words::percent(sampled)
    );
    Curves::over_time(o, "% of the GPU time billed", "%", series).at_most(100.0).html(
        "utilisation-over-time",
        &title,
        "Use of all pools with GPUs. True use is compute at work; a dashboard counts every moment with a kernel running.",
    )
}

fn demand(v: &View<'_>) -> Markup {
    let o = v.o;
    let mut devices: Vec<&str> = Vec::new();
    // A pool from which nothing was ever asked has nothing to show.
    let asked = |s: &PoolSeries| s.provisioned.iter().chain(&s.requested).any(|v| *v > 0.0);
    let used = o.pools.iter().zip(&o.series.pools).filter(|(p, s)| p.unit == "gpu" && asked(s));
    for (p, _) in used {
        if !devices.contains(&p.device.as_str()) {
            devices.push(&p.device);
        }
    }
    html! {
        div class=(if devices.len() > 1 { "two" } else { "" }) {
            @for (i, device) in devices.iter().take(DEVICES).enumerate() { (of_device(v, i, device)) }
        }
        @if devices.len() > DEVICES {
            p class="small muted" { (devices.len() - DEVICES) " more devices: see timeseries.csv" }
        }
    }
}

fn of_device(v: &View<'_>, i: usize, device: &str) -> Markup {
    let o = v.o;
    let pools: Vec<&PoolSeries> =
        o.pools.iter().zip(&o.series.pools).filter(|(p, _)| p.device == device).map(|(_, s)| s).collect();
    let (provisioned, requested) = (sum(&pools, |p| &p.provisioned), sum(&pools, |p| &p.requested));
    let hours = crate::report::chart::bucket_hours(o);
    let short: f64 =
        requested.iter().zip(&provisioned).zip(&hours).filter(|((r, p), _)| *r > &(*p * 1.005)).map(|(_, h)| h).sum();
    let all: f64 = hours.iter().sum();
    let title = if all > 0.0 && short > 0.0 {
        format!("{device}: more is asked for than there is in {} of the time", words::percent(short / all))
    } else {
        format!("{device}: never more asked for than there is")
    };
    let series = vec![
        Series::new("requested", "vermilion", &requested).dash(1),
        Series::new("provisioned", "slate", &provisioned),
        Series::new("allocated", "sky", &sum(&pools, |p| &p.allocated)).dash(3),
        Series { fill: true, ..Series::new("at work", "blue", &sum(&pools, |p| &p.busy)) },
    ];
    Curves::over_time(o, "GPUs", "GPUs", series).html(
        &format!("capacity-{i}"),
        &title,
        "GPUs asked for (held, and wanted by what waits), billed, held and at work.",
    )
}

/// What an autoscaler of nodes did, where there is one.
fn nodes(v: &View<'_>) -> Markup {
    let Some(n) = &v.o.nodes else { return html! {} };
    let count = |name: &str, n: u64| vec![text(name), number(words::count(n), n as f64)];
    let mut rows = vec![count("nodes launched", n.launched), count("launches refused", n.refused)];
    rows.extend(n.removed.iter().map(|(why, k)| count(&format!("nodes told to go: {why}"), *k)));
    rows.push(count("decisions carried out", n.commands));
    rows.push(count("decisions taken back", n.given_up));
    rows.push(count("pods moved", n.evicted));
    let lost = n.lost_usd.0.to_f64();
    rows.push(vec![text("work lost by moving, USD"), number(words::dollars(lost), lost)]);
    let promised = n.promised_usd_per_hour;
    rows.push(vec![
        text("savings promised by all decisions, USD an hour"),
        number(words::number(promised, 2), promised),
    ]);
    let caption = format!("What {} did", n.by);
    table::table("nodes", caption, vec![table::words("what"), table::numbers("how much")]).rows(rows).html()
}

fn queue(v: &View<'_>) -> Markup {
    let o = v.o;
    let (jobs, gpus) = (&o.series.waiting_jobs, &o.series.waiting_gpus);
    if jobs.iter().all(|j| *j == 0.0) {
        return html! {};
    }
    let peak = (0..jobs.len()).reduce(|a, b| if jobs[b] > jobs[a] { b } else { a }).unwrap_or(0);
    let n =
        words::number(jobs[peak], usize::from(jobs[peak] < 9.95 && (jobs[peak] - jobs[peak].round()).abs() >= 0.05));
    let title = format!(
        "The queue is longest on {}: {n} {} for {} GPUs",
        v.clock.date_time(peak as u64 * o.series.bucket_ns),
        if n == "1" { "job waits" } else { "jobs wait" },
        words::number(gpus.get(peak).copied().unwrap_or(0.0), 0)
    );
    let series = vec![
        Series { fill: true, ..Series::new("jobs waiting", "purple", jobs) },
        Series::new("GPUs that they ask for", "slate", gpus).dash(1),
    ];
    Curves::over_time(o, "jobs, GPUs", "", series).html(
        "queue",
        &title,
        "What waits, averaged over each bucket of time.",
    )
}

fn waits(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("size of job, GPUs"),
        table::numbers("started"),
        table::numbers("wait p50"),
        table::numbers("wait p90"),
        table::numbers("wait p99"),
        table::numbers("longest"),
        table::numbers("still waiting"),
    ];
    let rows = v.o.waits.iter().filter(|c| c.waits.count() + c.still_waiting > 0).map(|c| {
        let q = |p: f64| maybe(c.waits.quantile(p).map(|ns| ns as f64), |ns| words::length(ns as u64));
        let n = c.waits.count();
        vec![
            text(&c.name),
            number(words::count(n), n as f64),
            q(0.5),
            q(0.9),
            q(0.99),
            q(1.0),
            number(words::count(c.still_waiting), c.still_waiting as f64),
        ]
    });
    let caption = v.title("waits", "Who waits");
    table::table("waits", caption, columns).note("waits by size, from arrival to first start").rows(rows).html()
}
