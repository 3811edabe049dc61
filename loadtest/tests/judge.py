"""Judges documents by a JSON Schema: python judge.py SCHEMA DOCUMENTS, one document a line.

Prints the judgements, a line each: "valid", or what is wrong. The validator is jsonschema-rs, which has nothing of
ours in it; the schema itself is first held to that of its draft.
"""

import json
import sys

import jsonschema_rs

schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema_rs.meta.validate(schema)
validator = jsonschema_rs.Draft202012Validator(schema)
for line in open(sys.argv[2], encoding="utf-8"):
    try:
        validator.validate(json.loads(line))
        print("valid")
    except jsonschema_rs.ValidationError as error:
        print("invalid: " + error.message.replace("\n", " ")[:200])
