//! From the text of a file to objects.

use super::catalogue::{FOREIGN, IDLE, IDLE_GROUPS, KINDS, Known, UNMODELLED};
use super::fields::{Cx, Fields};
use super::finding::{Class, Findings};
use super::kind::budget::{Pdb, PriorityClass, ResourceQuota};
use super::kind::descheduler::Descheduler;
use super::kind::gpu::{DevicePlugin, MigParted};
use super::kind::hpa::Hpa;
use super::kind::keda::ScaledObject;
use super::kind::kueue::{ClusterQueue, Cohort, Flavor, LocalQueue};
use super::kind::meta::Meta;
use super::kind::node_pool::{Api, NodeClass, NodePool};
use super::kind::vpa::Vpa;
use super::kind::workload::{Workload, WorkloadKind};
use super::object::{Body, Manifests, Object};
use crate::formats::tree::shorten;
use crate::formats::{Entry, Node, Syntax, Value, parse_documents};
use crate::units::{Diagnostic, Severity, SourceId, SourceMap, nearest};

/// How many levels of lists of objects and of configurations within ConfigMaps are followed.
const MAX_NESTED: u32 = 4;

/// Reads the text `id` and adds its objects.
pub fn read(id: SourceId, syntax: Syntax, sources: &mut SourceMap, all: &mut Manifests, findings: &mut Findings) {
    documents(id, syntax, 0, sources, all, findings);
}

fn documents(
    id: SourceId,
    syntax: Syntax,
    nested: u32,
    sources: &mut SourceMap,
    all: &mut Manifests,
    findings: &mut Findings,
) {
    let (nodes, found) = parse_documents(id, sources, syntax);
    let template = sources.get(id).text.contains("{{");
    for mut d in found.list {
        if template && d.severity == Severity::Error && !d.message.contains("given twice") {
            d = d.help("this looks like a template: render it first (helm template, kustomize build, envsubst)");
        }
        findings.push(Class::Invalid, "invalid", "", "", d);
    }
    for node in nodes {
        let node = merged(node, 0);
        document(&node, nested, sources, all, findings);
    }
}

/// `<<: *anchor`: YAML 1.1's merge key, which `kubectl` reads. What is written beside it wins.
fn merged(node: Node, depth: usize) -> Node {
    let at = node.at;
    if depth > crate::formats::tree::MAX_DEPTH {
        return node;
    }
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(|n| merged(n, depth + 1)).collect()),
        Value::Map(entries) => {
            let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
            let mut merges = Vec::new();
            for e in entries {
                let value = merged(e.value, depth + 1);
                if e.key.as_text() == Some("<<") {
                    match value.value {
                        Value::Map(more) => merges.extend(more),
                        Value::List(items) => merges.extend(items.into_iter().flat_map(|n| match n.value {
                            Value::Map(more) => more,
                            _ => Vec::new(),
                        })),
                        other => {
                            out.push(Entry { key: e.key, value: Node { value: other, ..Node::new(Value::Null, at) } })
                        }
                    }
                } else {
                    out.push(Entry { key: e.key, value });
                }
            }
            for m in merges {
                if !out.iter().any(|e| e.key.key_text() == m.key.key_text()) {
                    out.push(m);
                }
            }
            Value::Map(out)
        }
        other => other,
    };
    Node { value, at, loose: node.loose }
}

