//! Which place of which GPU a pod takes on a node whose GPUs are cut, and what such a node scores.

use std::cmp::Reverse;

use super::{PlacementPolicy, Weights, score};
use crate::catalog::mig::Slices;
use crate::fleet::cut::{Cut, Places, Take};
use crate::fleet::{Free, Gpus, Node};
use crate::policy::mig::{FragTable, GpuOrder, StartOrder};
use crate::workload::Request;

/// Where pods go within the nodes of a pool whose GPUs are cut.
#[derive(Clone, Debug, Default)]
pub struct CutOrders {
    /// Between the GPUs of a node.
    pub gpus: GpuOrder,
    /// Within a GPU, where instances are made.
    pub starts: StartOrder,
    /// Fragmentation under the demand, where instances are made.
    pub table: Option<FragTable>,
}

/// A place of a GPU, and by how much taking it makes what is free there less useful, in thousandths of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub gpus: Gpus,
    /// The growth of fragmentation; 0 where instances are fixed.
    pub growth: i64,
    /// Thousandths of that GPU that are free.
    free: u32,
    /// Whether all of the GPU is.
    idle: bool,
}

impl CutOrders {
    /// The place that a pod of one GPU takes on a node; none where it does not fit. Among equals the GPU of the lowest
    /// index and its first place.
    #[must_use]
    pub fn choose(&self, cut: &Cut, free: &Free, r: &Request) -> Option<Chosen> {
        let t = *cut.take_of(r)?;
        let open = free.words().iter().enumerate().filter_map(|(g, w)| self.on_gpu(cut, t, g, *w));
        match self.gpus {
            GpuOrder::FirstFit => { open }.next(),
            GpuOrder::BestFit => open.min_by_key(|c| c.free),
            GpuOrder::Spread => open.min_by_key(|c| Reverse(c.free)),
            GpuOrder::LeastFragmentation => open.min_by_key(|c| (c.growth, c.free)),
        }
    }

    fn on_gpu(&self, cut: &Cut, t: Take, gpu: usize, word: u16) -> Option<Chosen> {
        let growth = |place: u8| self.growth(cut, &t, word, place);
        let place = match (cut.places(), cut.geometry(), self.starts) {
            (Places::Made, Some(g), StartOrder::NvidiaDriver) => {
                g.profile(t.profile).driver_order.iter().copied().find(|p| cut.has(word, &t, *p))
            }
            (Places::Made, _, StartOrder::LeastFragmentation) => cut.open(word, t).min_by_key(|p| (growth(*p), *p)),
            _ => cut.open(word, t).next(),
        }?;
        let free = cut.free_milli(word);
        Some(Chosen { gpus: Gpus::at(gpu, place), growth: growth(place), free, idle: word == cut.empty() })
    }

    fn growth(&self, cut: &Cut, t: &Take, word: u16, place: u8) -> i64 {
        let (Places::Made, Some(g), Some(table)) = (cut.places(), cut.geometry(), &self.table) else { return 0 };
        let occupied = g.all().without(Slices(word));
        let parts = table.growth(occupied, g.profile(t.profile).at(place));
        parts * 1000 / (table.total().max(1) as i64 * i64::from(g.width()))
    }

    /// The score of a node that the pod fits on.
    #[must_use]
    pub fn score(&self, policy: PlacementPolicy, weights: Weights, node: &Node, cut: &Cut, r: &Request) -> i32 {
        let free = &node.free;
        let chosen = || self.choose(cut, free, r);
        // What it takes here, as a share of a GPU: the scores of nodes that are not cut say the same of a share.
        let r = Request { gpu_milli: cut.milli_of(r) as u16, ..*r };
        match policy {
            PlacementPolicy::Random | PlacementPolicy::FirstFit => 0,
            PlacementPolicy::BestFit => score::best_fit(free, &r),
            PlacementPolicy::DotProduct => score::dot_product(free, &r),
            PlacementPolicy::GpuClustering => score::gpu_clustering(free, &r),
            PlacementPolicy::LeastAllocated => {
                score::least_allocated(&score::demands(&node.capacity, free, &r, weights))
            }
            PlacementPolicy::MostAllocated => score::most_allocated(&score::demands(&node.capacity, free, &r, weights)),
            // As for shares: a GPU in use, the fuller the better, before an idle GPU, before an idle node.
            PlacementPolicy::GpuPacking => match chosen() {
                Some(c) if !c.idle => 100 - (c.free / 20).min(50) as i32,
                Some(_) if free.milli < 1000 * u32::from(free.gpus) => 49,
                _ => 33 - i32::from(free.gpus),
            },
            // The slope of the sigmoid where it is steepest: 25 points a GPU.
            PlacementPolicy::Fgd => match chosen() {
                Some(c) => (50 - c.growth.div_euclid(40)).clamp(0, 100) as i32,
                None => 0,
            },
        }
    }
}
