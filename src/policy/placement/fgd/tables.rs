//! FGD's numbers from look-ups.
//!
//! With T the milli-GPU free on a node, g₁…g_k what is free on its GPUs and w the weights, the definition rearranges to
//!
//! Σ w·F = T·Σ w − Σ_i g_i·A(pool, cpu, g_i) − 1000·n·B(pool, cpu, n)
//!
//! where A is the weight of the pods of one GPU (or part of one) that fit on GPU i, B that of the pods of several whole
//! GPUs that fit on the node, and n its count of idle GPUs. A and B step only at the CPU and GPU sizes that typical
//! pods ask for, so a node costs one search among the CPU sizes and two look-ups a GPU.

use super::TypicalPods;
use crate::fleet::{Free, Gpus, MAX_GPUS, PoolId, PoolSet};
use crate::workload::Request;

const MULTI: usize = MAX_GPUS + 1;

/// Tables for one set of typical pods.
#[derive(Clone, Debug)]
pub struct Tables {
    weight: i64,
    /// CPU sizes of typical GPU pods, ascending.
    cpu: Vec<u32>,
    /// Per amount free on a GPU: how many of the single-GPU sizes it reaches.
    level: Box<[u16; 1001]>,
    levels: usize,
    /// Per pool: which of the rows below is its own (pools that the same pods accept share one).
    class: [u8; PoolSet::MAX],
    /// A, by pool class, CPU step and level.
    single: Vec<i64>,
    /// 1000·n·B, by pool class, CPU step and idle GPUs.
    multi: Vec<i64>,
    /// `steps[s − 1]`: the least gain that scores `s`.
    steps: Vec<i64>,
}

/// A and 1000·n·B for one pool and one amount of CPU.
#[derive(Clone, Copy)]
struct Row<'a> {
    single: &'a [i64],
    multi: &'a [i64],
    level: &'a [u16; 1001],
}

impl Row<'_> {
    /// What typical pods can use of a GPU with `g` free, weighted.
    #[inline]
    fn usable(&self, g: u16) -> i64 {
        i64::from(g) * self.single[usize::from(self.level[usize::from(g.min(1000))])]
    }
}

impl Tables {
    /// Tables that give what `typical` defines.
    #[must_use]
    pub fn new(typical: &TypicalPods) -> Tables {
        let pods: Vec<_> = typical.pods().iter().filter(|p| p.target.request.gpus > 0).collect();
        let sorted = |mut v: Vec<u32>| {
            v.sort_unstable();
            v.dedup();
            v
        };
        let cpu = sorted(pods.iter().map(|p| p.target.request.cpu_milli).collect());
        let one = |r: &Request| r.gpus == 1;
        let sizes = pods.iter().map(|p| p.target.request).filter(one).map(|r| u32::from(r.gpu_milli));
        let sizes = sorted(sizes.collect());
        let levels = sizes.len() + 1;
        let level = std::array::from_fn(|g| sizes.partition_point(|s| *s as usize <= g) as u16);

        // Pools are told apart by which typical pods they accept.
        let accepts = |pool: u16| -> Vec<bool> { pods.iter().map(|p| p.target.pools.has(PoolId(pool))).collect() };
        let mut kinds: Vec<Vec<bool>> = Vec::new();
        let class = std::array::from_fn(|pool| {
            let row = accepts(pool as u16);
            let known = kinds.iter().position(|k| *k == row);
            known.unwrap_or_else(|| {
                kinds.push(row);
                kinds.len() - 1
            }) as u8
        });

        let rows = kinds.len() * (cpu.len() + 1);
        let mut single = vec![0; rows * levels];
        let mut multi = vec![0; rows * MULTI];
        for (k, kind) in kinds.iter().enumerate() {
            for step in 0..=cpu.len() {
                let row = k * (cpu.len() + 1) + step;
                let runs = |i: usize, r: &Request| kind[i] && cpu[..step].binary_search(&r.cpu_milli).is_ok();
                for (i, p) in pods.iter().enumerate().filter(|(i, p)| runs(*i, &p.target.request)) {
                    debug_assert!(kind[i]);
                    let (r, w) = (&p.target.request, i64::from(p.weight));
                    if r.gpus == 1 {
                        let from = usize::from(level_of(&sizes, r.gpu_milli));
                        single[row * levels + from..(row + 1) * levels].iter_mut().for_each(|a| *a += w);
                    } else {
                        for idle in usize::from(r.gpus).min(MULTI)..MULTI {
                            multi[row * MULTI + idle] += 1000 * idle as i64 * w;
                        }
                    }
                }
            }
        }
        let weight = typical.pods().iter().map(|p| i64::from(p.weight)).sum();
        Tables { weight, cpu, level: Box::new(level), levels, class, single, multi, steps: steps(typical) }
    }