fn document(node: &Node, nested: u32, sources: &mut SourceMap, all: &mut Manifests, findings: &mut Findings) {
    let at = node.head();
    let mut cx = Cx { findings, object: "the document".to_owned() };
    if node.entries().is_none() {
        let message = format!("a document of the file is {}", node.found());
        let d = Diagnostic::error(message)
            .at(at.0, at.1, "a Kubernetes object is wanted")
            .help("an object begins with `apiVersion:` and `kind:`");
        cx.findings.push(Class::Invalid, "invalid", "", "", d);
        return;
    }
    let Some(mut f) = Fields::of(node, "", &mut cx) else { return };
    if !f.has("kind") && !f.has("apiVersion") {
        return without_kind(f, node, all, &mut cx);
    }
    let kind = f.needed_text("kind", &mut cx);
    let api = f.needed_text("apiVersion", &mut cx);
    let (Some(kind), Some(api)) = (kind, api) else { return };
    let (group, version) = api.split_once('/').unwrap_or(("", api.as_str()));
    let same_kind = || KINDS.iter().filter(|k| k.kind == kind.value);
    let found = same_kind().find(|k| k.group == group && k.versions.contains(&version));
    let Some(known) = found else {
        return other_kind(&kind, &api, group, version, same_kind().collect(), &mut cx);
    };
    let name = node.get("metadata").and_then(|m| m.get("name").or_else(|| m.get("generateName")));
    let name = name.and_then(Node::key_text).unwrap_or("");
    cx.object = if name.is_empty() { kind.value.clone() } else { format!("{}/{name}", kind.value) };
    f.no_effect(&["status"], &mut cx);
    if known.kind == "List" {
        f.take("metadata");
        let items = f.list("items", &mut cx);
        f.finish(&mut cx);
        if nested < MAX_NESTED {
            for (item, _) in items {
                document(item, nested + 1, sources, all, cx.findings);
            }
        }
        return;
    }
    if known.kind == "ConfigMap" {
        return config_map(f, nested, sources, all, &mut cx);
    }
    let meta = Meta::read(&mut f, &mut cx);
    if meta.name.is_none() && known.kind != "DeschedulerPolicy" && !told_of_name(&cx) {
        let place = f.key_at("metadata").unwrap_or(at);
        cx.invalid(place, "metadata.name", "`metadata.name` is missing", "it belongs here", "add `name:`");
    }
    let body = body(known, version, &mut f, &meta, &mut cx);
    f.finish(&mut cx);
    if let Some(body) = body {
        all.objects.push(Object { kind: kind.value, at: kind.at, meta, body });
    }
}

/// Whether a wrong name was just told.
fn told_of_name(cx: &Cx<'_>) -> bool {
    cx.findings.list.iter().rev().take(4).any(|f| f.object == cx.object && f.path == "metadata.name")
}

fn body(known: &Known, version: &str, f: &mut Fields<'_>, meta: &Meta, cx: &mut Cx<'_>) -> Option<Body> {
    // Their fields stand at the top.
    match known.kind {
        "DeschedulerPolicy" => return Some(Body::Descheduler(Descheduler::read(f, cx))),
        "PriorityClass" | "WorkloadPriorityClass" => return PriorityClass::read(f, cx).map(Body::PriorityClass),
        _ => {}
    }
    let optional = matches!(known.kind, "ResourceFlavor" | "Cohort") && !f.has("spec");
    if optional {
        let empty = Flavor { labels: Vec::new(), taints: Vec::new() };
        return Some(match known.kind {
            "ResourceFlavor" => Body::Flavor(empty),
            _ => Body::Cohort(Cohort { parent: None, groups: Vec::new(), weight_milli: None }),
        });
    }
    let s = f.needed_map("spec", cx)?;
    let v1 = version == "v1";
    let workload = |w: Option<Workload>| w.map(|w| Body::Workload(Box::new(w)));
    match known.kind {
        "HorizontalPodAutoscaler" => Hpa::read(s, v1, cx).map(Body::Hpa),
        "ScaledObject" => ScaledObject::read(s, cx).map(Body::ScaledObject),
        "NodePool" => {
            let api = if v1 { Api::V1 } else { Api::V1Beta1 };
            Some(Body::NodePool(Box::new(NodePool::read(s, api, cx))))
        }
        "EC2NodeClass" => Some(Body::NodeClass(NodeClass::read(s, cx))),
        "VerticalPodAutoscaler" => Vpa::read(s, cx).map(Body::Vpa),
        "PodDisruptionBudget" => Some(Body::Pdb(Pdb::read(s, cx))),
        "ResourceQuota" => Some(Body::ResourceQuota(ResourceQuota::read(s, cx))),
        "ClusterQueue" => Some(Body::ClusterQueue(ClusterQueue::read(s, cx))),
        "LocalQueue" => LocalQueue::read(s, cx).map(Body::LocalQueue),
        "ResourceFlavor" => Some(Body::Flavor(Flavor::read(s, cx))),
        "Cohort" => Some(Body::Cohort(Cohort::read(s, cx))),
        "Rollout" => workload(Workload::rollout(s, cx)),
        "Deployment" => workload(Workload::replicated(WorkloadKind::Deployment, s, cx)),
        "StatefulSet" => workload(Workload::replicated(WorkloadKind::StatefulSet, s, cx)),
        "Job" => workload(Workload::job(WorkloadKind::Job, s, cx)),
        "CronJob" => workload(Workload::cron_job(s, cx)),
        "Pod" => workload(Some(Workload::pod(s, meta, cx))),
        _ => None,
    }
}

