"""Sends three spans with one of the published Python exporters: PROTOCOL COMPRESSION ENDPOINT SERVICE."""

import importlib
import sys

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

protocol, compression, endpoint, service = sys.argv[1:]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    chosen = {"none": Compression.NoCompression, "gzip": Compression.Gzip, "deflate": Compression.Deflate}[compression]
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=chosen)
else:
    package = {"http": "opentelemetry.exporter.otlp.proto.http", "json": "opentelemetry.exporter.otlp.json.http"}[protocol]
    common = importlib.import_module(package + ".trace_exporter")
    exporter = common.OTLPSpanExporter(
        endpoint=endpoint + "/v1/traces", compression=common.Compression(compression)
    )


class Told(SpanExporter):
    """An exporter only logs what it is refused; this one fails the program."""

    def export(self, spans):
        result = exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            sys.exit(f"{protocol} {compression}: {result}")
        return result

    def shutdown(self):
        exporter.shutdown()


provider = TracerProvider(resource=Resource({"service.name": service}))
provider.add_span_processor(SimpleSpanProcessor(Told()))
tracer = provider.get_tracer("clients")
with tracer.start_as_current_span("outer", attributes={"list.empty": [], "text.wide": "\U0001f525 fire"}):
    with tracer.start_as_current_span("long", attributes={"text.long": "x" * 300_000}):
        values = {"bytes": b"\x00\xff", "list.mixed": [1, 2, 3], "number": 2**53 + 1, "nested": {"a": [{"b": "c"}]}}
        with tracer.start_as_current_span("inner", attributes=values):
            pass
provider.shutdown()
