//! Nodes whose GPUs are cut: the engine against a scan, and the grid against [`MigGpu`], over random histories.

use std::sync::Arc;

use proptest::prelude::*;

use super::fgd::tests::upstream;
use super::*;
use crate::catalog::mig::{Geometry, ProfileId, find};
use crate::fleet::cut::{Cut, Places};
use crate::fleet::mig::{InstanceId, MigGpu, Phase, Placement};
use crate::fleet::{Capacity, Fleet, Gpus, IslandId, NodeId, NodeState, PoolId};
use crate::policy::mig::{FragTable, GpuOrder, Mix, StartOrder};

const NODE: Capacity = Capacity { cpu_milli: 32_000, mem_mib: 3000, gpus: 3 };

fn geometry() -> &'static Arc<Geometry> {
    find("H100").expect("it has MIG")
}

fn id(word: &str) -> ProfileId {
    geometry().find(word).expect("a profile")
}

/// Pool 0 is whole, 1 has a fixed layout, 2 is cut on demand, 3 by turns.
fn cut(pool: u16) -> Option<Arc<Cut>> {
    let profiles = [None, Some(id("1g.10gb")), Some(id("3g.40gb")), Some(id("1g.20gb")), Some(id("7g.80gb"))];
    let fixed = vec![(id("3g.40gb"), 0), (id("1g.10gb"), 4), (id("1g.10gb"), 5), (id("1g.20gb"), 6)];
    match pool {
        1 => Some(Arc::new(Cut::instances(geometry(), Places::Fixed(fixed), &profiles))),
        2 => Some(Arc::new(Cut::instances(geometry(), Places::Made, &profiles))),
        3 => Some(Arc::new(Cut::turns(3))),
        _ => None,
    }
}

fn shapes() -> Vec<Target> {
    let mut all = Vec::new();
    let cut = PoolSet::only(PoolId(1)).with(PoolId(2));
    for slice in 1..=4 {
        for cpu in [500, 6000] {
            let request = Request { cpu_milli: cpu, mem_mib: 20, gpus: 1, gpu_milli: 250, slice };
            all.push(Target { request, pools: cut });
        }
        all.push(Target {
            request: Request { gpus: 1, gpu_milli: 125, slice, ..Request::default() },
            pools: PoolSet::only(PoolId(2)),
        });
    }
    // Of pools whose GPUs are not cut only requests without a slice may say so.
    for (gpus, gpu_milli) in [(1, 1000), (1, 400), (2, 1000), (0, 0)] {
        let request = Request { cpu_milli: 2000, mem_mib: 20, gpus, gpu_milli, slice: 0 };
        all.push(Target { request, pools: PoolSet::ALL });
    }
    all
}

/// A node as its GPUs' instances have it, beside what the fleet says.
enum Truth {
    Whole,
    Fixed(Vec<MigGpu>),
    Made(Vec<MigGpu>),
    Turns(Vec<u8>),
}

impl Truth {
    fn of(pool: u16) -> Truth {
        let gpus = usize::from(NODE.gpus);
        match pool {
            1 => {
                let mut g = MigGpu::new(geometry().clone());
                let cut = cut(1).expect("it is cut");
                let Places::Fixed(layout) = cut.places() else { unreachable!() };
                for (p, s) in layout {
                    g.create(*p, *s).expect("a legal layout");
                }
                Truth::Fixed(vec![g; gpus])
            }
            2 => Truth::Made(vec![MigGpu::new(geometry().clone()); gpus]),
            3 => Truth::Turns(vec![3; gpus]),
            _ => Truth::Whole,
        }
    }

    /// Whether a pod of one GPU finds a place, and how many would; `None` where the node is not cut.
    fn places(&self, r: &Request) -> Option<u32> {
        let profile = |k: u8| [id("1g.10gb"), id("3g.40gb"), id("1g.20gb"), id("7g.80gb")][usize::from(k) - 1];
        let ready = |g: &MigGpu, p: ProfileId| {
            g.instances().iter().filter(|i| i.profile == p && i.phase == Phase::Ready).count() as u32
        };
        Some(match self {
            Truth::Whole => return None,
            _ if r.gpus != 1 => 0,
            Truth::Fixed(_) | Truth::Made(_) if r.slice == 0 => 0,
            Truth::Fixed(g) => g.iter().map(|g| ready(g, profile(r.slice))).sum(),
            Truth::Made(g) => g.iter().map(|g| g.starts(profile(r.slice)).map_or(0, |s| u32::from(s.count()))).sum(),
            Truth::Turns(_) if r.slice > 0 || r.gpu_milli != 1000 => 0,
            Truth::Turns(n) => n.iter().map(|n| u32::from(*n)).sum(),
        })
    }

    fn instance(&self, cut: &Cut, r: &Request, at: Gpus) -> Option<(usize, Placement)> {
        let gpu = at.iter().next()?;
        match (self, cut.places()) {
            (Truth::Fixed(_), Places::Fixed(layout)) => Some((gpu, layout[usize::from(at.place)])),
            (Truth::Made(_), _) => Some((gpu, (cut.take_of(r)?.profile, at.place))),
            _ => None,
        }
    }

