//! Types and offerings: order by price, what a launch would cost at worst, and which one it takes.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/cloudprovider/types.go`; karpenter-provider-aws, `pkg/providers/instance`.

use std::collections::{BTreeMap, BTreeSet};

use super::config::INSUFFICIENT_CAPACITY_TTL;
use super::requirement::{Key, Requirements, Value};
use super::view::{CapacityType, InstanceType, Offering, TypeIx};
use crate::units::{Rate, SimTime};

/// How many types AWS takes of a NodeClaim: the cheapest.
pub const MAX_LAUNCH_TYPES: usize = 60;
/// Upstream warns when a fall-back to on-demand has fewer types than this.
pub const FLEXIBLE_TYPES: usize = 5;

/// The offerings that can be had and that `requirements` allow.
pub fn usable<'a>(t: &'a InstanceType, requirements: &'a Requirements) -> impl Iterator<Item = &'a Offering> {
    t.offerings.iter().filter(|o| o.available && o.allowed_by(requirements))
}

/// The cheapest usable offering.
#[must_use]
pub fn cheapest(t: &InstanceType, requirements: &Requirements) -> Option<Rate> {
    usable(t, requirements).map(|o| o.price).min()
}

/// What a launch costs at worst: the dearest usable offering of the capacity type that would be used, which is reserved
/// before spot before on-demand. `None` if there is none.
#[must_use]
pub fn worst_launch(t: &InstanceType, requirements: &Requirements) -> Option<Rate> {
    let of = |kind| usable(t, requirements).filter(move |o| o.capacity_type == kind).map(|o| o.price).max();
    of(CapacityType::Reserved).or_else(|| of(CapacityType::Spot)).or_else(|| of(CapacityType::OnDemand))
}

/// Sorts types by their cheapest usable offering, those without one last; ties by name.
pub fn by_price(list: &mut [TypeIx], types: &[InstanceType], requirements: &Requirements) {
    list.sort_by_cached_key(|t| {
        let price = cheapest(&types[t.at()], requirements);
        (price.is_none(), price, *t)
    });
}

/// How many of the first types satisfy `minValues`; `Err` if all together do not. 0 without `minValues`.
///
/// # Errors
/// The keys that have too few values, with how many there are.
pub fn min_values(
    list: &[TypeIx],
    types: &[InstanceType],
    requirements: &Requirements,
) -> Result<usize, Vec<(Key, u32)>> {
    let mut seen: Vec<_> = requirements.min_values().map(|(key, min)| (key, min, BTreeSet::<Value>::new())).collect();
    if seen.is_empty() {
        return Ok(0);
    }
    for (i, t) in list.iter().enumerate() {
        for (key, _, values) in &mut seen {
            values.extend(types[t.at()].labels.get(*key).into_iter().flat_map(|s| s.listed()).copied());
        }
        if seen.iter().all(|(_, min, values)| values.len() >= *min as usize) {
            return Ok(i + 1);
        }
    }
    let short = seen.into_iter().filter(|(_, min, v)| v.len() < *min as usize);
    Err(short.map(|(key, _, v)| (key, v.len() as u32)).collect())
}

/// Offerings that had no capacity and are not tried for a while (`pkg/cache/unavailableofferings.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unavailable(BTreeMap<(TypeIx, Value, CapacityType), SimTime>);

impl Unavailable {
    /// A launch of this type failed for want of capacity: it is not tried again for 3 minutes.
    pub fn mark(&mut self, instance: TypeIx, zone: Value, capacity_type: CapacityType, now: SimTime) {
        self.0.insert((instance, zone, capacity_type), now + INSUFFICIENT_CAPACITY_TTL);
    }
    /// Whether it may be tried.
    #[must_use]
    pub fn allows(&self, instance: TypeIx, zone: Value, capacity_type: CapacityType, now: SimTime) -> bool {
        self.0.get(&(instance, zone, capacity_type)).is_none_or(|until| *until <= now)
    }
    /// When the next of them may be tried again; forgets those that may.
    pub fn next(&mut self, now: SimTime) -> Option<SimTime> {
        self.0.retain(|_, until| *until > now);
        self.0.values().min().copied()
    }
}

