//! Whether a model's training state fits the memory of the GPUs it is given, and which GPU is the smallest that does.
//!
//! A GPU holds its part of weights, gradients and optimiser state, the weights of a frozen base, and activations. Which
//! of these are cut over the data-parallel GPUs is the stage of ZeRO (Rajbhandari et al., SC 2020, arXiv:1910.02054);
//! FSDP's full shard is the last stage. Activations depend on the model and the batch, and are given.
//!
//! A device has its nominal gigabytes of 10⁹ bytes. Drivers report some 2 to 7 % more (an H100: 81,559 MiB, 85.5 GB),
//! which is left to the driver's context and the allocator's scraps.

use super::impossible::{Impossible, not_negative, positive};
use crate::catalog::device::Devices;
use crate::catalog::{Device, DeviceId, Evidence};
use crate::units::{Bytes, Diagnostic};

/// Bytes in the gigabyte of a data sheet.
const GB: f64 = 1e9;

/// What a GPU holds for each parameter trained, bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// The word in files.
    pub key: &'static str,
    /// Working weights.
    pub weights: f64,
    /// Gradients.
    pub gradients: f64,
    /// Master weights and moments.
    pub optimizer: f64,
    /// How it is known: the sum is arithmetic on number formats.
    pub evidence: Evidence,
    /// Where the recipe comes from.
    pub source: &'static str,
}

const ZERO: &str = "Rajbhandari et al., ZeRO (SC 2020, arXiv:1910.02054), section 3.1";

/// Recipes. The first, 16 bytes a parameter, is the default.
pub const HELD: [Held; 4] = [
    Held { key: "bf16_adam", weights: 2.0, gradients: 2.0, optimizer: 12.0, evidence: Evidence::Fitted, source: ZERO },
    Held {
        key: "fp32_adam",
        weights: 4.0,
        gradients: 4.0,
        optimizer: 8.0,
        evidence: Evidence::Fitted,
        source: "Kingma and Ba, Adam (ICLR 2015, arXiv:1412.6980): two moments a parameter",
    },
    Held {
        key: "fp32_momentum",
        weights: 4.0,
        gradients: 4.0,
        optimizer: 4.0,
        evidence: Evidence::Fitted,
        source: "SGD with momentum: one buffer a parameter",
    },
    Held {
        key: "adam_8bit",
        weights: 2.0,
        gradients: 2.0,
        optimizer: 6.0,
        evidence: Evidence::Fitted,
        source: "Dettmers et al., 8-bit Optimizers (ICLR 2022, arXiv:2110.02861): block scales left out",
    },
];

/// Bytes a parameter of a frozen base: BF16, as LoRA keeps it.
pub const FROZEN_BF16: f64 = 2.0;
/// The same in four bits, as QLoRA keeps it (Dettmers et al., 2023, arXiv:2305.14314), its constants left out.
pub const FROZEN_4BIT: f64 = 0.5;

/// What is cut over the GPUs, and what each holds whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharding {
    /// Nothing: plain data parallelism.
    Nothing,
    /// Optimiser state (ZeRO stage 1).
    Optimizer,
    /// Gradients too (stage 2).
    Gradients,
    /// Weights too, those of a frozen base as well (stage 3, FSDP full shard).
    #[default]
    Everything,
}

/// What is trained, and how it is spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// Parameters trained; of adapters, theirs.
    pub params: f64,
    /// What is held of each.
    pub held: Held,
    /// Bytes of frozen weights; 0 when all are trained.
    pub frozen: Bytes,
    /// What is cut.
    pub sharding: Sharding,
    /// Activations of one GPU at its batch.
    pub activations: Bytes,
    /// Kept free on each GPU beyond what the nominal size leaves: buffers of collectives, a second process.
    pub reserve: Bytes,
}

impl Training {
    /// All of `params` trained with the default recipe, fully sharded.
    #[must_use]
    pub fn full(params: f64, activations: Bytes) -> Training {
        Training {
            params,
            held: HELD[0],
            frozen: Bytes(0),
            sharding: Sharding::default(),
            activations,
            reserve: Bytes(0),
        }
    }

    /// Bytes that every GPU holds whole, and bytes that are cut.
    fn parts(&self) -> Result<(f64, f64), Impossible> {
        let p = positive("number of parameters", self.params)?;
        let Held { weights, gradients, optimizer, .. } = self.held;
        for each in [weights, gradients, optimizer] {
            not_negative("number of bytes per parameter", each)?;
        }
        let frozen = self.frozen.0 as f64;
        let fixed = (self.activations.0 as f64) + self.reserve.0 as f64;
        let (whole, cut) = match self.sharding {
            Sharding::Nothing => (p * (weights + gradients + optimizer) + frozen, 0.0),
            Sharding::Optimizer => (p * (weights + gradients) + frozen, p * optimizer),
            Sharding::Gradients => (p * weights + frozen, p * (gradients + optimizer)),
            Sharding::Everything => (0.0, p * (weights + gradients + optimizer) + frozen),
        };
        Ok((whole + fixed, cut))
    }