/// mig-parted and device-plugin configurations have neither kind nor version.
fn without_kind(mut f: Fields<'_>, node: &Node, all: &mut Manifests, cx: &mut Cx<'_>) {
    let at = node.head();
    let body = if f.has("mig-configs") {
        cx.object = "mig-parted".to_owned();
        Body::MigParted(MigParted::read(&mut f, cx))
    } else if f.has("sharing") || node.get("flags").is_some_and(|n| n.get("migStrategy").is_some()) {
        cx.object = "device-plugin".to_owned();
        Body::DevicePlugin(DevicePlugin::read(&mut f, cx))
    } else {
        let d = Diagnostic::error("a document is no Kubernetes object")
            .at(at.0, at.1, "neither `apiVersion` nor `kind`")
            .help("values of a chart are no manifests: render them first (helm template, kustomize build)");
        cx.findings.push(Class::Invalid, "invalid", "", "", d);
        return;
    };
    f.finish(cx);
    all.objects.push(Object { kind: cx.object.clone(), at, meta: Meta::default(), body });
}

fn other_kind(
    kind: &super::At<String>,
    api: &super::At<String>,
    group: &str,
    version: &str,
    same: Vec<&Known>,
    cx: &mut Cx<'_>,
) {
    let unmodelled = |why: &str| {
        Diagnostic::warning(format!("objects of kind `{}` are not modelled", kind.value)).at(kind.at.0, kind.at.1, why)
    };
    if let Some((_, why)) = FOREIGN.iter().find(|(g, _)| *g == group) {
        cx.findings.push(Class::NotModelled, "not-modelled", &kind.value, "", unmodelled(why));
        return;
    }
    if IDLE_GROUPS.contains(&group) {
        *cx.findings.idle_kinds.entry(kind.value.clone()).or_default() += 1;
        return;
    }
    if same.is_empty() || !same.iter().any(|k| k.group == group || !k.versions.is_empty()) {
        if let Some((_, why)) = UNMODELLED.iter().find(|(k, _)| *k == kind.value) {
            cx.findings.push(Class::NotModelled, "not-modelled", &kind.value, "", unmodelled(why));
            return;
        }
        if IDLE.contains(&kind.value.as_str()) {
            *cx.findings.idle_kinds.entry(kind.value.clone()).or_default() += 1;
            return;
        }
    }
    let d = if same.is_empty() {
        let names = KINDS.iter().map(|k| k.kind).chain(UNMODELLED.iter().map(|k| k.0)).chain(IDLE.iter().copied());
        let d = Diagnostic::error(format!("unknown kind `{}` of `{}`", shorten(kind), shorten(api))).at(
            kind.at.0,
            kind.at.1,
            "not a kind that is known here",
        );
        match nearest(kind, names) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d.help("docs/manifests.md lists the kinds that are read; leave the file out of the pattern"),
        }
    } else {
        let in_group = same.iter().find(|k| k.group == group);
        let gone = in_group.and_then(|k| k.gone.iter().find(|(v, _)| *v == version));
        let d = Diagnostic::error(format!("unknown version `{}` of {}", shorten(api), kind.value));
        let d = d.at(api.at.0, api.at.1, gone.map_or("not a version that is known here", |(_, why)| why));
        let current = same.iter().find(|k| !k.versions.is_empty()).copied();
        match in_group.copied().filter(|k| !k.versions.is_empty()).or(current) {
            Some(k) => {
                let prefix = if k.group.is_empty() { String::new() } else { format!("{}/", k.group) };
                let all: Vec<String> = k.versions.iter().map(|v| format!("{prefix}{v}")).collect();
                d.help(format!("write apiVersion: {}", all.join(" or ")))
            }
            None => d.help("its kind has left this group"),
        }
    };
    cx.findings.push(Class::Invalid, "invalid", &kind.value, "", d);
}