    #[inline]
    fn row(&self, pool: PoolId, cpu_milli: u32) -> Row<'_> {
        let step = self.cpu.partition_point(|c| *c <= cpu_milli);
        let row = usize::from(self.class[usize::from(pool.0)]) * (self.cpu.len() + 1) + step;
        Row {
            single: &self.single[row * self.levels..(row + 1) * self.levels],
            multi: &self.multi[row * MULTI..(row + 1) * MULTI],
            level: &self.level,
        }
    }

    /// [`TypicalPods::fragmentation`].
    #[must_use]
    pub fn fragmentation(&self, free: &Free, pool: PoolId) -> i64 {
        let row = self.row(pool, free.cpu_milli);
        let usable: i64 = free.gpu[..usize::from(free.gpus)].iter().map(|g| row.usable(*g)).sum();
        self.weight * i64::from(free.milli) - usable - row.multi[usize::from(free.whole)]
    }

    /// [`TypicalPods::score_of`].
    #[inline]
    #[must_use]
    pub fn score_of(&self, gain: i64) -> i32 {
        self.steps.partition_point(|s| *s <= gain) as i32
    }

    /// The gain of taking `r` from GPU `i` of a node, less what is the same for each of its GPUs.
    #[inline]
    fn share_gain(row: &Row<'_>, free: &Free, r: &Request, g: u16) -> i64 {
        row.usable(g - r.gpu_milli) - row.usable(g) + row.multi[usize::from(free.whole - u8::from(g == 1000))]
    }

    /// What is the same for each GPU that a share could take: with `before` = [`fragmentation`](Self::fragmentation).
    #[inline]
    fn share_base(&self, row: &Row<'_>, free: &Free, r: &Request, before: i64) -> i64 {
        let usable: i64 = free.gpu[..usize::from(free.gpus)].iter().map(|g| row.usable(*g)).sum();
        before - self.weight * i64::from(free.milli - u32::from(r.gpu_milli)) + usable
    }

    /// The score of [`TypicalPods::place`] for a request that fits; `before` is the node's
    /// [`fragmentation`](Self::fragmentation).
    #[inline]
    #[must_use]
    pub fn score(&self, free: &Free, pool: PoolId, r: &Request, before: i64) -> i32 {
        let row = self.row(pool, free.cpu_milli - r.cpu_milli);
        let gpus = &free.gpu[..usize::from(free.gpus)];
        if r.is_share() {
            let mut best = i64::MIN;
            let mut usable = 0;
            for g in gpus {
                usable += row.usable(*g);
                if *g >= r.gpu_milli {
                    best = best.max(Tables::share_gain(&row, free, r, *g));
                }
            }
            let base = before - self.weight * i64::from(free.milli - u32::from(r.gpu_milli)) + usable;
            return self.score_of(base + best);
        }
        let usable: i64 = gpus.iter().map(|g| row.usable(*g)).sum();
        let usable = usable - i64::from(r.gpus) * row.usable(1000) * i64::from(r.gpus > 0);
        let after = self.weight * i64::from(free.milli - r.total_milli())
            - usable
            - row.multi[usize::from(free.whole - if r.gpus > 0 { r.gpus } else { 0 })];
        self.score_of(before - after)
    }

    /// The GPU that [`TypicalPods::place`] picks for a share that fits: the first of the best score.
    #[must_use]
    pub fn pick(&self, free: &Free, pool: PoolId, r: &Request, before: i64) -> Option<Gpus> {
        let row = self.row(pool, free.cpu_milli - r.cpu_milli);
        let base = self.share_base(&row, free, r, before);
        let mut best: Option<(i32, usize)> = None;
        for (i, g) in free.gpu[..usize::from(free.gpus)].iter().enumerate().filter(|(_, g)| **g >= r.gpu_milli) {
            let score = self.score_of(base + Tables::share_gain(&row, free, r, *g));
            if best.is_none_or(|b| score > b.0) {
                best = Some((score, i));
            }
        }
        best.map(|(_, i)| Gpus::of(1 << i))
    }
}

fn level_of(sizes: &[u32], milli: u16) -> u16 {
    sizes.partition_point(|s| *s <= u32::from(milli)) as u16
}

/// Where the score steps up. Beyond ±40 GPUs the sigmoid is 0 or 1 in a float.
fn steps(typical: &TypicalPods) -> Vec<i64> {
    let far = 40_000 * i64::from(typical.denominator());
    (1..=100)
        .map(|s| {
            let (mut low, mut high) = (-far, far);
            // `low` scores less than `s`, `high` at least `s`.
            while high - low > 1 {
                let mid = low + (high - low) / 2;
                if typical.score_of(mid) >= s { high = mid } else { low = mid }
            }
            high
        })
        .collect()
}
