//! Runs cases of grids, profiles and speeds.

use super::format as f;
use super::lower;
use crate::catalog::Evidence;
use crate::catalog::mig::SliceSpeed;
use crate::fleet::mig::Layouts;
use crate::verify::cases::Report;

pub fn counts(case: &f::GridCase, report: &mut Report<'_>) {
    let Some(g) = lower::grid(&case.grid, report) else { return };
    let Some(set) = lower::set(&g, case.profiles.as_deref(), report) else { return };
    let all = match Layouts::of(&g, &set) {
        Ok(all) => all,
        Err(e) => return report.fault(e.to_string(), "name fewer profiles in `profiles`"),
    };
    let e = &case.expect;
    let size = |n: usize| Some(n as u64);
    report.number("layouts", e.layouts, size(all.list().len()));
    report.number("masks", e.masks, size(all.masks().len()));
    report.number("maximal", e.maximal, size(all.maximal().count()));
    report.number("multisets", e.multisets, size(all.multisets().len()));
    report.number("maximal multisets", e.maximal_multisets, size(all.maximal_multisets().len()));
    report.number("inclusion-maximal multisets", e.inclusion_maximal, size(all.inclusion_maximal().len()));
    if let Some(expected) = &e.maximal_layouts {
        let mut ours: Vec<String> = all.maximal().map(|l| all.text(l)).collect();
        let mut want = expected.clone();
        ours.sort();
        want.sort();
        let missing = want.iter().find(|w| !ours.contains(w)).map(|w| format!("not {w}"));
        let extra = ours.iter().find(|o| !want.contains(o)).map(|o| format!("also {o}"));
        let differs = missing.or(extra).unwrap_or_else(|| format!("{} of them", ours.len()));
        report.happened("maximal layouts", ours == want, &differs);
    }
    report.expects_something(0);
}

pub fn profile(case: &f::ProfileCase, report: &mut Report<'_>) {
    let Some(g) = lower::device(&case.device, report) else { return };
    let Some(id) = lower::id(&g, &case.profile, report) else { return };
    let (p, e) = (g.profile(id), &case.expect);
    report.word("name", e.name.as_deref(), &p.name);
    report.word("resource", e.resource.as_deref(), &p.resource());
    report.number("compute", e.compute.map(u64::from), Some(p.compute.into()));
    report.number("size", e.size.map(u64::from), Some(p.size.into()));
    let list = |starts: &[u8]| format!("{starts:?}");
    let ours: Vec<u8> = p.starts.iter().collect();
    report.word("starts", e.starts.as_deref().map(list).as_deref(), &list(&ours));
    report.number("max", e.max.map(u64::from), Some(p.max.into()));
    report.number("SMs", e.sms.map(u64::from), p.sms.map(u64::from));
    report.number("MiB", e.memory_mib.map(u64::from), p.memory_mib.map(u64::from));
    report.expects_something(0);
}

pub fn speed(case: &f::SpeedCase, report: &mut Report<'_>) {
    let Some(g) = lower::device(&case.device, report) else { return };
    let Some(id) = lower::id(&g, &case.profile, report) else { return };
    let Some(speed) = SliceSpeed::new(case.fixed, Evidence::Guess) else {
        return report.fault(format!("`fixed` is {}: it is a share", case.fixed), "write 0 to 1");
    };
    if case.tolerance < 0.0 {
        return report.fault("the tolerance is negative", "write 0 or more");
    }
    let r = g.compute_share(id);
    let ours = if case.streaming { speed.speed_streaming(r, g.memory_share(id)) } else { speed.speed(r) };
    report.double("speed", Some(case.expect), ours, case.tolerance);
}
