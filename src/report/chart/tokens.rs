//! What tokens and requests cost, where the dollars of services went, and whose they were.

use super::service::{Shown, every, shown};
use super::{Drawing, csv, num, share};
use crate::outcome::{ChargeKind, Outcome};
use crate::report::axes::{About, Plot, Scale, Swatch, dollars, from_zero, key, page};
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene};
use crate::report::theme::{self, BLACK, BLUE, GREY, HEAD_PX, Ink, LABEL_PX, MID, ORANGE, SKY, SLATE, TICK_PX};
use crate::report::words;
use crate::units::{Activity, Usd};

/// The most services.
const SERVICES: usize = 4;
/// The most bars of a label's values.
const VALUES: usize = 6;

/// What dollars were for, with a colour.
const PARTS: [(&str, Ink); 4] =
    [("serving requests", BLUE), ("warm, idle", SKY), ("cold starts", ORANGE), ("lost and other", MID)];

/// The bill of a workload by [`PARTS`]. Adds up to it, exactly.
fn parts(o: &Outcome, name: &str) -> [Usd; 4] {
    let mut out = [Usd::ZERO; 4];
    for c in o.charges.iter().filter(|c| c.workload.as_deref() == Some(name)) {
        let i = match c.kind {
            ChargeKind::Activity(Activity::Productive) => 0,
            ChargeKind::Activity(Activity::WarmIdle) => 1,
            ChargeKind::Activity(Activity::ColdStart) => 2,
            _ => 3,
        };
        out[i] += c.usd.0;
    }
    out
}

/// The key by which bills of services are told apart: `team` where there is one, else the first that has most values.
fn label_key(o: &Outcome) -> Option<String> {
    let names: Vec<&str> = every(o).map(|s| s.work.name.as_str()).collect();
    let mut by: std::collections::BTreeMap<&str, std::collections::BTreeSet<&str>> = std::collections::BTreeMap::new();
    for c in o.charges.iter().filter(|c| c.workload.as_deref().is_some_and(|w| names.contains(&w))) {
        for (k, v) in c.labels.iter().filter_map(|l| l.split_once('=')) {
            by.entry(k).or_default().insert(v);
        }
    }
    if by.contains_key("team") {
        return Some("team".into());
    }
    by.into_iter().reduce(|a, b| if b.1.len() > a.1.len() { b } else { a }).map(|(k, _)| k.to_owned())
}

/// What services were charged for requests with each value of a label, and for none: by value, dearest first, serving and
/// all else. Adds up to the bills of the services, exactly.
fn values(o: &Outcome, label: &str) -> Vec<(String, [Usd; 2])> {
    let names: Vec<&str> = every(o).map(|s| s.work.name.as_str()).collect();
    let mut by: std::collections::BTreeMap<&str, [Usd; 2]> = std::collections::BTreeMap::new();
    let mut rest = [Usd::ZERO; 2];
    for c in o.charges.iter().filter(|c| c.workload.as_deref().is_some_and(|w| names.contains(&w))) {
        let value = c.labels.iter().filter_map(|l| l.split_once('=')).find(|(k, _)| *k == label);
        let row = value.map_or(&mut rest, |(_, v)| by.entry(v).or_default());
        row[usize::from(c.kind != ChargeKind::Activity(Activity::Productive))] += c.usd.0;
    }
    let mut out: Vec<(String, [Usd; 2])> = by.into_iter().map(|(v, u)| (v.to_owned(), u)).collect();
    out.sort_by_key(|(_, u)| std::cmp::Reverse(u[0] + u[1]));
    if rest != [Usd::ZERO; 2] {
        out.push((format!("no {label}"), rest));
    }
    out
}

/// USD per million input tokens, per million output tokens, per thousand requests answered, per thousand good ones.
fn units(s: &Shown) -> [Option<f64>; 4] {
    let bill = s.work.bill.0.to_f64();
    let (input, output) = s.service.usd_per_million(bill);
    let per = |n: u64| (n > 0).then(|| bill / n as f64 * 1e3);
    let r = &s.service.requests;
    [input, output, per(r.answered + r.from_cache), per(s.service.good)]
}

/// Three digits: `0.0133`, `1.10`, `154`.
fn price(v: f64) -> String {
    let decimals = if v > 0.0 { (2 - v.log10().floor() as i32).clamp(0, 6) } else { 2 };
    words::number(v, decimals as usize)
}