    /// Bytes that one of `gpus` needs, rounded up.
    ///
    /// # Errors
    /// [`Impossible::Quantity`] for no GPUs, no parameters or a negative number of bytes.
    pub fn per_gpu(&self, gpus: u32) -> Result<Bytes, Impossible> {
        let n = positive("number of GPUs", f64::from(gpus))?;
        let (whole, cut) = self.parts()?;
        Ok(Bytes((whole + cut / n).ceil() as u64))
    }

    /// The fewest GPUs of a device on which it fits; `None` when what is not cut is too much for one.
    ///
    /// # Errors
    /// As [`Training::per_gpu`].
    pub fn fewest_gpus(&self, device: &Device) -> Result<Option<u32>, Impossible> {
        let (whole, cut) = self.parts()?;
        let room = device.memory_gb * GB - whole;
        if cut == 0.0 {
            return Ok((room >= 0.0).then_some(1));
        }
        if room < 1.0 {
            return Ok(None);
        }
        // Division may err by one either way; the definition decides.
        let mut n = ((cut / room).ceil().min(f64::from(u32::MAX - 1)) as u32).max(1);
        let fits = |n| self.per_gpu(n).map(|b| b.0 as f64 <= device.memory_gb * GB);
        while n > 1 && fits(n - 1)? {
            n -= 1;
        }
        while !fits(n)? {
            let Some(more) = n.checked_add(1) else { return Ok(None) };
            n = more;
        }
        Ok(Some(n))
    }

    /// Need against what a device has.
    ///
    /// # Errors
    /// As [`Training::per_gpu`].
    pub fn on(&self, device: &Device, gpus: u32) -> Result<Fit, Impossible> {
        Ok(Fit { need: self.per_gpu(gpus)?, has: Bytes((device.memory_gb * GB) as u64) })
    }

    /// Devices on which it fits with `gpus` of them, the smallest memory first, as listed among equals; of one vendor
    /// (`nvidia`, `amd`, `google`) or of all.
    ///
    /// # Errors
    /// As [`Training::per_gpu`].
    pub fn devices(&self, all: &Devices, gpus: u32, vendor: Option<&str>) -> Result<Vec<DeviceId>, Impossible> {
        let need = self.per_gpu(gpus)?.0 as f64;
        let mut fit: Vec<(f64, DeviceId)> = all
            .iter()
            .filter(|(_, d)| vendor.is_none_or(|v| v == d.vendor) && d.memory_gb * GB >= need)
            .map(|(id, d)| (d.memory_gb, id))
            .collect();
        fit.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Ok(fit.into_iter().map(|(_, id)| id).collect())
    }

    /// What to tell a user whose job does not fit, with the smallest GPU of the same vendor that it would fit and the
    /// fewest of these that would do; `None` when it fits.
    ///
    /// # Errors
    /// As [`Training::per_gpu`].
    pub fn complaint(&self, all: &Devices, device: &Device, gpus: u32) -> Result<Option<Diagnostic>, Impossible> {
        let fit = self.on(device, gpus)?;
        if fit.fits() {
            return Ok(None);
        }
        let gb = |b: Bytes| b.0 as f64 / GB;
        let mut out = Diagnostic::error(format!(
            "a training job of {:.1} GB a GPU on {gpus} × {}, which has {:.0} GB",
            gb(fit.need),
            device.name,
            gb(fit.has)
        ));
        if let Some(id) = self.devices(all, gpus, Some(device.vendor))?.first() {
            out = out.help(format!("the smallest GPU on which it fits is {}", all.get(*id).name));
        }
        if let Some(n) = self.fewest_gpus(device)? {
            out = out.help(format!("or cut it over {n} GPUs"));
        }
        Ok(Some(out.help("or train adapters, checkpoint activations, or take a smaller batch")))
    }
}

/// Need against what there is, of one GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Needed.
    pub need: Bytes,
    /// There.
    pub has: Bytes,
}

impl Fit {
    /// Whether it fits.
    #[must_use]
    pub fn fits(self) -> bool {
        self.need <= self.has
    }

    /// The share of the memory that is used; above 1 when it does not fit.
    #[must_use]
    pub fn share(self) -> f64 {
        self.need.0 as f64 / self.has.0 as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::Catalog;

    fn device(word: &str) -> &'static Device {
        Catalog::embedded().device(word).unwrap()
    }

    fn gb(n: f64) -> Bytes {
        Bytes((n * GB) as u64)
    }

