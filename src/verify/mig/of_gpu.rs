//! Runs cases of one GPU.

use super::format as f;
use super::lower;
use crate::catalog::mig::{Geometry, ProfileId, Slices};
use crate::fleet::mig::{self, MigGpu, Mode, Phase, Refusal};
use crate::policy::mig::layout::{self, CannotApply};
use crate::policy::mig::{FragTable, GpuOrder, Placer, StaticLayout};
use crate::verify::cases::Report;

/// What became of a step, in the words of [`f::Reason`] where it was refused.
type Outcome<T> = Result<T, &'static str>;

pub fn steps(case: &f::GpuCase, report: &mut Report<'_>) {
    if case.steps.is_empty() {
        return report
            .fault("the case has no steps", "write at least one: `steps: [Create(profile: \"1g\", expect: At(0))]`");
    }
    let Some(g) = lower::grid(&case.grid, report) else { return };
    let Some(mix) = lower::mix(&g, case.mix.as_deref(), report) else { return };
    let table = FragTable::new(&g, &mix);
    let starts = lower::order(&case.order);
    let placer = Placer { gpus: GpuOrder::FirstFit, starts, table: &table };
    let mut gpu = MigGpu::new(g);
    for (i, step) in case.steps.iter().enumerate() {
        let n = i + 1;
        if one(step, n, &mut gpu, &placer, report).is_none() {
            return;
        }
    }
}

/// Runs a step; `None` when what follows makes no sense, which has been reported.
fn one(step: &f::Step, n: usize, gpu: &mut MigGpu, placer: &Placer<'_>, report: &mut Report<'_>) -> Option<()> {
    let name = |word: &str| format!("step {n} {word}");
    match step {
        f::Step::Create(c) => {
            report.part(name(&c.profile));
            create(c, gpu, placer, report, true)?;
        }
        f::Step::Begin(c) => {
            report.part(name(&format!("begin {}", c.profile.value)));
            create(c, gpu, placer, report, false)?;
        }
        f::Step::Finish(c) => {
            report.part(name("finish"));
            changed(&c.expect, at(gpu, c.start).and_then(|i| finish(gpu, i)), report);
        }
        f::Step::Destroy(c) => {
            report.part(name("destroy"));
            changed(&c.expect, at(gpu, c.start).and_then(|i| code(gpu.destroy(i.id))), report);
        }
        f::Step::BeginDestroy(c) => {
            report.part(name("begin destroy"));
            changed(&c.expect, at(gpu, c.start).and_then(|i| code(gpu.begin_destroy(i.id))), report);
        }
        f::Step::Bind(c) => {
            report.part(name("bind"));
            changed(&c.expect, at(gpu, c.start).and_then(|i| code(gpu.bind(i.id))), report);
        }
        f::Step::Release(c) => {
            report.part(name("release"));
            changed(&c.expect, at(gpu, c.start).and_then(|i| code(gpu.release(i.id))), report);
        }
        f::Step::Apply(a) => {
            report.part(name("apply"));
            let wanted = wanted(gpu.geometry(), a, report)?;
            changed(&a.expect, apply(gpu, &wanted, placer), report);
        }
        f::Step::Toggle(t) => {
            report.part(name("toggle"));
            let done = code(gpu.begin_toggle()).and_then(|()| code(gpu.finish_toggle()));
            changed(&t.expect, done, report);
        }
        f::Step::Check(c) => {
            report.part(name("check"));
            let before = report.lines();
            check(c, gpu, placer.table, report)?;
            report.expects_something(before);
        }
    }
    Some(())
}

fn code<T>(r: Result<T, Refusal>) -> Outcome<T> {
    r.map_err(|e| e.code())
}

/// The instance that starts at a slice.
fn at(gpu: &MigGpu, start: u8) -> Outcome<mig::Instance> {
    gpu.at(start).copied().ok_or("NoInstance")
}

fn finish(gpu: &mut MigGpu, i: mig::Instance) -> Outcome<()> {
    match i.phase {
        Phase::Destroying => code(gpu.finish_destroy(i.id)),
        _ => code(gpu.finish_create(i.id)),
    }
}

fn create(c: &f::Create, gpu: &mut MigGpu, placer: &Placer<'_>, report: &mut Report<'_>, ready: bool) -> Option<()> {
    let id = lower::id(gpu.geometry(), &c.profile, report)?;
    let start = match c.start {
        Some(start) => Ok(start),
        None => code(placer.start(gpu, id)),
    };
    let made = start.and_then(|s| {
        let new = code(gpu.begin_create(id, s))?;
        if ready { code(gpu.finish_create(new)).map(|()| s) } else { Ok(s) }
    });
    match &c.expect {
        f::Placed::At(want) => {
            let why = made.err().map_or_else(String::new, |e| format!(" (ours {e})"));
            report.number(&format!("start{why}"), Some(u64::from(*want)), made.ok().map(u64::from));
        }
        f::Placed::Done => report.happened("done", made.is_ok(), made.err().unwrap_or("")),
        f::Placed::Refused => report.happened("refused", made.is_err(), &placed(made)),
        f::Placed::RefusedFor(reason) => refused(reason, made.err(), &placed(made), report),
    }
    Some(())
}

