//! How capacity is bought, prices, budgets and fees.

use super::market::{NoticeTime, PriceHistory, Reclaim};
use crate::scenario::decode::quantity::Power;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Duration, Fraction, Name, Rate, Usd};
use jiff::civil::Date;

choice! {
    /// Which dated prices apply.
    pub enum PricesAt {
        /// Those in force as the window goes by; beyond the book's last row, that row.
        InForce,
        /// Those of one date, throughout.
        On(Spanned<Date>),
    }
}

choice! {
    /// How a pool's capacity is bought.
    pub enum Buy {
        /// By the hour at list price, less a discount.
        OnDemand(OnDemand),
        /// At the spot price in force, until the provider takes it back.
        Spot(SpotMarket),
        /// Bought hardware: straight-line cost, sunk.
        Owned(Owned),
    }
}

record! {
    /// List price, less a discount.
    pub struct OnDemand {
        /// A share taken off the list price.
        pub discount: Fraction = Fraction::ZERO => "list price",
    }
}

impl Default for OnDemand {
    fn default() -> Self {
        OnDemand { discount: Fraction::ZERO }
    }
}

record! {
    /// The spot price.
    pub struct SpotMarket {
        /// A share taken off the spot price.
        pub discount: Fraction = Fraction::ZERO => "the market's price",
        /// Why and when nodes are taken back; several causes combine.
        pub reclaim: Vec<Spanned<Reclaim>> = Vec::new() => "none: nodes stay, which no spot market promises",
        /// What is told before; the provider's own notice where left out.
        pub notice: Option<Spanned<NoticeTime>>,
    }
}

record! {
    /// Hardware that is bought: (capital − salvage) over its life, plus operations and power, by the hour.
    pub struct Owned {
        /// What one node cost.
        pub capex: Spanned<Usd>,
        /// Over how long it is written off (a year is 8,760 hours).
        pub life: Spanned<Duration>,
        /// What it is worth then, as a share of what it cost.
        pub salvage: Fraction = Fraction::ZERO => "nothing: the cautious assumption",
        /// Space, staff, network: per node and hour.
        pub operations: Rate = Rate(0) => "nothing: say what yours cost",
        /// Average power of a node at the plug, before the facility's overhead.
        pub power: Option<Power>,
        /// What a kilowatt-hour costs.
        pub tariff: Rate = Rate(80_000_000_000) => "0.08 USD/kWh, an industrial tariff",
    }
}

choice! {
    /// A price of your own.
    pub enum Price {
        /// Per node and hour.
        PerNode(Rate),
        /// Per GPU and hour.
        PerGpu(Rate),
        /// Per core and hour, for pools without GPUs.
        PerCore(Rate),
        /// Per node and hour, changing as a spot price history says.
        Path(PriceHistory),
        /// Per GPU, as an instance type's price divided by its GPUs: a stand-in for hardware without a price.
        PerGpuOf(StandIn),
    }
}

record! {
    /// An instance type whose price stands in.
    pub struct StandIn {
        /// The instance type.
        pub instance: Spanned<String>,
        /// Its region.
        pub region: Spanned<String>,
    }
}

choice! {
    /// What a budget is for.
    pub enum Period {
        /// The whole window.
        Window,
        /// A month of 730 hours, pro rata to the window.
        Month,
    }
}

record! {
    /// A budget.
    pub struct Budget {
        /// Its name.
        pub name: Spanned<Name>,
        /// The work it covers, `team=search`; everything, idle capacity and fees included, where left out.
        pub label: Option<Spanned<String>>,
        /// The amount.
        pub usd: Spanned<Usd>,
        /// For how long.
        pub per: Period = Period::Month => "budgets are kept by the month; 730 hours, as Infracost counts them",
    }
}

record! {
    /// A Kubernetes cluster whose control plane is billed.
    pub struct Cluster {
        /// `aws`, `gcp` or `azure`.
        pub provider: Spanned<String>,
        /// The tier: `standard`, `extended`, `autopilot`, `free`, `premium`.
        pub tier: Spanned<String> = Spanned::unplaced("standard".to_owned()) => "the provider's usual tier",
        /// How many clusters.
        pub count: u32 = 1 => "one cluster",
    }
}