    #[test]
    fn the_stages_need_what_their_paper_says() {
        // ZeRO, figure 1: 7.5 billion parameters on 64 GPUs, GB.
        let table = [
            (Sharding::Nothing, 120.0),
            (Sharding::Optimizer, 31.4),
            (Sharding::Gradients, 16.6),
            (Sharding::Everything, 1.9),
        ];
        for (sharding, want) in table {
            let need = Training { sharding, ..Training::full(7.5e9, Bytes(0)) }.per_gpu(64).unwrap();
            assert!((need.0 as f64 / GB - want).abs() < 0.051, "{sharding:?} {need:?}");
        }
    }

    #[test]
    fn seventy_billion_need_sixteen_of_the_large_and_not_eight() {
        let t = Training::full(70e9, gb(4.0));
        // 1,120 GB of state: 140 GB each on 8, 70 on 16.
        assert_eq!(t.per_gpu(8), Ok(gb(144.0)));
        assert!(!t.on(device("H100"), 8).unwrap().fits());
        let fit = t.on(device("H100"), 16).unwrap();
        assert!(fit.fits());
        assert!((fit.share() - 74.0 / 80.0).abs() < 1e-12);
        // 1,120 over the 76 that activations leave.
        assert_eq!(t.fewest_gpus(device("H100")), Ok(Some(15)));
        assert_eq!(t.fewest_gpus(device("H200")), Ok(Some(9)));
    }

    #[test]
    fn the_complaint_names_a_way_out() {
        let all = &Catalog::embedded().devices;
        let t = Training::full(70e9, gb(4.0));
        let d = t.complaint(all, device("H100"), 8).unwrap().expect("does not fit");
        assert_eq!(d.message, "a training job of 144.0 GB a GPU on 8 × H100-SXM-80GB, which has 80 GB");
        assert_eq!(d.help[0], "the smallest GPU on which it fits is GH200-144GB");
        assert_eq!(d.help[1], "or cut it over 15 GPUs");
        assert_eq!(t.complaint(all, device("H100"), 16), Ok(None));
    }

    #[test]
    fn adapters_fit_a_tier_below() {
        // 7 B frozen in BF16 and 17 M adapters: 14.3 GB and activations, where full fine-tuning needs 112.
        let lora = Training { frozen: gb(14.0), ..Training::full(16_777_216.0, gb(3.0)) };
        assert_eq!(lora.per_gpu(1), Ok(Bytes(17_268_435_456)));
        let all = &Catalog::embedded().devices;
        let names = |t: &Training, vendor| -> Vec<&str> {
            t.devices(all, 1, vendor).unwrap().into_iter().map(|id| all.get(id).name).collect()
        };
        assert!(names(&lora, Some("nvidia")).contains(&"L4-24GB"));
        assert!(all.iter().filter(|(_, d)| names(&lora, None).contains(&d.name)).all(|(_, d)| d.memory_gb >= 17.3));
        let full = Training::full(7e9, gb(3.0));
        assert_eq!(names(&full, Some("nvidia"))[0], "H200-SXM-141GB");
        assert_eq!(names(&full, Some("amd"))[0], "MI250X-128GB");
    }

    #[test]
    fn what_cannot_be_cut_never_fits() {
        let t = Training { sharding: Sharding::Nothing, ..Training::full(70e9, Bytes(0)) };
        assert_eq!(t.fewest_gpus(device("H100")), Ok(None));
        let t = Training { sharding: Sharding::Optimizer, ..Training::full(70e9, Bytes(0)) };
        assert_eq!(t.fewest_gpus(device("H100")), Ok(None));
        assert!(t.per_gpu(0).is_err() && Training::full(f64::NAN, Bytes(0)).per_gpu(1).is_err());
    }

    #[test]
    fn a_checkpoint_is_what_is_held_less_gradients() {
        for h in HELD {
            let kept = crate::training::size::kept(h.key).expect("a recipe of both tables");
            assert_eq!(kept.bytes_per_param, h.weights + h.optimizer, "{}", h.key);
        }
    }

    proptest! {
        #[test]
        fn fewest_is_the_fewest(billions in 0.1_f64..2000.0, act in 0.0_f64..90.0, stage in 0_usize..4) {
            let sharding = [Sharding::Nothing, Sharding::Optimizer, Sharding::Gradients, Sharding::Everything][stage];
            let t = Training { sharding, ..Training::full(billions * 1e9, gb(act)) };
            let d = device("H100");
            match t.fewest_gpus(d).unwrap() {
                Some(n) => {
                    prop_assert!(t.on(d, n).unwrap().fits());
                    prop_assert!(n == 1 || !t.on(d, n - 1).unwrap().fits());
                }
                None => prop_assert!(!t.on(d, 1_000_000).unwrap().fits()),
            }
        }
    }
}