/// Configurations that are kept in a ConfigMap are read where they stand.
fn config_map(mut f: Fields<'_>, nested: u32, sources: &mut SourceMap, all: &mut Manifests, cx: &mut Cx<'_>) {
    f.take("metadata");
    let mut texts = Vec::new();
    let mut others = 0;
    if let Some(mut data) = f.map("data", cx) {
        for (key, node, _) in data.entries() {
            match node.as_text() {
                Some(text) if is_configuration(text) => texts.push((key, node)),
                _ => others += 1,
            }
        }
    }
    f.no_effect(&["binaryData", "immutable"], cx);
    f.finish(cx);
    if others > 0 {
        *cx.findings.no_effect.entry("data of ConfigMaps".to_owned()).or_default() += others;
    }
    if nested >= MAX_NESTED {
        return;
    }
    for (key, node) in texts {
        let id = piece(node, &key, sources);
        let before = all.objects.len();
        documents(id, Syntax::Yaml, nested + 1, sources, all, cx.findings);
        for o in &mut all.objects[before..] {
            if o.meta.name.is_none() {
                o.meta.name = Some(key.clone());
            }
        }
    }
}

/// Whether a text within a ConfigMap is a configuration that is read here.
fn is_configuration(text: &str) -> bool {
    // A key at the beginning of a line, or of a map in braces; not just the word in some script.
    let key = |word: &str| {
        let braced = format!("{{{word}:");
        let at_start = |l: &str| {
            let l = l.trim_start().trim_start_matches(['"', '\'']);
            l.strip_prefix(word).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
        };
        text.lines().any(at_start) || text.contains(&braced)
    };
    key("mig-configs")
        || key("migStrategy")
        || (key("sharing") && (key("timeSlicing") || key("mps")))
        || (key("kind") && text.contains("DeschedulerPolicy"))
}

/// The text of a scalar as a source of its own, so that carets point into the file: the lines of a block scalar as they
/// stand, indentation included.
fn piece(node: &Node, key: &str, sources: &mut SourceMap) -> SourceId {
    let (source, span) = node.at;
    let file = sources.get(source);
    let text = file.text.as_ref();
    let end = (span.end as usize).min(text.len());
    let start = (span.start as usize).min(end);
    let value = node.as_text().unwrap_or("");
    // The block's first line is the one after its header; how much of it the span has differs by parser.
    let line_of = |byte: usize| text[..byte].rfind('\n').map_or(0, |i| i + 1);
    let header = text[line_of(start)..].lines().next().unwrap_or("").trim_end();
    let is_header = header.rsplit([' ', ':']).next().is_some_and(|w| w.starts_with('|'));
    let first = if is_header { text[start..].find('\n').map_or(end, |i| start + i + 1) } else { line_of(start) };
    let whole = text[..end].len() + text[end..].find('\n').map_or(text.len() - end, |i| i + 1);
    let block = &text[first.min(whole)..whole];
    let same = block
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .eq(value.lines().map(str::trim).filter(|l| !l.is_empty()));
    if same {
        let line = text[..first].matches('\n').count() + file.first_line;
        let (name, block) = (file.name.clone(), block.to_owned());
        return sources.add_piece(name, block, line);
    }
    // A quoted or folded text has no lines of its own in the file.
    let (line, _) = sources.line_col(source, span.start);
    let name = format!("{}, line {line}, `{key}`", sources.get(source).name);
    sources.add(name, value.to_owned())
}
