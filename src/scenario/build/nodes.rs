//! Pools that an autoscaler sizes, in models made in code.

use crate::fleet::{Capacity, PoolId};
use crate::kernel::Dist;
use crate::market::{Launch, Notice};
use crate::policy::karpenter::{
    CapacityType, Config, InstanceType, Key, NodePool, Offering, Requirements, Resources, Set, TypeIx, Value,
};
use crate::scenario::model::{Karpenter, Model, NODE_POOL, NodeAutoscaler, Offer, Staffing, Supply};
use crate::units::{Rate, SimTime};

impl Model {
    /// Adds a pool that is empty at first and may have so many like nodes, priced per GPU (per core where they have none)
    /// and hour; each boots for so many seconds.
    pub fn add_scaled_pool(&mut self, name: &str, capacity: Capacity, max: u32, rate: Rate, boot: f64) -> PoolId {
        let pool = self.add_pool(name, capacity, max, rate);
        self.pools[usize::from(pool.0)].supply = Some(Box::new(Supply {
            staffing: Staffing::Scaled { min: 0, initial: 0 },
            spot: false,
            lifetimes: Vec::new(),
            replays: Vec::new(),
            launch: Launch::new(Dist::constant(boot).expect("a length")),
            notice: Notice::NONE,
            hardware: None,
            spares: 0,
        }));
        pool
    }

    /// Lets Karpenter size all scaled pools: on-demand types of one zone and one node pool.
    pub fn scale_by_karpenter(&mut self, settings: NodePool) {
        let scaled = |p: &usize| self.pools[*p].supply.as_ref().is_some_and(|s| s.scaled());
        let pools: Vec<usize> = (0..self.pools.len()).filter(scaled).collect();
        let (mut types, mut offers) = (Vec::new(), Vec::new());
        for pool in pools {
            let id = PoolId(pool as u16);
            let Some(c) = self.nodes.iter().find(|n| n.pool == id).map(|n| n.capacity) else { continue };
            let instance = TypeIx(types.len() as u32);
            let capacity = Resources {
                cpu_milli: u64::from(c.cpu_milli),
                memory: u64::from(c.mem_mib) << 20,
                gpu_milli: 1000 * u64::from(c.gpus),
                pods: 110,
            };
            let price = self.node_price(id, SimTime::ZERO);
            let offering = Offering::new(Value(0), CapacityType::OnDemand, price);
            let mut made = InstanceType::new(instance, capacity, vec![offering]);
            made.labels = made.labels.with(NODE_POOL, Set::of([Value(0)]));
            types.push(made);
            offers.push(Offer {
                pool: id,
                node_pool: 0,
                instance,
                offering: 0,
                zone: 0,
                capacity_type: CapacityType::OnDemand,
            });
        }
        let pool = NodePool {
            requirements: Requirements::new()
                .with(NODE_POOL, Set::of([Value(0)]))
                .with(Key::CAPACITY_TYPE, Set::of([CapacityType::OnDemand.value()])),
            types: (0..types.len() as u32).map(TypeIx).collect(),
            ..settings
        };
        self.node_autoscaler = Some(NodeAutoscaler::Karpenter(Box::new(Karpenter {
            config: Config::default(),
            names: vec!["pool".to_owned()],
            pools: vec![pool],
            types,
            offers,
        })));
    }
}
