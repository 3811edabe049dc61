"""Renders the chart with these values as Helm does, and holds what comes out against Kubernetes' schemas.

    chart.py CHART < VALUES.json > OUTCOME.json

The outcome has `refused`, Helm's words if it refuses the values, or `documents`, `invalid` (what a schema
says against one of them, by Kubernetes version) and `lint`.
"""

import json
import logging
import sys

import helm_python
import kubernetes_validate
import yaml

# The oldest the chart allows and the newest the schemas know. Other people's kinds have none there.
VERSIONS = ["1.30", "1.37"]


def invalid(document):
    if document["apiVersion"].startswith("monitoring.coreos.com/"):
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except Exception as error:
            name = document["metadata"]["name"]
            yield f"{version}: {document['kind']} {name}: {error}"


def main():
    logging.disable(logging.CRITICAL)
    path = sys.argv[1]
    values = json.load(sys.stdin)
    outcome = {"lint": helm_python.lint(path)}
    try:
        with helm_python.Chart.load(path) as chart:
            chart.validate_schema(values)
            files = chart.render(values, name="demo", namespace="prod")
    except helm_python.HelmError as error:
        outcome["refused"] = str(error)
    else:
        texts = [text for name, text in files.items() if name.endswith(".yaml")]
        documents = [it for text in texts for it in yaml.safe_load_all(text) if it]
        outcome["documents"] = documents
        outcome["invalid"] = [said for it in documents for said in invalid(it)]
    json.dump(outcome, sys.stdout)


main()
