#!/usr/bin/env python3
"""What tomllib says about texts: standard input is a list of "LENGTH\\n" and LENGTH bytes; one line of output a text,
"refused" or its content in the form that toml_test.cpp writes. Ends with 77 where there is no tomllib."""
import datetime
import sys

try:
    import tomllib
except ImportError:
    sys.exit(77)


def shown(value):
    if isinstance(value, str):
        return "'" + value.encode().hex() + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "float"
    if isinstance(value, (datetime.datetime, datetime.time)):
        return "time"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + "".join(shown(element) + "," for element in value) + "]"
    parts = sorted((key.encode(), element) for key, element in value.items())
    return "{" + "".join(f"{shown(key.decode())}={shown(element)}," for key, element in parts) + "}"


def too_big(value):
    if isinstance(value, dict):
        return any(map(too_big, value.values()))
    if isinstance(value, list):
        return any(map(too_big, value))
    return isinstance(value, int) and not -2**63 <= value < 2**63


data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    end = data.index(b"\n", at)
    length = int(data[at:end])
    text = data[end + 1:end + 1 + length]
    at = end + 1 + length
    try:
        table = tomllib.loads(text.decode())
        print("refused" if too_big(table) else shown(table))
    except (ValueError, RecursionError):
        print("refused")