    fn take(&mut self, cut: &Cut, r: &Request, at: Gpus) {
        let place = self.instance(cut, r, at);
        match (self, place) {
            (Truth::Fixed(g), Some((gpu, (_, start)))) => {
                let i = g[gpu].at(start).expect("the layout has it").id;
                g[gpu].bind(i).expect("it is free");
            }
            (Truth::Made(g), Some((gpu, (p, start)))) => {
                let i = g[gpu].create(p, start).expect("it is legal");
                g[gpu].bind(i).expect("it is free");
            }
            (Truth::Turns(n), _) => at.iter().for_each(|g| n[g] -= 1),
            _ => {}
        }
    }

    fn give(&mut self, cut: &Cut, r: &Request, at: Gpus) {
        let place = self.instance(cut, r, at);
        let free = |g: &mut MigGpu, start: u8| -> InstanceId {
            let i = g.at(start).expect("it is there").id;
            g.release(i).expect("it is in use");
            i
        };
        match (self, place) {
            (Truth::Fixed(g), Some((gpu, (_, start)))) => drop(free(&mut g[gpu], start)),
            (Truth::Made(g), Some((gpu, (_, start)))) => {
                let i = free(&mut g[gpu], start);
                g[gpu].destroy(i).expect("it is unused");
            }
            (Truth::Turns(n), _) => at.iter().for_each(|g| n[g] += 1),
            _ => {}
        }
    }
}

struct World {
    fleet: Fleet,
    placer: Placer,
    policy: PlacementPolicy,
    truth: Vec<Truth>,
    orders: Vec<CutOrders>,
    pods: Vec<(NodeId, Request, Gpus)>,
}

impl World {
    fn takes(&self, i: usize, t: &Target) -> bool {
        let n = &self.fleet.nodes()[i];
        let room = t.request.cpu_milli <= n.free.cpu_milli && t.request.mem_mib <= n.free.mem_mib;
        let fits = match self.truth[i].places(&t.request) {
            None => n.free.fits(&t.request),
            Some(places) => room && (t.request.gpus == 0 || places > 0),
        };
        n.state == NodeState::Ready && t.pools.has(n.pool) && fits
    }

    fn score(&self, i: usize, t: &Target) -> i32 {
        let (n, r) = (&self.fleet.nodes()[i], &t.request);
        if let Some(cut) = &n.cut {
            return self.orders[usize::from(n.pool.0)].score(self.policy, Weights::default(), n, cut, r);
        }
        match self.policy {
            PlacementPolicy::Random | PlacementPolicy::FirstFit => 0,
            PlacementPolicy::BestFit => score::best_fit(&n.free, r),
            PlacementPolicy::DotProduct => score::dot_product(&n.free, r),
            PlacementPolicy::GpuPacking => score::gpu_packing(&n.free, r),
            PlacementPolicy::GpuClustering => score::gpu_clustering(&n.free, r),
            PlacementPolicy::Fgd => upstream().place(&n.free, n.pool, r).expect("it fits").0,
            PlacementPolicy::LeastAllocated => {
                score::least_allocated(&score::demands(&n.capacity, &n.free, r, Weights::default()))
            }
            PlacementPolicy::MostAllocated => {
                score::most_allocated(&score::demands(&n.capacity, &n.free, r, Weights::default()))
            }
        }
    }

    /// What a scan of all nodes picks is what the engine picks.
    fn check(&mut self, t: Target) -> Option<Spot> {
        let fitting: Vec<usize> = (0..self.truth.len()).filter(|i| self.takes(*i, &t)).collect();
        let top = fitting.iter().map(|i| self.score(*i, &t)).max();
        let best: Vec<usize> = fitting.into_iter().filter(|i| Some(self.score(*i, &t)) == top).collect();
        let s = self.placer.shape(t);
        let got = self.placer.pick(&self.fleet, s);
        match (got, self.policy) {
            (None, _) => assert!(best.is_empty(), "{:?} {:?}: nothing of {best:?}", self.policy, t.request),
            (Some(spot), PlacementPolicy::Random) => assert!(best.contains(&(spot.node.0 as usize))),
            (Some(spot), _) => {
                assert_eq!(Some(&(spot.node.0 as usize)), best.first(), "{:?} {:?}", self.policy, t.request)
            }
        }
        let slots = (0..self.truth.len()).filter(|i| self.takes(*i, &t)).map(|i| {
            let n = &self.fleet.nodes()[i];
            match self.truth[i].places(&t.request) {
                None => u64::from(n.free.count(None, &t.request)),
                Some(places) => {
                    let cpu = n.free.cpu_milli.checked_div(t.request.cpu_milli).unwrap_or(u32::MAX);
                    let mem = n.free.mem_mib.checked_div(t.request.mem_mib).unwrap_or(u32::MAX);
                    u64::from(if t.request.gpus == 0 { cpu.min(mem) } else { places.min(cpu).min(mem) })
                }
            }
        });
        let slots: u64 = slots.sum();
        assert_eq!(self.placer.slots(&self.fleet, s), slots);
        got
    }

