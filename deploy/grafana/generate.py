#!/usr/bin/env python3
"""Makes multicode.json, the dashboard, from the list of panels below.

    python3 deploy/grafana/generate.py            writes it
    python3 deploy/grafana/generate.py --check    status 1 if it is not what would be written

Needs nothing but Python 3. Panels are laid out from left to right, 24 columns wide.
"""

import json
import pathlib
import sys

FILE = pathlib.Path(__file__).with_name("multicode.json")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HERE = 'instance=~"$instance"'
RATE = "$__rate_interval"
GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"


def quantile(share, name, by="", more=""):
    """Of native histograms where there are such, else of classic ones."""
    labels = f"{HERE}, {more}" if more else HERE
    native = f"sum by ({by}) (rate({name}{{{labels}}}[{RATE}]))" if by else f"sum(rate({name}{{{labels}}}[{RATE}]))"
    classic = f"sum by ({by + ', le' if by else 'le'}) (rate({name}_bucket{{{labels}}}[{RATE}]))"
    return f"histogram_quantile({share}, {native}) or histogram_quantile({share}, {classic})"


def rate(name, by="", more="", window=RATE):
    labels = f"{HERE}, {more}" if more else HERE
    inner = f"rate({name}{{{labels}}}[{window}])"
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def gauge(name, by="", more="", how="sum"):
    labels = f"{HERE}, {more}" if more else HERE
    return f"{how} by ({by}) ({name}{{{labels}}})" if by else f"{how}({name}{{{labels}}})"


def target(expr, legend, exemplar=False, instant=False):
    return {"expr": expr, "legendFormat": legend, "exemplar": exemplar, "instant": instant}


def steps(*pairs):
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in pairs]}


def panel(kind, title, description, unit, width, height, targets, **more):
    defaults = {"unit": unit, "thresholds": more.pop("thresholds", steps((GREEN, None)))}
    for name in ("min", "max", "decimals", "mappings", "noValue"):
        if name in more:
            defaults[name] = more.pop(name)
    custom = {}
    if kind == "timeseries":
        custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
        if more.pop("stacked", False):
            custom |= {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 40}
        if more.pop("line", False):
            custom["thresholdsStyle"] = {"mode": "dashed"}
        defaults["color"] = {"mode": "palette-classic"}
        options = {
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    elif kind == "stat":
        defaults["color"] = {"mode": "thresholds"}
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
            "textMode": more.pop("text", "auto"),
            "justifyMode": "auto",
            "orientation": "auto",
        }
    elif kind == "bargauge":
        defaults["color"] = {"mode": "thresholds"}
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": True,
        }
    else:
        defaults["color"] = {"mode": "thresholds"}
        custom = {"lineWidth": 0, "fillOpacity": 70}
        options = {
            "mergeValues": True,
            "showValue": "never",
            "rowHeight": 0.9,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "none"},
        }
    if custom:
        defaults["custom"] = custom
    assert not more, more
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "size": (width, height),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": targets,
    }


def lines(title, description, unit, targets, width=8, height=8, **more):
    return panel("timeseries", title, description, unit, width, height, targets, **more)


def stat(title, description, unit, expr, legend="", width=4, **more):
    return panel("stat", title, description, unit, width, 4, [target(expr, legend)], **more)


UP = [{"type": "value", "options": {"0": {"text": "no", "color": RED}, "1": {"text": "yes", "color": GREEN}}}]
BREAKER = [
    {
        "type": "value",
        "options": {
            "0": {"text": "closed", "color": GREEN},
            "1": {"text": "half open", "color": YELLOW},
            "2": {"text": "open", "color": RED},
        },
    }
]
SCANS = "multicode_scans_total"
ROUTED = 'route=~"$route"'
ISSUED = 'issuer=~"$issuer"'
SERVED = 'outcome=~"decision|repeated"'
REFUSED = 'outcome="rejection"'


