// Sends three spans with one of the published Node exporters: PROTOCOL COMPRESSION ENDPOINT SERVICE.

import { context, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [protocol, compression, endpoint, service] = process.argv.slice(2);
const packages = { json: "http", http: "proto", grpc: "grpc" };
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${packages[protocol]}`);
const url = protocol === "grpc" ? endpoint : `${endpoint}/v1/traces`;
const exporter = new OTLPTraceExporter({ url, compression });

// An exporter only logs what it is refused; this one fails the program.
const told = {
  export: (spans, done) =>
    exporter.export(spans, (result) => {
      if (result.code !== 0) {
        console.error(protocol, compression, result.error);
        process.exitCode = 1;
      }
      done(result);
    }),
  forceFlush: () => exporter.forceFlush(),
  shutdown: () => exporter.shutdown(),
};

const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": service }),
  // The tenth unit of `text.cut` is the first half of its character.
  spanLimits: { attributeValueLengthLimit: 10 },
  spanProcessors: [new SimpleSpanProcessor(told)],
});
const tracer = provider.getTracer("clients");
let parent = context.active();
for (const [name, attributes] of [
  ["outer", { "list.empty": [], "text.wide": "\u{1f525} fire" }],
  ["long", { "text.long": "x".repeat(300_000) }],
  ["inner", { "text.cut": "123456789\u{1f525}", "list.mixed": [1, 2, 3], number: 2 ** 53 }],
]) {
  const span = tracer.startSpan(name, { attributes }, parent);
  parent = trace.setSpan(parent, span);
  span.end();
}
await provider.forceFlush();
await provider.shutdown();