fn placed(made: Outcome<u8>) -> String {
    made.map_or_else(str::to_owned, |s| format!("at {s}"))
}

fn refused(reason: &f::Reason, ours: Option<&'static str>, instead: &str, report: &mut Report<'_>) {
    let want = word(reason);
    report.happened(&format!("refused {want}"), ours == Some(want), instead);
}

/// The line of a change. [`Outcome`] of `Already` is an error of that word.
fn changed(expect: &f::Changed, done: Outcome<()>, report: &mut Report<'_>) {
    let ours = done.err();
    let instead = ours.unwrap_or("done");
    match expect {
        f::Changed::Done => report.happened("done", done.is_ok(), instead),
        f::Changed::Already => report.happened("already", ours == Some(ALREADY), instead),
        f::Changed::Refused => report.happened("refused", ours.is_some_and(|o| o != ALREADY), instead),
        f::Changed::RefusedFor(reason) => refused(reason, ours, instead, report),
    }
}

/// What [`apply`] says of a layout that is there.
const ALREADY: &str = "Already";

fn apply(gpu: &mut MigGpu, wanted: &StaticLayout, placer: &Placer<'_>) -> Outcome<()> {
    let plan = layout::apply(gpu, wanted, placer).map_err(|e| match e {
        CannotApply::NoWay => "NoWay",
        CannotApply::Gpu(r) => r.code(),
    })?;
    match plan {
        layout::Apply::Already => Err(ALREADY),
        layout::Apply::Replace { toggle, placements } => {
            if toggle {
                code(gpu.begin_toggle())?;
                code(gpu.finish_toggle())?;
            }
            if gpu.mode() == Mode::On { code(gpu.replace(&placements)).map(|_| ()) } else { Ok(()) }
        }
    }
}

fn wanted(g: &Geometry, a: &f::Apply, report: &mut Report<'_>) -> Option<StaticLayout> {
    match (&a.layout, &a.config) {
        (Some(list), None) => {
            let ids: Vec<Option<(ProfileId, u8)>> =
                list.iter().map(|(name, n)| lower::id(g, name, report).map(|id| (id, *n))).collect();
            ids.into_iter().collect::<Option<_>>().map(StaticLayout::Instances)
        }
        (None, Some(config)) => match StaticLayout::named(g, config) {
            Ok(layout) => Some(layout),
            Err(e) => {
                report.diagnostic(e.to_diagnostic(), config.at, "no configuration of this name");
                None
            }
        },
        _ => {
            report.fault(
                "`Apply` needs either a layout or a configuration",
                "write `layout: [(\"1g\", 2)]` or `config: \"all-balanced\"`",
            );
            None
        }
    }
}

fn check(c: &f::Check, gpu: &MigGpu, table: &FragTable, report: &mut Report<'_>) -> Option<()> {
    let g = gpu.geometry().clone();
    let slices = |text: &Option<String>, report: &mut Report<'_>| -> Option<()> {
        let Some(text) = text else { return Some(()) };
        if Slices::parse(text).is_some() && text.len() == usize::from(g.width()) {
            return Some(());
        }
        report.fault(
            format!("`{text}` are not {} slices", g.width()),
            "write one `#` or `.` for each memory slice, slice 0 first",
        );
        None
    };
    slices(&c.occupied, report)?;
    slices(&c.stranded, report)?;
    let demand = lower::set(&g, c.demand.as_deref(), report)?;
    let left = mig::stranded(gpu, &demand);
    let n = |v: u8| Some(u64::from(v));
    report.word("occupied", c.occupied.as_deref(), &gpu.occupied().text(g.width()));
    report.number("free", c.free.map(u64::from), n(gpu.free().count()));
    report.number("compute used", c.compute_used.map(u64::from), n(gpu.compute_used()));
    report.number("SMs used", c.sms_used.map(u64::from), gpu.sms_used().map(u64::from));
    report.number("instances", c.instances.map(u64::from), Some(gpu.instances().len() as u64));
    report.word("stranded", c.stranded.as_deref(), &left.memory.text(g.width()));
    report.number("stranded compute", c.stranded_compute.map(u64::from), n(left.compute));
    report.double("fragmentation", c.fragmentation, table.slices(gpu.occupied()), 1e-9);
    Some(())
}

const fn word(reason: &f::Reason) -> &'static str {
    match reason {
        f::Reason::NotAStart => "NotAStart",
        f::Reason::Occupied => "Occupied",
        f::Reason::NoFreeStart => "NoFreeStart",
        f::Reason::Limit => "Limit",
        f::Reason::Media => "Media",
        f::Reason::NoInstance => "NoInstance",
        f::Reason::Busy => "Busy",
        f::Reason::Phase => "Phase",
        f::Reason::Mode => "Mode",
        f::Reason::GpuBusy => "GpuBusy",
        f::Reason::NoWay => "NoWay",
    }
}