def labelled(what):
    """Scans of the chosen issuers and routes; a refusal has no route."""
    return f"{ISSUED}, {what}"


def breaker():
    half = gauge("multicode_upstream_breaker", "upstream, endpoint", 'state="half-open"', "max")
    whole = gauge("multicode_upstream_breaker", "upstream, endpoint", 'state="open"', "max")
    return f"{half} + 2 * {whole}"


def writable():
    has_one = gauge("multicode_audit_records_total", "job, instance") + " > 0"
    return f"min by (instance) (multicode_audit_up{{{HERE}}} and on (job, instance) ({has_one}))"


ROWS = [
    (
        "Overview",
        [
            stat("Scans", "Scans a second, whatever became of them.", "reqps", rate(SCANS), decimals=1),
            stat(
                "Success",
                "Of the scans that could have been served, the share that was: refusals of bad codes, terminals' mistakes and departments' faults are not counted. The objective is 99.9 %.",
                "percentunit",
                "1 - job:multicode_scans_failed:ratio_rate5m",
                "{{job}}",
                decimals=3,
                max=1,
                thresholds=steps((RED, None), (ORANGE, 0.99), (YELLOW, 0.999), (GREEN, 0.9995)),
            ),
            stat(
                "Refused",
                "The share of all scans that was refused, for any reason.",
                "percentunit",
                f"{rate(SCANS, more=REFUSED)} / ({rate(SCANS)} > 0)",
                decimals=1,
                thresholds=steps((GREEN, None), (YELLOW, 0.1), (RED, 0.3)),
            ),
            stat(
                "p99",
                "From a request's first byte to its answer, departments included: 99 of 100 are faster.",
                "s",
                quantile(0.99, "multicode_scan_duration_seconds"),
                thresholds=steps((GREEN, None), (YELLOW, 0.5), (RED, 2)),
            ),
            stat(
                "In flight",
                "Requests under way over all workers.",
                "none",
                gauge("multicode_requests_in_flight"),
            ),
            stat(
                "Error budget left",
                "What is left of the failures that the objective (99.9 % over 30 days) allows.",
                "percentunit",
                "1 - job:multicode_scans_failed:ratio_rate30d / 0.001",
                "{{job}}",
                decimals=1,
                thresholds=steps((RED, None), (YELLOW, 0.25), (GREEN, 0.5)),
            ),
            lines(
                "Scans by outcome",
                "Scans a second: decisions, refusals, and requests answered with an earlier one's answer.",
                "reqps",
                [target(rate(SCANS, "outcome"), "{{outcome}}")],
                stacked=True,
                min=0,
            ),
            lines(
                "Duration",
                "From a request's first byte to its answer. The points are traces: click one to open it.",
                "s",
                [
                    target(quantile(share, "multicode_scan_duration_seconds", more=ROUTED), legend, exemplar=share == 0.99)
                    for share, legend in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                ],
                min=0,
            ),
            lines(
                "In flight and turned away",
                "Requests under way, and those answered overloaded because as many were as may be.",
                "none",
                [
                    target(gauge("multicode_requests_in_flight", "instance"), "{{instance}} in flight"),
                    target(rate("multicode_requests_shed_total", "instance"), "{{instance}} turned away a second"),
                ],
                min=0,
            ),
        ],
    ),
    (
        "By issuer, family and route",
        [
            lines(
                "Scans by family",
                "Scans a second by the family of the code; empty where no family claims it.",
                "reqps",
                [target(rate(SCANS, "family", ISSUED), "{{family}}")],
                stacked=True,
                min=0,
            ),
            lines(
                "Scans by issuer",
                "Scans a second by who issued the code; empty for codes without an issuer.",
                "reqps",
                [target(rate(SCANS, "issuer", ISSUED), "{{issuer}}")],
                stacked=True,
                min=0,
            ),
            lines(
                "Decisions by route",
                "Scans a second that took a route.",
                "reqps",
                [target(rate(SCANS, "route", f'outcome="decision", {ROUTED}'), "{{route}}")],
                stacked=True,
                min=0,
            ),
            lines(
                "Refused share by issuer",
                "The share of an issuer's codes that is refused. A jump after an issuer changed its keys is a key we do not have.",
                "percentunit",
                [target(f"{rate(SCANS, 'issuer', labelled(REFUSED))} / ({rate(SCANS, 'issuer', ISSUED)} > 0)", "{{issuer}}")],
                width=12,
                min=0,
                max=1,
            ),
            lines(
                "p99 by route",
                "From a request's first byte to its answer; refusals have the empty route.",
                "s",
                [target(quantile(0.99, "multicode_scan_duration_seconds", "route", ROUTED), "{{route}}", exemplar=True)],
                width=12,
                min=0,
            ),
        ],
    ),
    (
        "Refusals",
        [
            lines(
                "Refusals by reason",
                "Refusals a second; docs/reasons.md says what each means.",
                "reqps",
                [target(rate(SCANS, "reason", labelled(REFUSED)) + " > 0", "{{reason}}")],
                width=12,
                height=9,
                stacked=True,
                min=0,
            ),
            lines(
                "Refusals by who has to act",
                "Refusals a second by their cause. Only gateway counts against the objective; code is what the gateway is for.",
                "reqps",
                [target("sum by (cause) (job_cause:multicode_scans_rejected:rate5m)", "{{cause}}")],
                width=12,
                height=9,
                stacked=True,
                min=0,
            ),
            lines(
                "Possible fraud",
                "Codes a second of unknown issuers, with signatures that do not hold, that were used before, or that their issuer took back.",
                "reqps",
                [
                    target(
                        rate(SCANS, "reason", labelled('reason=~"bad-signature|replayed|revoked|unknown-issuer|unknown-key"')),
                        "{{reason}}",
                    )
                ],
                min=0,
            ),
            lines(
                "Too many requests",
                "Requests a second answered rate-limited, by what they were counted by.",
                "reqps",
                [target(rate("multicode_rate_limited_total", "limit"), "{{limit}}")],
                min=0,
            ),
            lines(
                "What scanners add, and overlaps",
                "Scans a second from which something was taken off, and texts that a second family claimed.",
                "reqps",
                [
                    target(rate("multicode_artefacts_cleaned_total", "artefact"), "{{artefact}}"),
                    target(rate("multicode_classify_ambiguous_total", "family") + " > 0", "also claimed: {{family}}"),
                ],
                min=0,
            ),
        ],
    ),
    (
        "Stages and overhead",
        [
            lines(
                "Overhead",
                "What a request takes beyond waiting for the terminal, its department and others.",
                "s",
                [
                    target(quantile(share, "multicode_gateway_overhead_seconds"), legend, exemplar=share == 0.99)
                    for share, legend in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                ],
                min=0,
                line=True,
                thresholds=steps((GREEN, None), (RED, 0.01)),
            ),
            lines(
                "p99 by stage",
                "What the stages of a scan's life take; forward is the department.",
                "s",
                [target(quantile(0.99, "multicode_stage_duration_seconds", "stage"), "{{stage}}")],
                min=0,
            ),
            lines(
                "Overhead by instance",
                "p99. One instance above the others has a machine that is too busy.",
                "s",
                [target(quantile(0.99, "multicode_gateway_overhead_seconds", "instance"), "{{instance}}")],
                min=0,
            ),
            lines(
                "Pictures",
                "Pictures a second by what became of them.",
                "reqps",
                [target(rate("multicode_pictures_total", "outcome"), "{{outcome}}")],
                width=12,
                min=0,
            ),
            lines(
                "Reading a picture",
                "What finding and reading the codes of a picture takes.",
                "s",
                [
                    target(quantile(share, "multicode_picture_duration_seconds"), legend)
                    for share, legend in ((0.5, "p50"), (0.99, "p99"))
                ],
                width=12,
                min=0,
            ),
        ],
    ),
    (
        "Verification",
        [
            lines(
                "Signatures",
                "Signatures verified a second, and whether they held.",
                "ops",
                [target(rate("multicode_verifications_total", "algorithm, result") + " > 0", "{{algorithm}} {{result}}")],
                stacked=True,
                min=0,
            ),
            lines(
                "p99 of verifying",
                "What verifying one signature takes, by algorithm.",
                "s",
                [target(quantile(0.99, "multicode_verification_duration_seconds", "algorithm"), "{{algorithm}}")],
                min=0,
            ),
            lines(
                "Verify queue",
                "The share of the places for heavy signatures (SM2, RSA) that is taken. At 100 % scans are answered verifier-busy.",
                "percentunit",
                [
                    target(
                        f"{gauge('multicode_verify_queue', 'instance')} / ({gauge('multicode_verify_queue_limit', 'instance')} > 0)",
                        "{{instance}}",
                    )
                ],
                min=0,
                max=1,
                line=True,
                thresholds=steps((GREEN, None), (RED, 0.8)),
            ),
            lines(
                "Issuers' platforms",
                "Codes a second about which an issuer's platform had to be asked, by how its word was had.",
                "reqps",
                [target(rate("multicode_introspections_total", "introspection, outcome"), "{{introspection}} {{outcome}}")],
                width=24,
                height=7,
                min=0,
            ),
        ],
    ),
    (
        "Keys",
        [
            panel(
                "bargauge",
                "Days to expiry",
                "Until the first active key of an issuer ends by its own validity; the least of all instances. Keys without an end are not here.",
                "d",
                8,
                8,
                [target(f"({gauge('multicode_keys_expiry_timestamp_seconds', 'issuer', ISSUED, 'min')} - time()) / 86400", "{{issuer}}")],
                min=0,
                max=90,
                decimals=1,
                thresholds=steps((RED, None), (ORANGE, 1), (YELLOW, 7), (GREEN, 30)),
            ),
            panel(
                "bargauge",
                "Age of the last refresh",
                "Since an issuer's keys could last be had; the oldest of all instances.",
                "s",
                8,
                8,
                [target(f"time() - {gauge('multicode_keys_fresh_timestamp_seconds', 'issuer', ISSUED, 'min')}", "{{issuer}}")],
                min=0,
                max=86400,
                thresholds=steps((GREEN, None), (YELLOW, 7200), (RED, 86400)),
            ),
            panel(
                "bargauge",
                "Until keys are stale",
                "How long an issuer's keys still serve if its server stays silent; the least of all instances.",
                "s",
                8,
                8,
                [target(f"{gauge('multicode_keys_stale_timestamp_seconds', 'issuer', ISSUED, 'min')} - time()", "{{issuer}}")],
                min=0,
                max=259200,
                thresholds=steps((RED, None), (YELLOW, 21600), (GREEN, 86400)),
            ),
            lines(
                "Keys by state",
                "The keys of all issuers by state; the most of any instance.",
                "none",
                [target(gauge("multicode_keys", "issuer, state", ISSUED, "max") + " > 0", "{{issuer}} {{state}}")],
                min=0,
                decimals=0,
            ),
            lines(
                "Questions to key servers",
                "Times within 5 minutes that keys and lists were asked for, by what came of it.",
                "none",
                [
                    target(
                        f"sum by (issuer, outcome) (increase(multicode_key_fetches_total{{{HERE}, {ISSUED}}}[5m]))",
                        "{{issuer}} {{outcome}}",
                    )
                ],
                min=0,
            ),
            lines(
                "Until the next refresh",
                "When an issuer's keys will be asked for again.",
                "s",
                [target(f"{gauge('multicode_keys_next_refresh_timestamp_seconds', 'issuer', ISSUED, 'min')} - time()", "{{issuer}}")],
            ),
        ],
    ),
    (
        "Departments",
        [
            panel(
                "state-timeline",
                "Endpoints up",
                "Whether an endpoint is used as usual, seen by all instances: red if one of them does not use it.",
                "none",
                12,
                8,
                [target(gauge("multicode_upstream_endpoint_up", "upstream, endpoint", how="min"), "{{upstream}} {{endpoint}}")],
                mappings=UP,
            ),
            panel(
                "state-timeline",
                "Breakers",
                "What the breakers of the endpoints do: the worst of all instances.",
                "none",
                12,
                8,
                [target(breaker(), "{{upstream}} {{endpoint}}")],
                mappings=BREAKER,
            ),
            lines(
                "p99 by department",
                "What a department takes, from the moment it is asked.",
                "s",
                [target(quantile(0.99, "multicode_upstream_duration_seconds", "upstream"), "{{upstream}}")],
                min=0,
            ),
            lines(
                "Requests by what became of them",
                "Requests a second: answered, or what went wrong.",
                "reqps",
                [target(rate("multicode_upstream_requests_total", "upstream, outcome") + " > 0", "{{upstream}} {{outcome}}")],
                min=0,
            ),
            lines(
                "In flight and queued",
                "Requests under way at a department, and those that wait for it.",
                "none",
                [
                    target(gauge("multicode_upstream_in_flight", "upstream"), "{{upstream}} in flight"),
                    target(gauge("multicode_upstream_queued", "upstream"), "{{upstream}} queued"),
                ],
                min=0,
            ),
            lines(
                "Turned away",
                "Requests a second answered upstream-busy (the queue was full, or they waited in vain), and those sent to an endpoint that is out because all were.",
                "reqps",
                [
                    target(rate("multicode_upstream_shed_total", "upstream, why"), "{{upstream}} {{why}}"),
                    target(rate("multicode_upstream_all_out_total", "upstream"), "{{upstream}} all out"),
                ],
                min=0,
            ),
            lines(
                "Checks",
                "Active checks a second.",
                "ops",
                [target(rate("multicode_upstream_checks_total", "upstream, endpoint, outcome"), "{{upstream}} {{endpoint}} {{outcome}}")],
                min=0,
            ),
            lines(
                "Ejections",
                "Times within 5 minutes that an endpoint was ejected for its failures.",
                "none",
                [
                    target(
                        f"sum by (upstream, endpoint) (increase(multicode_upstream_ejections_total{{{HERE}}}[5m]))",
                        "{{upstream}} {{endpoint}}",
                    )
                ],
                min=0,
            ),
        ],
    ),
    (
        "State and idempotency",
        [
            stat(
                "Store",
                "Whether what is sent can be recorded, at every instance.",
                "none",
                gauge("multicode_state_up", how="min"),
                mappings=UP,
            ),
            stat(
                "Outcomes unknown",
                "Requests of which nobody knows what became; /admin/outcomes names them. With Redis ask there: this is 0.",
                "none",
                gauge("multicode_state_unknown_outcomes"),
                thresholds=steps((GREEN, None), (RED, 1)),
            ),
            stat(
                "Outcomes unwritten",
                "Outcomes that wait until the store can be written to.",
                "none",
                gauge("multicode_state_unwritten"),
                thresholds=steps((GREEN, None), (YELLOW, 1)),
            ),
            stat(
                "Room for used codes",
                "The share of the places for used one-time codes that is taken, at the fullest instance. With Redis there is none.",
                "percentunit",
                f"max(multicode_state_claims{{{HERE}}} / (multicode_state_claims_limit{{{HERE}}} > 0))",
                width=12,
                decimals=1,
                noValue="Redis",
                thresholds=steps((GREEN, None), (YELLOW, 0.6), (RED, 0.8)),
            ),
            lines(
                "Used codes remembered",
                "One-time codes that are remembered as used.",
                "none",
                [target(gauge("multicode_state_claims", "instance"), "{{instance}}")],
                min=0,
            ),
            lines(
                "Requests made before",
                "Requests a second that were made before, by what the record said, and those answered with an earlier one's answer.",
                "reqps",
                [
                    target(rate("multicode_idempotency_total", "result"), "record: {{result}}"),
                    target(rate("multicode_answered_again_total", "by"), "answered again by {{by}}"),
                ],
                min=0,
            ),
            lines(
                "Made do without the store",
                "Requests a second for which the gateway's own memory had to do.",
                "reqps",
                [target(rate("multicode_state_local_total", "instance"), "{{instance}}")],
                min=0,
            ),
        ],
    ),
    (
        "Audit and telemetry",
        [
            panel(
                "state-timeline",
                "Audit trail can be written",
                "Of the instances that have one and have written something.",
                "none",
                24,
                5,
                [target(writable(), "{{instance}}")],
                mappings=UP,
            ),
            lines(
                "Audit records",
                "Records written a second by what they are of, and those there was no room for.",
                "ops",
                [
                    target(rate("multicode_audit_records_total", "class"), "{{class}}"),
                    target(rate("multicode_audit_lost_total"), "lost"),
                    target(rate("multicode_audit_refused_total"), "waited for in vain"),
                    target(rate("multicode_audit_shipped_total", "sink"), "acknowledged by {{sink}}"),
                ],
                min=0,
            ),
            lines(
                "Audit trail behind",
                "Records that wait to be written, and those another place has not acknowledged.",
                "none",
                [
                    target(gauge("multicode_audit_waiting", "instance"), "{{instance}} waiting"),
                    target(gauge("multicode_audit_behind", "instance, sink"), "{{instance}} {{sink}}"),
                ],
                min=0,
            ),
            lines(
                "Telemetry lost",
                "Scans within 5 minutes that who watches was not told of.",
                "none",
                [target(f"sum by (what) (increase(multicode_telemetry_lost_total{{{HERE}}}[5m]))", "{{what}}")],
                min=0,
                line=True,
                thresholds=steps((GREEN, None), (RED, 1)),
            ),
        ],
    ),
    (
        "Configuration",
        [
            panel(
                "state-timeline",
                "Newest files in force",
                "Whether the newest files are in force; while they are not, the ones from before serve.",
                "none",
                12,
                7,
                [target(gauge("multicode_config_last_reload_successful", "instance", how="min"), "{{instance}}")],
                mappings=UP,
            ),
            lines(
                "Reloads",
                "Times within 5 minutes that files were loaded.",
                "none",
                [target(f"sum by (result) (increase(multicode_config_reloads_total{{{HERE}}}[5m]))", "{{result}}")],
                width=6,
                height=7,
                min=0,
            ),
            lines(
                "Age of the configuration",
                "Since files last came into force. Instances that differ do not serve the same routes.",
                "s",
                [
                    target(
                        f"time() - {gauge('multicode_config_last_reload_success_timestamp_seconds', 'instance', how='max')}",
                        "{{instance}}",
                    )
                ],
                width=6,
                height=7,
                min=0,
            ),
        ],
    ),
    (
        "Doors",
        [
            lines(
                "Connections",
                "Connections that are open, by listener.",
                "none",
                [target(gauge("multicode_connections", "listener", how="sum"), "{{listener}}")],
                min=0,
            ),
            lines(
                "Connections turned away",
                "Connections within 5 minutes that were closed at the door, by why.",
                "none",
                [
                    target(
                        f"sum by (listener, cause) (increase(multicode_connections_refused_total{{{HERE}}}[5m]))",
                        "{{listener}} {{cause}}",
                    )
                ],
                min=0,
            ),
            lines(
                "Proofs of terminals",
                "Requests within 5 minutes by what their terminal showed, and whether it held.",
                "none",
                [
                    target(
                        f"sum by (proof, result) (increase(multicode_terminal_proofs_total{{{HERE}}}[5m]))",
                        "{{proof}} {{result}}",
                    )
                ],
                min=0,
            ),
        ],
    ),
    (
        "Process",
        [
            lines(
                "Processors",
                "Cores used.",
                "none",
                [target(f"rate(process_cpu_seconds_total{{{HERE}}}[{RATE}])", "{{instance}}")],
                width=6,
                min=0,
            ),
            lines(
                "Memory",
                "Resident memory.",
                "bytes",
                [target(f"process_resident_memory_bytes{{{HERE}}}", "{{instance}}")],
                width=6,
                min=0,
            ),
            lines(
                "File descriptors",
                "The share of the descriptors that is open.",
                "percentunit",
                [target(f"process_open_fds{{{HERE}}} / process_max_fds{{{HERE}}}", "{{instance}}")],
                width=6,
                min=0,
                max=1,
                line=True,
                thresholds=steps((GREEN, None), (RED, 0.8)),
            ),
            lines(
                "Uptime",
                "Since the process started.",
                "s",
                [target(f"time() - process_start_time_seconds{{{HERE}}}", "{{instance}}")],
                width=6,
                min=0,
            ),
        ],
    ),
]