fn title(o: &Outcome, services: &[Shown]) -> String {
    // Of the services that answered, the dearest.
    let Some((s, usd)) = services.iter().find_map(|s| Some((s, units(s)[1]?))) else {
        return "Services cost money, and no token came of it".into();
    };
    let p = parts(o, &s.work.name);
    let all: Usd = p.iter().copied().sum();
    format!(
        "A million output tokens of {} cost {} USD; {} of its dollars served requests",
        words::shorten(&s.work.name, 28),
        price(usd),
        words::percent(share(p[0].to_f64(), all.to_f64()))
    )
}

/// Draws it; `None` where no service was charged anything.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let (mut services, rest) = shown(o, usize::MAX, |_| true);
    services.retain(|s| s.work.bill.0 > Usd::ZERO);
    if services.is_empty() {
        return None;
    }
    let left_out = services.len().saturating_sub(SERVICES);
    services.truncate(SERVICES);
    let title = title(o, &services);
    let more = if left_out > 0 { format!("{left_out} more services are in the CSV; {rest}") } else { rest };
    let note =
        format!("{more}prices of tokens share the whole bill, idle and cold time included, as the time in steps was");
    let (mut s, body) = page(&title, &note, about);
    let entries = PARTS.map(|(name, ink)| (Swatch::Fill(ink), name));
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let label = label_key(o);
    let h = body.y1 - top;
    let upper = if label.is_some() { (150.0 * services.len() as f64).min(h * 0.5) } else { h - 60.0 };
    let end = costs(&mut s, o, &services, Area::new(body.x0, top + 10.0, body.x1, top + 60.0 + upper));
    if let Some(label) = label {
        by_label(&mut s, o, &label, Area::new(body.x0, end + 20.0, body.x1, body.y1));
    }
    Some(Drawing { name: "tokens", title, scene: s, csv: table(o) })
}

/// Prices, and where dollars went, a row a service. Returns where they end.
fn costs(s: &mut Scene, o: &Outcome, services: &[Shown], a: Area) -> f64 {
    let names = a.x0 + 300.0;
    let x = |i: usize| names + 195.0 * (i as f64 + 1.0);
    let heads = ["USD per million", "USD per million", "USD per 1,000", "USD per 1,000"];
    for (i, text) in heads.into_iter().enumerate() {
        let second = ["input tokens", "output tokens", "requests", "good requests"][i];
        s.text(x(i), a.y0 + 14.0, text, TICK_PX, GREY, Anchor::End);
        s.text(x(i), a.y0 + 42.0, second, TICK_PX, GREY, Anchor::End);
    }
    let bars = Area::new(x(3) + 50.0, a.y0 + 56.0, a.x1, a.y1);
    s.text(bars.x0, a.y0 + 42.0, "where its dollars went", TICK_PX, GREY, Anchor::Start);
    let pitch = (bars.h() / services.len() as f64).min(130.0);
    for (i, v) in services.iter().enumerate() {
        let y = bars.y0 + pitch * (i as f64 + 0.5);
        let name = theme::fit(&v.work.name, HEAD_PX, true, 290.0);
        s.bold(a.x0, y - 2.0, name, HEAD_PX, BLACK, Anchor::Start);
        s.text(a.x0, y + 28.0, words::usd(v.work.bill.0), LABEL_PX, GREY, Anchor::Start);
        for (j, u) in units(v).into_iter().enumerate() {
            s.bold(x(j), y + 10.0, u.map_or_else(|| "–".into(), price), HEAD_PX, BLACK, Anchor::End);
        }
        let p = parts(o, &v.work.name).map(|u| u.to_f64().max(0.0));
        let all: f64 = p.iter().sum();
        let half = (pitch * 0.28).min(32.0);
        let mut from = bars.x0;
        for (usd, (_, ink)) in p.into_iter().zip(PARTS) {
            let to = from + bars.w() * share(usd, all);
            s.rect(Area::new(from, y - half, to, y + half), ink);
            // All but a sliver is not all.
            let part = share(usd, all);
            let text = if part > 0.995 { words::attained(part) } else { words::percent(part) };
            if to - from > theme::width(&text, LABEL_PX, false) + 16.0 {
                s.text((from + to) / 2.0, y + 9.0, text, LABEL_PX, ink.text_on(), Anchor::Middle);
            }
            from = to;
        }
    }
    bars.y0 + pitch * services.len() as f64
}