    fn act(&mut self, kind: u8, x: u32) {
        let shapes = shapes();
        let t = shapes[x as usize % shapes.len()];
        match kind {
            0 if self.truth.len() < 24 => {
                let pool = (x % 4) as u16;
                self.fleet.add_cut(PoolId(pool), IslandId(0), NODE, NodeState::Ready, cut(pool));
                self.truth.push(Truth::of(pool));
            }
            1 if !self.pods.is_empty() => {
                let (node, r, gpus) = self.pods.swap_remove(x as usize % self.pods.len());
                self.fleet.release(node, &r, gpus);
                if let Some(cut) = self.fleet.node(node).cut.clone() {
                    self.truth[node.0 as usize].give(&cut, &r, gpus);
                }
            }
            _ => {
                if let Some(spot) = self.check(t) {
                    self.fleet.place(spot.node, &t.request, spot.gpus);
                    if let Some(cut) = self.fleet.node(spot.node).cut.clone() {
                        self.truth[spot.node.0 as usize].take(&cut, &t.request, spot.gpus);
                    }
                    self.pods.push((spot.node, t.request, spot.gpus));
                }
            }
        }
        self.agree();
    }

    /// What the fleet says of each GPU is what its instances say, and what is free and what is taken make the node.
    fn agree(&self) {
        for (i, (n, truth)) in self.fleet.nodes().iter().zip(&self.truth).enumerate() {
            let Some(cut) = &n.cut else { continue };
            for (g, word) in n.free.words().iter().enumerate() {
                let want = match truth {
                    Truth::Made(all) => all[g].free().0,
                    Truth::Fixed(all) => {
                        let Places::Fixed(layout) = cut.places() else { unreachable!() };
                        let ready = |s: u8| all[g].at(s).is_some_and(|i| i.phase == Phase::Ready);
                        layout.iter().enumerate().filter(|(_, (_, s))| ready(*s)).fold(0, |m, (k, _)| m | 1 << k)
                    }
                    Truth::Turns(all) => u16::from(all[g]),
                    Truth::Whole => unreachable!("it is not cut"),
                };
                assert_eq!(*word, want, "node {i}, GPU {g}");
            }
            let held: u32 =
                self.pods.iter().filter(|p| p.0.0 as usize == i && p.1.gpus > 0).map(|p| cut.milli_of(&p.1)).sum();
            assert_eq!(n.free.milli + held, 1000 * u32::from(NODE.gpus));
            assert!(cut.stranded(&n.free) <= n.free.milli);
        }
    }
}

fn world(policy: PlacementPolicy, gpus: GpuOrder, starts: StartOrder) -> World {
    let mix = Mix::new(vec![(id("1g.10gb"), 4), (id("3g.40gb"), 2), (id("1g.20gb"), 1)]);
    let table = Some(FragTable::new(geometry(), &mix));
    let orders = vec![CutOrders { gpus, starts, table }; 4];
    let settings = Settings { typical: upstream(), cuts: orders.clone(), ..Settings::default() };
    World {
        fleet: Fleet::default(),
        placer: Placer::with(policy, 7, &settings),
        policy,
        truth: Vec::new(),
        orders,
        pods: Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_picks_what_a_scan_does_and_places_are_legal(
        policy in 0..PlacementPolicy::ALL.len(),
        orders in (0..4_usize, 0..3_usize),
        steps in prop::collection::vec((0..8_u8, any::<u32>()), 1..220),
    ) {
        let gpus = [GpuOrder::FirstFit, GpuOrder::BestFit, GpuOrder::Spread, GpuOrder::LeastFragmentation][orders.0];
        let starts = [StartOrder::Ascending, StartOrder::NvidiaDriver, StartOrder::LeastFragmentation][orders.1];
        let mut w = world(PlacementPolicy::ALL[policy], gpus, starts);
        for pool in 0..8 {
            w.act(0, pool);
        }
        for (kind, x) in steps {
            w.act(kind, x);
        }
    }
}

#[test]
fn placements_on_an_empty_gpu_are_those_of_the_specification() {
    // gpu_partitioning.md section 8, vectors 1 and 5, in the driver's order: two slices at 0 leave no start for a 3g.
    let cut = cut(2).expect("it is cut");
    let orders = CutOrders { gpus: GpuOrder::FirstFit, starts: StartOrder::NvidiaDriver, table: None };
    let mut fleet = Fleet::default();
    let one = Capacity { gpus: 1, ..NODE };
    let node = fleet.add_cut(PoolId(0), IslandId(0), one, NodeState::Ready, Some(cut.clone()));
    let ask = |slice| Request { gpus: 1, gpu_milli: 125, slice, ..Request::default() };
    for (slice, place) in [(1, Some(6)), (1, Some(4)), (3, Some(0)), (2, None), (1, Some(5)), (1, Some(2)), (4, None)] {
        let chosen = orders.choose(&cut, &fleet.node(node).free, &ask(slice)).map(|c| c.gpus);
        assert_eq!(chosen.map(|g| g.place), place, "slice {slice}");
        if let Some(gpus) = chosen {
            fleet.place(node, &ask(slice), gpus);
        }
    }
}