def variable(name, label, metric, of):
    query = f"label_values({metric}, {of})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def dashboard():
    panels, number, top = [], 0, 0
    for title, row in ROWS:
        number += 1
        panels.append({"type": "row", "id": number, "title": title, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}})
        top, left, tallest = top + 1, 0, 0
        for one in row:
            width, height = one.pop("size")
            if left + width > 24:
                top, left, tallest = top + tallest, 0, 0
            number += 1
            one["id"] = number
            one["gridPos"] = {"x": left, "y": top, "w": width, "h": height}
            for letter, query in zip("ABCDEF", one["targets"]):
                query |= {"refId": letter, "datasource": SOURCE, "editorMode": "code", "range": True}
            left, tallest = left + width, max(tallest, height)
            panels.append(one)
        top += tallest
    return {
        "__inputs": [
            {
                "name": "DS_PROMETHEUS",
                "label": "Prometheus",
                "description": "The Prometheus that scrapes the gateways and has their recording rules.",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "9.4.0"},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        ]
        + [
            {"type": "panel", "id": kind, "name": name, "version": ""}
            for kind, name in (("bargauge", "Bar gauge"), ("stat", "Stat"), ("state-timeline", "State timeline"), ("timeseries", "Time series"))
        ],
        "uid": "multicode-gateway",
        "title": "multicode",
        "description": "Gateways of multicode. Needs the recording rules of deploy/prometheus.",
        "tags": ["multicode"],
        "schemaVersion": 37,
        "version": 1,
        "id": None,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "annotations": {
            "list": [
                {
                    "name": "Reloads",
                    "datasource": SOURCE,
                    "enable": True,
                    "iconColor": BLUE,
                    "expr": f"changes(multicode_config_last_reload_success_timestamp_seconds{{{HERE}}}[1m]) > 0",
                    "step": "1m",
                    "titleFormat": "files came into force",
                    "textFormat": "{{instance}}",
                }
            ]
        },
        "links": [],
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "refresh": 1,
                    "current": {"text": "${DS_PROMETHEUS}", "value": "${DS_PROMETHEUS}"},
                },
                variable("instance", "Instance", "multicode_build_info", "instance"),
                variable("route", "Route", "multicode_scans_total", "route"),
                variable("issuer", "Issuer", "multicode_keys", "issuer"),
            ]
        },
        "panels": panels,
    }


def main():
    text = json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        there = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
        if there != text:
            sys.exit("deploy/grafana/multicode.json is not what generate.py writes: run it")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        FILE.write_text(text, encoding="utf-8")


main()