/// How spot capacity is chosen. EC2's `price-capacity-optimized` is not public; these stand in for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpotChoice<'a> {
    /// The cheapest.
    #[default]
    Cheapest,
    /// The cheapest of those whose interruption rate is at most `limit`; the cheapest of all if none is.
    Below {
        /// By type: its rate in parts per million, for all zones.
        rates: &'a [u32],
        /// The limit in parts per million.
        limit: u32,
    },
}

/// What a launch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The type.
    pub instance: TypeIx,
    /// Which of its offerings.
    pub offering: usize,
    /// What it costs.
    pub price: Rate,
    /// A fall-back to on-demand though spot is allowed, with fewer than [`FLEXIBLE_TYPES`] types.
    pub inflexible: bool,
}

/// Which offering AWS launches for a NodeClaim of types `list`: of the 60 cheapest, reserved if there is any, else spot
/// if allowed, else on-demand; the cheapest of what the filters leave, ties by type name, then offering. `None`: no
/// capacity.
///
/// Before that, without `minValues`: exotic types go if a generic one remains, and for a spot launch that could be
/// on-demand, spot offerings that are dearer than the cheapest on-demand one.
#[must_use]
pub fn launch(
    list: &[TypeIx],
    types: &[InstanceType],
    requirements: &Requirements,
    spot: SpotChoice<'_>,
) -> Option<Launch> {
    let mut list = list.to_vec();
    by_price(&mut list, types, requirements);
    list.truncate(MAX_LAUNCH_TYPES);
    let plain = requirements.min_values().next().is_none();
    if plain && list.iter().any(|t| !types[t.at()].exotic) {
        list.retain(|t| !types[t.at()].exotic);
    }
    let all: Vec<(TypeIx, usize, Offering)> = list
        .iter()
        .flat_map(|t| {
            let offerings = types[t.at()].offerings.iter().enumerate();
            offerings.filter(|(_, o)| o.available && o.allowed_by(requirements)).map(|(i, o)| (*t, i, *o))
        })
        .collect();
    let of = |kind| all.iter().filter(move |(_, _, o)| o.capacity_type == kind);
    let reserved = of(CapacityType::Reserved).any(|(_, _, o)| o.reservation > 0);
    let kind = if reserved {
        CapacityType::Reserved
    } else if of(CapacityType::Spot).next().is_some() {
        CapacityType::Spot
    } else {
        CapacityType::OnDemand
    };
    let mut chosen: Vec<&(TypeIx, usize, Offering)> = of(kind).collect();
    match kind {
        CapacityType::Reserved => chosen.retain(|(_, _, o)| o.reservation > 0),
        CapacityType::Spot => {
            if plain && let Some(limit) = of(CapacityType::OnDemand).map(|(_, _, o)| o.price).min() {
                let below: Vec<_> = chosen.iter().copied().filter(|(_, _, o)| o.price <= limit).collect();
                // With every spot offering above it the launch is on-demand.
                if below.is_empty() {
                    chosen = of(CapacityType::OnDemand).collect();
                } else {
                    chosen = below;
                }
            }
            if let SpotChoice::Below { rates, limit } = spot {
                let calm = |t: &TypeIx| rates.get(t.at()).is_none_or(|r| *r <= limit);
                if chosen.iter().any(|(t, _, _)| calm(t)) {
                    chosen.retain(|(t, _, _)| calm(t));
                }
            }
        }
        CapacityType::OnDemand => {}
    }
    let (instance, offering, o) = chosen.into_iter().min_by_key(|(t, i, o)| (o.price, *t, *i))?;
    let spot_allowed = requirements.allows(Key::CAPACITY_TYPE, CapacityType::Spot.value());
    Some(Launch {
        instance: *instance,
        offering: *offering,
        price: o.price,
        inflexible: o.capacity_type == CapacityType::OnDemand && spot_allowed && list.len() < FLEXIBLE_TYPES,
    })
}
