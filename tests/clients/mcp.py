"""Speaks MCP to `prometheus-mcp-server` over its pipes and calls each of its tools: SERVER. It prints the answers, a line each."""

import json
import subprocess
import sys
import time

ASKED = [
    ("health_check", {}),
    ("execute_query", {"query": "sum(up)"}),
    ("execute_range_query", {"query": "sum(up)", "start": str(time.time() - 30), "end": str(time.time()), "step": "5s"}),
    ("list_metrics", {"limit": 500}),
    ("get_metric_metadata", {"metric": "process_resident_memory_bytes"}),
    ("get_metric_metadata", {"filter_pattern": "orders"}),
    ("get_targets", {}),
]

server = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
asked = 0


def tell(method, params):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}) + "\n")
    server.stdin.flush()


def ask(method, params):
    global asked
    asked += 1
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": asked, "method": method, "params": params}) + "\n")
    server.stdin.flush()
    for line in server.stdout:
        answer = json.loads(line)
        if answer.get("id") == asked:
            return answer["result"]
    sys.exit(f"the server ended before it answered {method}")


ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
tell("notifications/initialized", {})
offered = [tool["name"] for tool in ask("tools/list", {})["tools"]]
print(json.dumps({"tool": "tools/list", "answer": offered}))
for name, arguments in ASKED:
    print(json.dumps({"tool": name, "answer": ask("tools/call", {"name": name, "arguments": arguments})}))
server.stdin.close()
server.wait(10)