/// Dollars by the values of a label, all services.
fn by_label(s: &mut Scene, o: &Outcome, label: &str, a: Area) {
    let mut rows = values(o, label);
    if rows.len() > VALUES {
        let rest = rows.split_off(VALUES - 1);
        let sum = |i: usize| rest.iter().map(|r| r.1[i]).sum::<Usd>();
        rows.push((format!("{} others", rest.len()), [sum(0), sum(1)]));
    }
    heading(s, a.x0, a.y0 + 22.0, &format!("By {label}, all services: serving, and replicas' other time"), a.w());
    let text = |u: &[Usd; 2]| words::usd(u[0] + u[1]);
    let right = rows.iter().map(|r| theme::width(&text(&r.1), LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(a.x0 + 300.0, a.y0 + 44.0, a.x1 - right - 30.0, a.y1 - 44.0);
    let most = rows.iter().map(|r| (r.1[0] + r.1[1]).to_f64()).fold(0.0, f64::max);
    let (hi, t, step) = from_zero(most, 1e-6, 6);
    let plot = Plot { area, x: Scale::Linear(0.0, hi), y: Scale::Linear(0.0, 1.0) };
    plot.x_axis(s, &dollars(&t, step), "");
    let pitch = (area.h() / rows.len() as f64).min(64.0);
    for (i, (name, usd)) in rows.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let half = pitch * 0.36;
        let [serving, all] = [usd[0], usd[0] + usd[1]].map(|u| plot.px(u.to_f64()));
        s.rect(Area::new(area.x0, y - half, serving, y + half), BLUE);
        s.rect(Area::new(serving, y - half, all, y + half), SLATE.tint(0.35));
        s.hatch(Area::new(serving, y - half, all, y + half), SLATE, 8.0);
        s.text(area.x0 - 16.0, y + 8.0, theme::fit(name, LABEL_PX, false, 280.0), LABEL_PX, BLACK, Anchor::End);
        s.text(all + 12.0, y + 8.0, text(usd), LABEL_PX, GREY, Anchor::Start);
    }
}

fn table(o: &Outcome) -> String {
    let header = [
        "service",
        "usd",
        "usd_per_million_input",
        "usd_per_million_output",
        "usd_per_thousand_requests",
        "usd_per_thousand_good_requests",
        "serving_usd",
        "warm_idle_usd",
        "cold_start_usd",
        "other_usd",
        "label",
        "label_serving_usd",
        "label_other_usd",
    ];
    let blank = |n: usize| vec![String::new(); n];
    let mut rows: Vec<Vec<String>> = every(o)
        .map(|s| {
            let mut row = vec![s.work.name.clone(), s.work.bill.0.exact()];
            row.extend(units(&s).map(|v| v.map_or_else(String::new, num)));
            row.extend(parts(o, &s.work.name).map(|u| u.exact()));
            row.extend(blank(3));
            row
        })
        .collect();
    if let Some(label) = label_key(o) {
        rows.extend(values(o, &label).into_iter().map(|(v, u)| {
            let mut row = blank(10);
            row.extend([format!("{label}={v}"), u[0].exact(), u[1].exact()]);
            row
        }));
    }
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn parts_and_labels_add_up_to_the_bills_of_the_services() {
        let o = sample::services::outcome();
        let bills: Usd = every(&o).map(|s| s.work.bill.0).sum();
        for s in every(&o) {
            assert_eq!(parts(&o, &s.work.name).into_iter().sum::<Usd>(), s.work.bill.0, "{}", s.work.name);
        }
        assert_eq!(label_key(&o).as_deref(), Some("team"));
        let rows = values(&o, "team");
        assert_eq!(rows.iter().map(|r| r.1[0] + r.1[1]).sum::<Usd>(), bills);
        // A replica of summaries all the time, six hours at 1.21 USD, is search's.
        let (name, usd) = &rows[0];
        assert_eq!(name, "search");
        assert!((usd[0] + usd[1]).to_f64() > 6.0 * 1.21);
        assert_eq!(rows[rows.len() - 1].0, "no team");
        assert_eq!(rows[rows.len() - 1].1[0], Usd::ZERO, "every request has a team");
    }

    #[test]
    fn prices_have_three_digits() {
        assert_eq!([0.013_269, 1.101_97, 153.797, 0.0].map(price), ["0.0133", "1.10", "154", "0.00"]);
    }
}
